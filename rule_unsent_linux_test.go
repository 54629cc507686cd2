package spout_test

import (
	"io"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// A peer that takes a little is seen to do so, however much the system would hold back for it: else a slow one
// would be dropped by WriteTimeout. What it takes before this side hears of it is counted, in steps.
func TestSlowPeerIsSeenToRead(t *testing.T) {
	const size, fast, slow, step, most = 32 << 20, 16 << 20, 3 << 20, 64 << 10, 1 << 20
	for _, s := range sides {
		t.Run(s.name, func(t *testing.T) {
			c, p := socketPair(t, s.client, spout.Options{PingInterval: -1, WriteTimeout: time.Hour})
			c.Send(spout.Binary(make([]byte, size)))
			read := func(n int) {
				if _, err := io.CopyN(io.Discard, p.in, int64(n)); err != nil {
					t.Fatal(err)
				}
			}
			read(fast) // and the system's buffers grow
			longest, unheard, before := 0, 0, c.Buffered()
			for range slow / step {
				read(step)
				unheard += step
				for range 50 {
					if now := c.Buffered(); now != before {
						before, unheard = now, 0
						break
					}
					time.Sleep(time.Millisecond)
				}
				longest = max(longest, unheard)
			}
			t.Logf("at most %d bytes were read before this side heard of any", longest)
			if longest > most {
				t.Errorf("over %d", most)
			}
		})
	}
}
