package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spoutws/spout/bench/load"
	"github.com/spoutws/spout/bench/servers"
)

// bench measures.
type bench struct {
	serverCPU, loadCPU int
	duration           time.Duration // of one measurement
	profile            string        // file for CPU samples of spout's server
}

// sample is one measurement. What is of a delivery is divided already: of a message that one member has got.
type sample struct {
	cpu      float64 // nanoseconds of all servers for a delivery
	first    float64 // nanoseconds of the publishers' node for a published message
	other    float64 // and of each other one
	broker   float64 // and of NATS
	rate     float64 // deliveries a second
	p50, p99 float64 // nanoseconds from publishing to a delivery
	allocs   float64 // of a delivery
	join     float64 // nanoseconds of all servers for a connection: its handshake, joining its rooms, a greeting
	memory   float64 // resident bytes of the servers for a connection in its rooms
	interest float64 // resident bytes of NATS for a room that a node subscribes to
}

// result is what was measured in a scenario.
type result struct {
	scenario
	samples map[*servers.Library][]sample
}

// rounds measures all libraries of a scenario, taking turns. One that has failed is measured no more.
func (b *bench) rounds(sc scenario, n int) (r *result, failed error) {
	r = &result{sc, make(map[*servers.Library][]sample)}
	broken := make(map[*servers.Library]bool)
	for range n {
		for _, l := range sc.libraries {
			if broken[l] {
				continue
			}
			s, err := b.measure(sc, l)
			if err != nil {
				broken[l] = true
				failed = errors.Join(failed, fmt.Errorf("%s, %s: %w", sc.name, l.Name, err))
				continue
			}
			r.samples[l] = append(r.samples[l], s)
		}
	}
	return r, failed
}

// measure measures a library once, in new processes.
func (b *bench) measure(sc scenario, l *servers.Library) (s sample, err error) {
	var broker *broker
	job := sc.job
	if sc.nodes > 1 {
		if broker, err = startBroker(b.loadCPU); err != nil {
			return s, err
		}
		defer func() { err = errors.Join(err, broker.stop()) }()
		job.Setup.NATS = broker.url
	}
	var nodes []*servers.Process
	for range sc.nodes {
		node, err := servers.StartProcess(b.serverCPU, serveArgument, l.Name, job.Setup)
		if err != nil {
			return s, err
		}
		defer func() { err = errors.Join(err, node.Stop()) }()
		nodes = append(nodes, node)
		job.Addrs = append(job.Addrs, node.Addr)
	}
	client, err := load.StartProcess(b.loadCPU, loadArgument)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, client.Stop()) }()
	empty, err := holdings(nodes, broker)
	if err != nil {
		return s, err
	}
	alone, err := stats(nodes, broker)
	if err != nil {
		return s, err
	}
	if err := client.Connect(job); err != nil {
		return s, err
	}
	joined, err := stats(nodes, broker)
	if err != nil {
		return s, err
	}
	full, err := holdings(nodes, broker)
	if err != nil {
		return s, err
	}
	if _, err := client.Run(b.duration / 3); err != nil {
		return s, err
	}
	if b.profile != "" && servers.Ours(l) {
		if err := nodes[0].Profile(b.profile); err != nil {
			return s, err
		}
		defer func() { err = errors.Join(err, nodes[0].Profile("")) }()
	}
	before, err := stats(nodes, broker)
	if err != nil {
		return s, err
	}
	run, err := client.Run(b.duration)
	if err != nil {
		return s, err
	}
	after, err := stats(nodes, broker)
	if err != nil {
		return s, err
	}
	deliveries := float64(run.Messages)
	published := deliveries / float64(job.Members)
	s = sample{rate: deliveries / run.Elapsed.Seconds(), p50: float64(run.P50), p99: float64(run.P99)}
	for i := range nodes {
		s.join += float64(joined.nodes[i].CPU-alone.nodes[i].CPU) / float64(job.Conns)
		used := float64(after.nodes[i].CPU - before.nodes[i].CPU)
		s.cpu += used / deliveries
		s.allocs += float64(after.nodes[i].Mallocs-before.nodes[i].Mallocs) / deliveries
		if i == 0 {
			s.first = used / published
		} else {
			s.other += used / published / float64(len(nodes)-1)
		}
	}
	s.memory = float64(full.nodes-empty.nodes) / float64(job.Conns)
	s.interest = float64(full.broker-empty.broker) / float64(job.Conns/job.Members*job.Rooms*sc.nodes)
	s.broker = float64(after.broker-before.broker) / published
	return s, nil
}

// used is what all servers have used so far.
type used struct {
	nodes  []servers.Stats
	broker time.Duration
}

func stats(nodes []*servers.Process, broker *broker) (u used, err error) {
	for _, node := range nodes {
		s, err := node.Stats()
		if err != nil {
			return u, err
		}
		u.nodes = append(u.nodes, s)
	}
	if broker != nil {
		u.broker, err = broker.cpu()
	}
	return u, err
}

// held is the resident memory of all servers, after a collection.
type held struct{ nodes, broker int64 }

func holdings(nodes []*servers.Process, broker *broker) (h held, err error) {
	for _, node := range nodes {
		s, err := node.StatsAfterGC()
		if err != nil {
			return h, err
		}
		h.nodes += s.Memory
	}
	if broker != nil {
		h.broker, err = broker.memory()
	}
	return h, err
}
