package main

import (
	"runtime"
	"time"

	"github.com/spoutws/spout/bench/process"
)

// cost is what one call costs.
type cost struct {
	us     float64 // CPU time in microseconds, garbage collection included
	allocs float64
}

// measure calls f(0) to f(n-1) again and again, and returns the cost of a call
// in the cheapest of several rounds: other processes only ever add to it.
func measure(n int, f func(i int)) (cost, error) {
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
		start, err := process.CPUTime()
		if err != nil {
			return cost{}, err
		}
		used, c := time.Duration(0), 0
		for used < round {
			for i := range n {
				f(i)
			}
			c += n
			now, err := process.CPUTime()
			if err != nil {
				return cost{}, err
			}
			used = now - start
		}
		us := used.Seconds() * 1e6 / float64(c)
		if r == 0 || us < best {
			best = us
		}
		calls += c
	}
	runtime.ReadMemStats(&after)
	return cost{best, float64(after.Mallocs-before.Mallocs) / float64(calls)}, nil
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
