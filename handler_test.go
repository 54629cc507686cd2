package spout

import (
	"io"
	"net"
	"slices"
	"testing"

	"github.com/spoutws/spout/internal/proto"
)

// A message that the reader takes just when Serve has seen the last one, and has not yet left the
// events to the reader, is a message of its own.
func TestMessageArrivesWhileServeBegins(t *testing.T) {
	near, far := net.Pipe()
	go io.Copy(io.Discard, far)
	defer far.Close()
	c := newConn(near, (&Options{}).config(true))
	arrive := func(s string) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.data(proto.Event{Kind: proto.Data, Op: proto.OpText, First: true, End: true, Payload: []byte(s)}, false)
	}
	var got []string
	h := HandlerFunc(func(_ *Conn, m Message) error {
		if got = append(got, m.String()); len(got) == 1 {
			arrive("two") // by the reader, which found nothing to wait for before
		}
		return nil
	})
	arrive("one")
	c.handler, c.opening = h, true
	c.open()
	arrive("three")
	if want := []string{"one", "two", "three"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	c.CloseNow()
	c.finish()
}
