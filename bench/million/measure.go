//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spoutws/spout/bench/wire"
)

// measure does it all, and prints a line for each step.
func (p plan) measure(out io.Writer, pairs []*pair) error {
	say := func(name, format string, args ...any) {
		fmt.Fprintf(out, "%-28s %s\n", name, fmt.Sprintf(format, args...))
	}
	first := min(warm, pairs[len(pairs)-1].conns)
	if err := each(pairs, func(x *pair) error { return x.connect(first) }); err != nil {
		return err
	}
	if _, err := echoes(pairs, first*len(pairs), false); err != nil {
		return err
	}
	before, err := used(pairs)
	if err != nil {
		return err
	}
	kernelBefore := kernelMemory()

	began := time.Now()
	if err := each(pairs, func(x *pair) error { return x.connect(x.conns - first) }); err != nil {
		return err
	}
	took := time.Since(began)
	say("connected", "%s in %.1f s, %.0f a second", thousands(int64(p.conns)), took.Seconds(), float64(p.conns-before.Conns)/took.Seconds())
	for _, round := range []struct {
		name   string
		pieces bool
	}{{"echoed a message", false}, {"echoed one in two pieces", true}} {
		took, err := echoes(pairs, p.conns, round.pieces)
		if err != nil {
			return err
		}
		say(round.name, "all, in %.1f s", took.Seconds())
	}
	time.Sleep(p.hold)

	after, err := p.pinged(pairs)
	if err != nil {
		return err
	}
	kernelAfter := kernelMemory()
	state, err := clients(pairs)
	if err != nil {
		return err
	}
	more := int64(max(1, after.Conns-before.Conns))
	say("held", "%s by the servers, %s by the clients, after %v", thousands(int64(after.Conns)), thousands(int64(state.Conns)), p.hold)
	say("keepalive", "%s have answered a ping; %s pongs sent", thousands(int64(after.Answered)), thousands(int64(state.Pongs)))
	say("memory of a connection", "%d bytes resident in its server, %d of them private",
		(after.Resident-before.Resident)/more, (after.Private-before.Private)/more)
	say("in the kernel, both ends", "%d bytes in slabs%s; %s pages queued in all",
		(kernelAfter.slab-kernelBefore.slab)/more, kernelAfter.sinceOfTCP(kernelBefore, more), thousands(kernelAfter.queued))
	say("servers together", "%s MiB resident; %d goroutines in %d processes, %d before; %.1f s of CPU time",
		thousands(after.Resident>>20), after.Goroutines, len(pairs), before.Goroutines, (after.CPU - before.CPU).Seconds())
	if after.Conns != p.conns || state.Conns != p.conns {
		return fmt.Errorf("not all %d connections are held: %s", p.conns, state.Lost)
	}
	if p.hold > p.ping && after.Answered != p.conns {
		return fmt.Errorf("only %d connections have answered a ping", after.Answered)
	}

	if took, err = echoes(pairs, p.conns, false); err != nil {
		return err
	}
	say("echoed another message", "all, in %.1f s", took.Seconds())
	began = time.Now()
	closed, err := sum(pairs, func(x *pair, n *int) error { return x.client.Ask(askClose, nil, n) })
	if err != nil {
		return err
	}
	say("closed", "%s with 1000, in %.1f s", thousands(int64(closed)), time.Since(began).Seconds())
	if closed != p.conns {
		return fmt.Errorf("%d connections did not close as they should", p.conns-closed)
	}
	return nil
}

// pinged returns what the servers have used when all connections have answered a ping, if they were held
// for long enough to get one.
func (p plan) pinged(pairs []*pair) (u usage, err error) {
	for end := time.Now().Add(wire.Patience); ; time.Sleep(time.Second) {
		u, err = used(pairs)
		if err != nil || u.Answered == p.conns || p.hold <= p.ping || time.Now().After(end) {
			return u, err
		}
	}
}

// echoes has all n connections echo a message.
func echoes(pairs []*pair, n int, pieces bool) (time.Duration, error) {
	began := time.Now()
	came, err := sum(pairs, func(x *pair, came *int) error { return x.client.Ask(askEcho, pieces, came) })
	if err == nil && came != n {
		state, more := clients(pairs)
		err = errors.Join(fmt.Errorf("%d of %d connections have echoed a message: %s", came, n, state.Lost), more)
	}
	return time.Since(began), err
}

// clients asks all clients what they have.
func clients(pairs []*pair) (total held, err error) {
	for _, x := range pairs {
		var h held
		if err := x.client.Ask(askHeld, nil, &h); err != nil {
			return total, err
		}
		total.Conns += h.Conns
		total.Pongs += h.Pongs
		if total.Lost == "" {
			total.Lost = h.Lost
		}
	}
	return total, nil
}
