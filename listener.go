package spout

import (
	"crypto/tls"
	"net"
)

// Listener returns a listener for [http.Server.Serve] that speaks TLS, by package crypto/tls, over what
// ln accepts. WebSocket connections that come through it are driven by events, as those without TLS
// are: one that is idle has no goroutine, and half of the memory that it has otherwise. It is not
// needed for wss: with [http.Server.ServeTLS], for example, each connection has a goroutine. So
// it has through a Listener where there are no events: on systems other than Linux, with
// SPOUT_ENGINE=goroutine in the environment, and over connections that are not of package net.
// Either way crypto/tls keeps a buffer for each connection, which large messages make larger: up to 40 KiB.
//
// t must hold a certificate, as for [tls.NewListener]; it is copied. Unless t.NextProtos says otherwise,
// HTTP/1.1 alone is offered, which is what a WebSocket needs. The time for TLS's handshake is
// bounded as for any server: by http.Server's ReadHeaderTimeout, for one.
//
// ln belongs to the Listener, whose Close closes it. What Accept returns is a *tls.Conn that works
// like any other, for every request, until it is upgraded.
func (s *Server) Listener(ln net.Listener, t *tls.Config) net.Listener {
	t = t.Clone()
	if t != nil && len(t.NextProtos) == 0 {
		t.NextProtos = []string{"http/1.1"}
	}
	return &listener{ln, t}
}

type listener struct {
	net.Listener
	config *tls.Config
}

func (l *listener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return tls.Server(carrying(nc), l.config), nil // the type by which net/http knows TLS
}
