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

// course is what a process held at rest before the clients came, while they talked, and at rest after.
type course struct {
	before, after usage
	during        []usage
}

// gone reports whether no goroutine and no descriptor is left over.
func (c *course) gone() bool {
	return c.after.Goroutines <= c.before.Goroutines && c.after.Descriptors <= c.before.Descriptors
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

// growth is how memory compares in the first and the last third of the time.
type growth struct {
	text  string
	grown bool
}

// flat compares the most that was held in the last third with that in the first. It may be half as much
// more, and 8 MiB: so much garbage collection, and how busy the machine is, let it vary.
func flat(during []usage) (all []growth) {
	third := len(during) / 3
	for _, q := range []struct {
		name string
		of   func(usage) int
	}{
		{"heap", func(u usage) int { return u.Heap }},
		{"resident", func(u usage) int { return u.Resident }},
	} {
		most := func(us []usage) (m int) {
			for _, u := range us {
				m = max(m, q.of(u))
			}
			return m
		}
		first, last := most(during[:third]), most(during[len(during)-third:])
		limit := first + first/2 + 8<<20
		all = append(all, growth{
			fmt.Sprintf("%s at most %s MiB in the first third, %s in the last (limit %s)", q.name, mib(first), mib(last), mib(limit)),
			last > limit,
		})
	}
	return all
}
