package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/spoutws/spout/bench/process"
	"github.com/spoutws/spout/brokers/nats/natstest"
)

// broker is a server of NATS in a process of its own.
type broker struct {
	url   string
	child *process.Child
}

// What it can be asked.
const (
	askURL    = "url"
	askCPU    = "cpu"    // what the process has used so far
	askMemory = "memory" // what it holds, after a collection
)

func startBroker(cpu int) (*broker, error) {
	child, err := process.Start(cpu, brokerArgument)
	if err != nil {
		return nil, err
	}
	b := &broker{child: child}
	if err := child.Ask(askURL, nil, &b.url); err != nil {
		b.stop()
		return nil, fmt.Errorf("NATS: %w", err)
	}
	return b, nil
}

func (b *broker) cpu() (d time.Duration, err error) { return d, b.child.Ask(askCPU, nil, &d) }

func (b *broker) memory() (n int64, err error) { return n, b.child.Ask(askMemory, nil, &n) }

func (b *broker) stop() error { return b.child.Stop() }

// runBroker is the process. It ends with its input.
func runBroker() (err error) {
	dir, err := os.MkdirTemp("", "rooms")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := natstest.Run(natstest.Config{Dir: dir})
	if err != nil {
		return err
	}
	defer s.WaitForShutdown()
	defer s.Shutdown()
	return process.Answer(os.Stdin, os.Stdout, func(name string, _ json.RawMessage) (any, error) {
		switch name {
		case askURL:
			return s.ClientURL(), nil
		case askCPU:
			return process.CPUTime()
		case askMemory:
			debug.FreeOSMemory()
			return process.ResidentMemory()
		}
		return nil, fmt.Errorf("unknown question %q", name)
	})
}
