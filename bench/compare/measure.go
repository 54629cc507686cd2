package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spoutws/spout/bench/load"
	"github.com/spoutws/spout/bench/servers"
)

// sample is one measurement of one server; what is per message or per connection is divided already.
type sample struct {
	cpu                float64 // nanoseconds of the server for a message
	rate               float64 // messages a second
	p50, p99, p999     float64 // nanoseconds until a message was back
	allocs, bytes      float64 // for a message
	wire               float64 // bytes on the wire that the server sent for a message
	memory, goroutines float64 // for an idle connection
}

// bench measures.
type bench struct {
	serverCPU, loadCPU int
	duration           time.Duration // of one measurement
	profile            string        // file for samples of spout's server
}

// measure runs a scenario once with one library, in new processes.
func (b *bench) measure(sc scenario, l *servers.Library) (s sample, err error) {
	server, err := servers.StartProcess(b.serverCPU, serveArgument, l.Name, sc.job.Setup)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	client, err := load.StartProcess(b.loadCPU, loadArgument)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, client.Stop()) }()

	job := sc.job
	job.Addr = server.Addr
	if err := client.Connect(job); err != nil {
		return s, fmt.Errorf("%s, %s: %w", sc.name, l.Name, err)
	}
	if _, err := client.Run(b.duration / 3); err != nil {
		return s, fmt.Errorf("%s, %s: %w", sc.name, l.Name, err)
	}
	if b.profile != "" && l == servers.All[0] {
		if err := server.Profile(b.profile); err != nil {
			return s, err
		}
		defer func() { err = errors.Join(err, server.Profile("")) }()
	}
	before, err := server.Stats()
	if err != nil {
		return s, err
	}
	r, err := client.Run(b.duration)
	if err != nil {
		return s, fmt.Errorf("%s, %s: %w", sc.name, l.Name, err)
	}
	after, err := server.Stats()
	if err != nil {
		return s, err
	}
	n := float64(r.Messages)
	return sample{
		cpu:    float64(after.CPU-before.CPU) / n,
		rate:   n / r.Elapsed.Seconds(),
		p50:    float64(r.P50),
		p99:    float64(r.P99),
		p999:   float64(r.P999),
		allocs: float64(after.Mallocs-before.Mallocs) / n,
		bytes:  float64(after.Allocated-before.Allocated) / n,
		wire:   float64(r.Wire) / n,
	}, nil
}
