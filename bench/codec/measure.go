package main

import (
	"runtime"
	"time"
)

// cost is what one call costs.
type cost struct {
	us     float64
	allocs float64
}

// measure calls f(0) to f(n-1) again and again, and returns the cost of a call
// in the fastest of several rounds: noise of other processes only ever adds.
func measure(n int, f func(i int)) cost {
	const (
		rounds = 4
		round  = 5 * time.Millisecond
	)
	for i := range n {
		f(i)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	calls, best := 0, 0.0
	for r := range rounds {
		start, c := time.Now(), 0
		for time.Since(start) < round {
			for i := range n {
				f(i)
			}
			c += n
		}
		us := time.Since(start).Seconds() * 1e6 / float64(c)
		if r == 0 || us < best {
			best = us
		}
		calls += c
	}
	runtime.ReadMemStats(&after)
	return cost{best, float64(after.Mallocs-before.Mallocs) / float64(calls)}
}

// heap returns how many bytes the heap holds for what f returns.
func heap(f func() any) int {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	x := f()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(x)
	return int(after.HeapAlloc) - int(before.HeapAlloc)
}
