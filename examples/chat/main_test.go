package main

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/spouttest"
)

// TestChat lets two members talk, without a socket and in no time.
func TestChat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := handler()
		ann := spouttest.Dial(t, site, "/rooms/lobby?name=Ann")
		hears(t, ann, "Ann joined")
		bob := spouttest.Dial(t, site, "/rooms/lobby?name=Bob")
		hears(t, ann, "Bob joined")
		hears(t, bob, "Bob joined")

		bob.Send(spout.Text("hello"))
		hears(t, ann, "Bob: hello")
		bob.Close(spout.CloseNormal, "")
		hears(t, ann, "Bob left")
	})
}

// hears fails t unless the next message to c is text.
func hears(t *testing.T, c *spout.Conn, text string) {
	t.Helper()
	m, err := c.Read(context.Background())
	if err != nil || m.String() != text {
		t.Fatalf("heard %q, %v; want %q", m, err, text)
	}
}
