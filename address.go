package spout

import (
	"net"
	"net/netip"
)

// address is the network address of a peer in few bytes, since every connection has one, and the
// system forgets it when the peer resets the connection.
type address struct {
	ip    [16]byte
	port  uint16
	tcp   bool
	other net.Addr // one that is not of TCP, or has a zone
}

func addressOf(a net.Addr) address {
	t, ok := a.(*net.TCPAddr)
	if !ok || t.Zone != "" {
		return address{other: a}
	}
	return address{ip: t.AddrPort().Addr().As16(), port: uint16(t.Port), tcp: true}
}

func (a *address) netAddr() net.Addr {
	if !a.tcp {
		return a.other
	}
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom16(a.ip).Unmap(), a.port))
}
