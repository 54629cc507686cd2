//go:build !linux

package spout

import "net"

// route is of no use here.
type route struct{}

// accepted returns the connection over a server's end of nc, which it owns from now on.
func accepted(nc net.Conn, cfg *config, _ *route) *Conn { return waitedFor(nc, cfg) }

// carrying returns what TLS over nc is to use: nc.
func carrying(nc net.Conn) net.Conn { return nc }
