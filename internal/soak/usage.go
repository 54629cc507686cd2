package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
)

// usage is what a process holds at one moment.
type usage struct {
	Resident    int // bytes of memory that the process occupies
	Heap        int // bytes of it that the last garbage collection found in use
	Goroutines  int
	Descriptors int
}

// measure returns what this process holds.
func measure() (u usage, err error) {
	if u.Resident, err = residentMemory(); err != nil {
		return u, err
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	u.Heap = int(live[0].Value.Uint64())
	u.Goroutines = runtime.NumGoroutine()
	u.Descriptors, err = descriptors()
	return u, err
}

// measureRest is measure for a process that rests: what pools hold is let go of first.
func measureRest() (usage, error) {
	debug.FreeOSMemory()
	debug.FreeOSMemory() // a pool needs two collections
	return measure()
}

func residentMemory() (int, error) {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	var size, resident int
	if _, err := fmt.Fscan(strings.NewReader(string(statm)), &size, &resident); err != nil {
		return 0, err
	}
	return resident * os.Getpagesize(), nil
}

// descriptors counts the open files of this process, but for the one that lists them.
func descriptors() (int, error) {
	entries, err := os.ReadDir("/proc/self/fd")
	return len(entries) - 1, err
}

// mib writes a number of bytes in MiB.
func mib(bytes int) string { return fmt.Sprintf("%.1f", float64(bytes)/(1<<20)) }
