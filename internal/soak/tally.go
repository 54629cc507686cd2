package main

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

// tally counts what all clients did.
type tally struct {
	messages, bytes, pings, pongs, ticks atomic.Int64
	compressed                           atomic.Int64 // connections
	ends                                 [endings]atomic.Int64
}

// report says what the clients did in a time.
func (t *tally) report(d time.Duration) string {
	var ends []string
	total := int64(0)
	for e := range t.ends {
		n := t.ends[e].Load()
		total += n
		ends = append(ends, fmt.Sprintf("%d %s", n, endingNames[e]))
	}
	return fmt.Sprintf("clients: %d connections, %d of them compressed: %s\n", total, t.compressed.Load(), strings.Join(ends, ", ")) +
		fmt.Sprintf("clients: %d messages sent, %.0f a second, %s MiB; %d ticks came; %d pings, %d pongs", t.messages.Load(),
			float64(t.messages.Load())/d.Seconds(), mib(int(t.bytes.Load())), t.ticks.Load(), t.pings.Load(), t.pongs.Load())
}
