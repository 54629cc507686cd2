package spout

import (
	"net"
	"testing"
	"time"
)

// acceptedTCP returns a server's connection over TCP, which has neither been answered nor begun, and the peer's end of
// that, which is closed when the test ends.
func acceptedTCP(t testing.TB) (c *Conn, far net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	far, err = net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	far.SetDeadline(time.Now().Add(time.Minute))
	near, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	o := Options{PingInterval: -1}
	return accepted(near, o.config(true), nil), far
}
