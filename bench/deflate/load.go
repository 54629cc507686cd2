package main

import (
	"errors"
	"sync"
	"time"

	"github.com/spoutws/spout/bench/servers"
	"github.com/spoutws/spout/bench/wire"
)

// load is what is done to a server.
type load struct {
	size     int // bytes of a message
	clients  int
	warm     int // messages of each client before it counts
	measured int // and then
}

// sample is one measurement of one server.
type sample struct {
	us    float64 // CPU time for a message, in microseconds
	ratio float64 // bytes of messages to bytes on the wire, in the server's direction
}

// measureEcho has clients echo messages at the same time, each with one under way.
func measureEcho(l *servers.Library, m wire.Mode, w load) (s sample, err error) {
	p, err := start(l, m)
	if err != nil {
		return s, err
	}
	defer p.Stop()
	clients, err := wire.DialMany(p.Addr, m, nil, w.clients)
	defer wire.CloseAll(clients)
	if err != nil {
		return s, err
	}
	x, err := wire.NewTraffic(clients[0].Terms, w.size, w.warm+w.measured)
	if err != nil {
		return s, err
	}
	if err := echoAll(clients, x, 0, w.warm); err != nil {
		return s, err
	}
	for _, c := range clients {
		c.Wire = 0
	}
	before, err := p.Stats()
	if err != nil {
		return s, err
	}
	if err := echoAll(clients, x, w.warm, w.warm+w.measured); err != nil {
		return s, err
	}
	after, err := p.Stats()
	if err != nil {
		return s, err
	}
	wire := 0
	for _, c := range clients {
		wire += c.Wire
	}
	n := float64(w.clients * w.measured)
	s.us = float64(after.CPU-before.CPU) / n / float64(time.Microsecond)
	s.ratio = n * float64(w.size) / float64(wire)
	return s, nil
}

// measureIdle returns by how much the resident memory of a server grows for
// each of many connections that have talked, and are quiet.
func measureIdle(l *servers.Library, m wire.Mode, n int) (bytes float64, err error) {
	const (
		warm     = 200
		messages = 8 // enough to fill a window of 4 KiB
		size     = 1024
		quiet    = 3 * time.Second // until what is done for idle connections is done
	)
	p, err := start(l, m)
	if err != nil {
		return 0, err
	}
	defer p.Stop()
	var x wire.Traffic
	talk := func(n int) (clients []*wire.Client, err error) {
		if clients, err = wire.DialMany(p.Addr, m, nil, n); err != nil {
			return clients, err
		}
		if x.Frames == nil {
			if x, err = wire.NewTraffic(clients[0].Terms, size, messages); err != nil {
				return clients, err
			}
		}
		return clients, echoEach(clients, x)
	}
	first, err := talk(warm)
	defer wire.CloseAll(first)
	if err != nil {
		return 0, err
	}
	time.Sleep(quiet)
	before, err := p.StatsAfterGC()
	if err != nil {
		return 0, err
	}
	clients, err := talk(n)
	defer wire.CloseAll(clients)
	if err != nil {
		return 0, err
	}
	time.Sleep(quiet)
	after, err := p.StatsAfterGC()
	return float64(after.Memory-before.Memory) / float64(n), err
}

// echoAll has all clients echo the messages from i to j at the same time.
func echoAll(clients []*wire.Client, x wire.Traffic, i, j int) error {
	var wg sync.WaitGroup
	errs := make([]error, len(clients))
	for k, c := range clients {
		wg.Go(func() {
			inf := wire.NewInflater()
			for n := i; n < j && errs[k] == nil; n++ {
				errs[k] = c.Echo(x.Frames[n], x.Messages[n], inf)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// echoEach has one client after the other echo all messages, and drops what a
// client would need to go on.
func echoEach(clients []*wire.Client, x wire.Traffic) error {
	inf := wire.NewInflater()
	for _, c := range clients {
		for n, m := range x.Messages {
			if err := c.Echo(x.Frames[n], m, inf); err != nil {
				return err
			}
		}
		c.Forget()
	}
	return nil
}
