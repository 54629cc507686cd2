package load

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spoutws/spout/bench/process"
)

// Process is a client in a process of its own.
type Process struct{ child *process.Child }

// What a client process can be asked.
const (
	askConnect = "connect" // a Job
	askRun     = "run"     // a duration
)

// StartProcess runs this program again with the argument, which must make it call RunProcess.
func StartProcess(cpu int, argument string) (*Process, error) {
	child, err := process.Start(cpu, argument)
	return &Process{child}, err
}

// Connect opens the connections of a job, and checks that the server does what it should.
func (p *Process) Connect(j Job) error { return p.child.Ask(askConnect, j, nil) }

// Run keeps the connections busy for a while, until all that was sent has come back.
func (p *Process) Run(d time.Duration) (r Result, err error) { return r, p.child.Ask(askRun, d, &r) }

// Stop ends the process.
func (p *Process) Stop() error { return p.child.Stop() }

// runner has the connections of a job.
type runner interface {
	run(d time.Duration) (Result, error)
	close()
}

// RunProcess is the client process. It ends with its input.
func RunProcess(in io.Reader, out io.Writer) error {
	var r runner
	defer func() {
		if r != nil {
			r.close()
		}
	}()
	return process.Answer(in, out, func(name string, argument json.RawMessage) (any, error) {
		switch name {
		case askConnect:
			var j Job
			if err := json.Unmarshal(argument, &j); err != nil {
				return nil, err
			}
			next, err := j.connect()
			if err == nil {
				r = next
			}
			return nil, err
		case askRun:
			var d time.Duration
			if err := json.Unmarshal(argument, &d); err != nil {
				return nil, err
			}
			return r.run(d)
		}
		return nil, fmt.Errorf("unknown question %q", name)
	})
}
