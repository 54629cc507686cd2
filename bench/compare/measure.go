package main

import (
	"errors"
	"time"

	"github.com/spoutws/spout/bench/load"
	"github.com/spoutws/spout/bench/servers"
)

// bench measures.
type bench struct {
	serverCPU, loadCPU int
	duration           time.Duration // of one measurement
	quiet              time.Duration // how long connections are idle before they are measured
	profile            string        // file for CPU samples of spout's server
}

// settle is how long a server may take to notice what its clients have closed.
const settle = 100 * time.Millisecond

// measure measures a library once in a scenario, in new processes.
func (b *bench) measure(sc scenario, l *servers.Library) (s sample, err error) {
	server, err := servers.StartProcess(b.serverCPU, serveArgument, l.Name, sc.job.Setup)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	job := sc.job
	job.Addrs = []string{server.Addr}
	if job.Kind == load.Idle {
		return b.measureIdle(server, job)
	}
	return b.measureBusy(server, job, l)
}

func (b *bench) measureBusy(server *servers.Process, job load.Job, l *servers.Library) (s sample, err error) {
	client, err := b.connect(job)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, client.Stop()) }()
	if _, err := client.Run(b.duration / 3); err != nil {
		return s, err
	}
	if b.profile != "" && l.Name == servers.All[0].Name {
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
		return s, err
	}
	if job.Kind == load.Handshakes {
		time.Sleep(settle)
	}
	after, err := server.Stats()
	if err != nil {
		return s, err
	}
	n := float64(r.Messages)
	return sample{
		CPU:    float64(after.CPU-before.CPU) / n,
		Rate:   n / r.Elapsed.Seconds(),
		P50:    float64(r.P50),
		P99:    float64(r.P99),
		P999:   float64(r.P999),
		Allocs: float64(after.Mallocs-before.Mallocs) / n,
		Bytes:  float64(after.Allocated-before.Allocated) / n,
		Wire:   float64(r.Wire) / n,
	}, nil
}

// measureIdle compares a server that has few connections with the same when it has many more.
func (b *bench) measureIdle(server *servers.Process, job load.Job) (s sample, err error) {
	const few = 200
	var at [2]servers.Stats
	for i, n := range []int{few, job.Conns} {
		j := job
		j.Conns = n
		client, err := b.connect(j)
		if err != nil {
			return s, err
		}
		defer func() { err = errors.Join(err, client.Stop()) }()
		if _, err := client.Run(b.quiet); err != nil {
			return s, err
		}
		if at[i], err = server.StatsAfterGC(); err != nil {
			return s, err
		}
	}
	n := float64(job.Conns)
	return sample{
		Memory:     float64(at[1].Memory-at[0].Memory) / n,
		Goroutines: float64(at[1].Goroutines-at[0].Goroutines) / n,
	}, nil
}

// connect starts a client that does a job.
func (b *bench) connect(job load.Job) (*load.Process, error) {
	client, err := load.StartProcess(b.loadCPU, loadArgument)
	if err != nil {
		return nil, err
	}
	if err := client.Connect(job); err != nil {
		return nil, errors.Join(err, client.Stop())
	}
	return client, nil
}
