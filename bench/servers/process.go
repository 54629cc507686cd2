package servers

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"time"

	"github.com/spoutws/spout/bench/process"
)

// Stats is what a server process has used, and holds.
type Stats struct {
	CPU        time.Duration // user and system time
	Mallocs    uint64        // since the start
	Allocated  uint64        // bytes, since the start
	Memory     int64         // resident bytes of its own
	Goroutines int
}

// Process is a server in a process of its own.
type Process struct {
	Addr  string
	child *process.Child
}

// What a server process can be asked.
const (
	askStart   = "start"   // an order: serve
	askStats   = "stats"   // true: collect garbage before, and give back what is unused
	askProfile = "profile" // the name of a file: write CPU samples to it; none: end that
)

type order struct {
	Library string
	Setup   Setup
}

// StartProcess runs this program again with the argument, which must make it
// call RunProcess, and starts a server in it.
func StartProcess(cpu int, argument, library string, s Setup) (*Process, error) {
	child, err := process.Start(cpu, argument)
	if err != nil {
		return nil, err
	}
	p := &Process{child: child}
	if err := child.Ask(askStart, order{library, s}, &p.Addr); err != nil {
		child.Stop()
		return nil, fmt.Errorf("%s: %w", library, err)
	}
	return p, nil
}

// Stats returns what the process has used so far.
func (p *Process) Stats() (s Stats, err error) { return s, p.child.Ask(askStats, false, &s) }

// StatsAfterGC returns that, too, after a collection.
func (p *Process) StatsAfterGC() (s Stats, err error) { return s, p.child.Ask(askStats, true, &s) }

// Profile begins to write a CPU profile to a file, or ends that if there is no name.
func (p *Process) Profile(name string) error { return p.child.Ask(askProfile, name, nil) }

// Stop ends the process.
func (p *Process) Stop() error { return p.child.Stop() }

// RunProcess is the server process. It ends with its input.
func RunProcess(in io.Reader, out io.Writer) error {
	stop := func() {}
	defer func() { stop() }()
	return process.Answer(in, out, func(name string, argument json.RawMessage) (any, error) {
		switch name {
		case askStart:
			var o order
			if err := json.Unmarshal(argument, &o); err != nil {
				return nil, err
			}
			l, err := Find(o.Library)
			if err != nil {
				return nil, err
			}
			addr, end, err := l.Start(o.Setup)
			if err == nil {
				stop = end
			}
			return addr, err
		case askStats:
			return stats(string(argument) == "true")
		case askProfile:
			var file string
			if err := json.Unmarshal(argument, &file); err != nil {
				return nil, err
			}
			return nil, profile(file)
		}
		return nil, fmt.Errorf("unknown question %q", name)
	})
}

func stats(collect bool) (s Stats, err error) {
	if collect {
		debug.FreeOSMemory()
		debug.FreeOSMemory() // pools let go of what they hold in the second collection
		if s.Memory, err = process.ResidentMemory(); err != nil {
			return s, err
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.Mallocs, s.Allocated = m.Mallocs, m.TotalAlloc
	s.Goroutines = runtime.NumGoroutine()
	s.CPU, err = process.CPUTime()
	return s, err
}

// profile begins or ends a CPU profile.
func profile(file string) error {
	if file == "" {
		pprof.StopCPUProfile()
		return nil
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return pprof.StartCPUProfile(f)
}
