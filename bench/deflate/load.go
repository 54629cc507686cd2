package main

import (
	"errors"
	"sync"
	"time"
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
func measureEcho(l library, m mode, w load) (s sample, err error) {
	p, err := start(l, m)
	if err != nil {
		return s, err
	}
	defer p.stop()
	clients, err := dialMany(p.addr, m, w.clients)
	defer closeAll(clients)
	if err != nil {
		return s, err
	}
	x, err := newTraffic(clients[0].terms, w.size, w.warm+w.measured)
	if err != nil {
		return s, err
	}
	if err := echoAll(clients, x, 0, w.warm); err != nil {
		return s, err
	}
	for _, c := range clients {
		c.wire = 0
	}
	before, err := p.ask(askCPU)
	if err != nil {
		return s, err
	}
	if err := echoAll(clients, x, w.warm, w.warm+w.measured); err != nil {
		return s, err
	}
	after, err := p.ask(askCPU)
	if err != nil {
		return s, err
	}
	wire := 0
	for _, c := range clients {
		wire += c.wire
	}
	n := float64(w.clients * w.measured)
	s.us = float64(after-before) / n / float64(time.Microsecond)
	s.ratio = n * float64(w.size) / float64(wire)
	return s, nil
}

// measureIdle returns by how much the resident memory of a server grows for
// each of many connections that have talked, and are quiet.
func measureIdle(l library, m mode, n int) (bytes float64, err error) {
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
	defer p.stop()
	var x traffic
	talk := func(n int) (clients []*client, err error) {
		if clients, err = dialMany(p.addr, m, n); err != nil {
			return clients, err
		}
		if x.frames == nil {
			if x, err = newTraffic(clients[0].terms, size, messages); err != nil {
				return clients, err
			}
		}
		return clients, echoEach(clients, x)
	}
	first, err := talk(warm)
	defer closeAll(first)
	if err != nil {
		return 0, err
	}
	time.Sleep(quiet)
	before, err := p.ask(askMemory)
	if err != nil {
		return 0, err
	}
	clients, err := talk(n)
	defer closeAll(clients)
	if err != nil {
		return 0, err
	}
	time.Sleep(quiet)
	after, err := p.ask(askMemory)
	return float64(after-before) / float64(n), err
}

// dialMany opens n connections; also with an error, those returned are open.
func dialMany(addr string, m mode, n int) (clients []*client, err error) {
	for range n {
		c, err := dial(addr, m)
		if err != nil {
			return clients, err
		}
		clients = append(clients, c)
	}
	return clients, nil
}

func closeAll(clients []*client) {
	for _, c := range clients {
		c.close()
	}
}

// echoAll has all clients echo the messages from i to j at the same time.
func echoAll(clients []*client, x traffic, i, j int) error {
	var wg sync.WaitGroup
	errs := make([]error, len(clients))
	for k, c := range clients {
		wg.Go(func() {
			inf := newInflater()
			for n := i; n < j && errs[k] == nil; n++ {
				errs[k] = c.echo(x.frames[n], x.messages[n], inf)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// echoEach has one client after the other echo all messages, and drops what a
// client would need to go on.
func echoEach(clients []*client, x traffic) error {
	inf := newInflater()
	for _, c := range clients {
		for n, m := range x.messages {
			if err := c.echo(x.frames[n], m, inf); err != nil {
				return err
			}
		}
		c.history, c.payload = nil, nil
	}
	return nil
}
