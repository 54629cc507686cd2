package spout

import (
	"math/rand/v2"
	"testing"
	"time"
)

// What it costs to give a connection among so many its next alarm, as each keepalive ping does.
func BenchmarkAlarms(b *testing.B) {
	for name, n := range map[string]int{"1,000": 1000, "1,000,000": 1_000_000} {
		b.Run(name, func(b *testing.B) {
			var a alarms
			conns := make([]Conn, n)
			start := now() + instant(time.Hour)
			for i := range conns {
				a.set(&conns[i], start+instant(i))
			}
			next := start + instant(n)
			for b.Loop() {
				next++
				a.set(&conns[rand.IntN(n)], next)
			}
			b.StopTimer()
			for i := range conns {
				a.remove(&conns[i])
			}
		})
	}
}
