package spout

import (
	"crypto/tls"
	"net"
)

// Listener returns a listener for [http.Server.Serve] which speaks TLS over what ln accepts, with
// the package crypto/tls. WebSocket connections that come through it are driven by events: one that
// is idle has no goroutine, and half of the memory that it has otherwise. Without it, with
// [http.Server.ServeTLS] for example, wss works as well, with a goroutine for each connection; so
// it does through a Listener where events are not to be had: on systems other than Linux, and over
// anything else than the connections of package net.
//
// t must hold a certificate, as for [tls.NewListener]. It is copied. Unless its NextProtos say
// otherwise, HTTP/1.1 is the only protocol that is offered, since a WebSocket needs that.
//
// The listener belongs to the caller, and so does what is accepted from it until a request is
// upgraded; closing it closes ln.
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
