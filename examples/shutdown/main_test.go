package main

import (
	"context"
	"net"
	"testing"

	"github.com/spoutws/spout"
)

func TestServe(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(stop, ln) }()

	c, err := spout.Dial(t.Context(), "ws://"+ln.Addr().String()+"/websocket")
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if err := c.Send(spout.Text("hello")); err != nil {
		t.Fatal(err)
	}
	if m, err := c.Read(t.Context()); err != nil || m.String() != "hello" {
		t.Errorf("got %q, %v", m, err)
	}

	cancel()
	if _, err := c.Read(t.Context()); spout.CloseCode(err) != spout.CloseServiceRestart {
		t.Errorf("read returned %v, want close code %v", err, spout.CloseServiceRestart)
	}
	if err := <-ended; err != nil {
		t.Errorf("serve returned %v", err)
	}
}
