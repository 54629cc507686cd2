package spout_test

import (
	"bytes"
	"net"
	"sync"
	"testing"

	"github.com/spoutws/spout"
)

// Two ends that both send more than all queues between them hold, and both receive, come through: none
// stops reading because of what it has to send.
func TestBothEndsSendMuch(t *testing.T) {
	const n, size = 200, 100 << 10
	for _, style := range []string{"read", "served"} {
		t.Run(style, func(t *testing.T) {
			near, far := net.Pipe()
			ends := []*spout.Conn{over(t, near, true, spout.Options{}), over(t, far, false, spout.Options{})}
			var received, all sync.WaitGroup
			received.Add(len(ends))
			data := bytes.Repeat([]byte("x"), size)
			for _, c := range ends {
				got := 0
				message := func(_ *spout.Conn, m spout.Message) error {
					if got++; got == n {
						received.Done()
					}
					return nil
				}
				all.Go(func() {
					if style == "served" {
						c.Serve(spout.HandlerFunc(message))
					} else {
						for m := range c.Messages(t.Context()) {
							message(c, m)
						}
					}
					if got < n {
						t.Errorf("%d of %d messages, then %v", got, n, await(c))
						received.Done()
					}
				})
				all.Go(func() {
					for i := range n {
						if err := c.Write(t.Context(), spout.Binary(data)); err != nil {
							t.Errorf("message %d: %v", i, err)
							return
						}
					}
				})
			}
			received.Wait()
			ends[0].Close(spout.CloseNormal, "")
			all.Wait()
		})
	}
}
