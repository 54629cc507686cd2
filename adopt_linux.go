package spout

import (
	"crypto/tls"
	"net"
	"os"
	"syscall"

	"github.com/spoutws/spout/internal/poll"
	"github.com/spoutws/spout/internal/proto"
)

// route is what the connections of one [Server.Handler] share: whether their events are slow.
type route = poll.Route

// driven reports whether connections of servers are driven by events.
var driven = os.Getenv("SPOUT_ENGINE") != "goroutine"

// accepted returns the connection over a server's end of nc, which it owns from now on.
func accepted(nc net.Conn, cfg *config, r *route) *Conn {
	if t, ok := nc.(*tls.Conn); ok {
		if under, ok := t.NetConn().(*carrier); ok {
			s := &secureSocket{tls: t}
			c := adopted(&s.socket, s, under.Conn, cfg, r)
			if c == nil {
				return waitedFor(nc, cfg)
			}
			under.socket.Store(s)
			return c
		}
	}
	if adoptable(nc) != nil && driven {
		s := &plainSocket{}
		if c := adopted(&s.socket, s, nc, cfg, r); c != nil {
			return c
		}
	}
	return waitedFor(nc, cfg)
}

// systemConn is a connection of package net over a descriptor.
type systemConn interface {
	net.Conn
	syscall.Conn
}

// adoptable returns nc if it can become a socket, else nil.
func adoptable(nc net.Conn) systemConn {
	switch nc := nc.(type) { // these, and nothing that wraps them: its Close would be called too early
	case *net.TCPConn:
		return nc
	case *net.UnixConn:
		return nc
	}
	return nil
}

// adopted makes s, which is a part of h, the socket under nc, and returns its connection. It
// returns nil, and nc is as before, if that can't be done.
func adopted(s *socket, h interface {
	stream
	poll.Handler
}, nc net.Conn, cfg *config, r *route) *Conn {
	if tcp, ok := nc.(*net.TCPConn); ok {
		limitUnsent(tcp)
	}
	s.conn = Conn{cfg: cfg, stream: h, decoder: proto.NewDecoder(&cfg.rules)}
	if a, ok := nc.RemoteAddr().(*net.TCPAddr); ok && a.Zone == "" {
		s.ip, s.port = a.AddrPort().Addr().As16(), uint16(a.Port)
	} else {
		s.conn.rare = &rare{remote: nc.RemoteAddr()}
	}
	if err := poll.Default.Adopt(&s.Socket, adoptable(nc), h, r); err != nil {
		cfg.log().Debug("spout: a goroutine serves the connection", "remote", nc.RemoteAddr(), "err", err)
		return nil
	}
	return &s.conn
}
