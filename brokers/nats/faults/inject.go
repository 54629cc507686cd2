//go:build unix

package main

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"
)

// fault is a kind of fault. inject returns when it is over; what it has cost may last.
type fault struct {
	name, what string
	inject     func(x *experiment, ctx context.Context, n *injection) error
}

// injection is a fault at a time.
type injection struct {
	*fault
	node     int
	at, over time.Duration

	// What else was seen:
	away             time.Duration // how long the broker was, since it was killed until it took connections
	red, green       time.Duration // since it began, until the node said that it was not well; since it ended, until it was
	offered, acked   int           // of a burst
	left             time.Duration // since a node was killed, until its members had left by presence
	lasted           time.Duration // the burst
	full, closed     time.Duration // of a slow member: since it stopped to read until 512 KiB waited for it, and until it was closed then
	queue            int           // bytes that waited for it at most
	since, slow, end time.Duration // of a flood: without a slow member, then with
	kind             string        // of the room
}

var faults = []*fault{
	{"broker killed", "kill -9, back after 0.5 s", (*experiment).killBroker},
	{"broker stopped", "SIGSTOP for 2 s", (*experiment).stopBroker},
	{"partition", "the network between a node and the broker swallows all for 10 s (4 s in a quick run)", (*experiment).partition},
	{"reset", "the connections of a node to the broker are reset", (*experiment).reset},
	{"delay", "200 ms between a node and the broker for 3 s", (*experiment).delay},
	{"node killed in a burst", "kill -9; started again after 1 s, or when its members have left by presence", (*experiment).killNode},
	{"node stopped", "SIGSTOP for 3 s", (*experiment).stopNode},
	{"slow member", "one of ten does not read", (*experiment).slowMember},
	{"rolling deploy", "each node: SIGTERM, started again when it has ended", (*experiment).deploy},
}

func (x *experiment) killBroker(ctx context.Context, n *injection) error {
	begun := time.Now()
	x.cluster.broker.Kill()
	sleep(ctx, 500*time.Millisecond)
	err := x.cluster.broker.Start()
	n.away = time.Since(begun)
	return err
}

func (x *experiment) stopBroker(ctx context.Context, _ *injection) error {
	if err := x.cluster.broker.Pause(); err != nil {
		return err
	}
	sleep(ctx, 2*time.Second)
	return x.cluster.broker.Resume()
}

func (x *experiment) partition(ctx context.Context, n *injection) error {
	node, lasts := x.cluster.nodes[n.node], 10*time.Second
	if x.quick {
		lasts = 4 * time.Second
	}
	begun := time.Now()
	node.proxy.part()
	for n.red == 0 && time.Since(begun) < lasts {
		if !node.healthy(ctx) {
			n.red = time.Since(begun)
		}
		sleep(ctx, 20*time.Millisecond)
	}
	sleep(ctx, lasts-time.Since(begun))
	node.proxy.heal()
	healed := time.Now()
	for n.green == 0 && time.Since(healed) < patience && ctx.Err() == nil {
		if node.healthy(ctx) {
			n.green = time.Since(healed)
		}
		sleep(ctx, 20*time.Millisecond)
	}
	return nil
}

func (x *experiment) reset(_ context.Context, n *injection) error {
	x.cluster.nodes[n.node].proxy.reset(func(*link) bool { return true })
	return nil
}

func (x *experiment) delay(ctx context.Context, n *injection) error {
	p := x.cluster.nodes[n.node].proxy
	p.setDelay(200 * time.Millisecond)
	sleep(ctx, 3*time.Second)
	p.setDelay(0)
	return nil
}

func (x *experiment) killNode(ctx context.Context, n *injection) error {
	var each []*publisher
	for _, p := range x.publishers {
		if p.size == 0 {
			each = append(each, p)
		}
	}
	begun := time.Now()
	offered, acked := count(each)
	for _, p := range each {
		p.setRate(float64(x.burst) / float64(len(each)))
	}
	sleep(ctx, time.Second+time.Duration(x.random.IntN(1000))*time.Millisecond)
	before, _ := x.survivor(n).nodesPresent(live, probeRooms...)
	n.at = time.Since(x.began)
	x.cluster.nodes[n.node].kill()
	x.awaitAbsence(ctx, n, before)
	sleep(ctx, time.Second-(time.Since(x.began)-n.at))
	err := x.cluster.nodes[n.node].start()
	sleep(ctx, time.Second)
	for _, p := range each {
		rate := otherRate
		if isProbe(p.room) {
			rate = probeRate
		}
		p.setRate(rate)
	}
	n.lasted = time.Since(begun)
	n.offered, n.acked = count(each)
	n.offered -= offered
	n.acked -= acked
	return err
}

// survivor is a node beside the one that an injection is for.
func (x *experiment) survivor(n *injection) *nodeProcess { return x.cluster.nodes[(n.node+1)%nodes] }

// awaitAbsence waits until another node knows that the members of the one that was killed have left.
func (x *experiment) awaitAbsence(ctx context.Context, n *injection, before map[string]bool) {
	if len(before) < nodes {
		return // it may have had none
	}
	for ; time.Since(x.began)-n.at < patience && ctx.Err() == nil; sleep(ctx, 20*time.Millisecond) {
		now, ok := x.survivor(n).nodesPresent(live, probeRooms...)
		left := 0
		for name := range before {
			if !now[name] {
				left++
			}
		}
		if ok && left > 0 {
			n.left = time.Since(x.began) - n.at
			return
		}
	}
	x.problems = append(x.problems, "the members of a node that was killed are still present")
}

func (x *experiment) stopNode(ctx context.Context, n *injection) error {
	node := x.cluster.nodes[n.node]
	node.signal(syscall.SIGSTOP)
	sleep(ctx, 3*time.Second)
	node.signal(syscall.SIGCONT)
	return nil
}

// slowMember has one of the rooms of slow members flooded, and one of its members stop reading.
func (x *experiment) slowMember(ctx context.Context, n *injection) error {
	kind := kinds[x.random.IntN(len(kinds))]
	flood, slow := x.flood[kind], x.slow[kind]
	n.kind = kind
	n.since = time.Since(x.began)
	flood.setRate(floodRate)
	defer flood.setRate(0)
	sleep(ctx, 4*time.Second)

	n.slow = time.Since(x.began)
	before := x.memberCount(kind)
	resume := slow.pause()
	defer resume()
	stopped := time.Now()
	for ; time.Since(stopped) < patience && ctx.Err() == nil; sleep(ctx, 20*time.Millisecond) {
		members, longest := 0, 0
		for _, node := range x.cluster.nodes {
			queues := node.queues(kind, "slow")
			members += len(queues)
			longest = max(longest, slices.Max(append(queues, 0)))
		}
		n.queue = max(n.queue, longest)
		if n.full == 0 && longest >= 512<<10 {
			n.full = time.Since(stopped)
		}
		if members < before && n.full > 0 {
			n.closed = time.Since(stopped) - n.full
			break
		}
	}
	n.end = time.Since(x.began)
	if n.closed == 0 {
		return fmt.Errorf("the slow member was not closed within %v; %d bytes waited for it", patience, n.queue)
	}
	return nil
}

func (x *experiment) memberCount(kind string) (members int) {
	for _, node := range x.cluster.nodes {
		members += len(node.queues(kind, "slow"))
	}
	return members
}

func (x *experiment) deploy(ctx context.Context, _ *injection) error {
	for _, node := range x.cluster.nodes {
		if err := node.terminate(); err != nil {
			x.problems = append(x.problems, fmt.Sprintf("a node that was to drain ended with: %v", err))
		}
		if err := node.start(); err != nil {
			return err
		}
		if err := x.cluster.awaitGreen(ctx); err != nil {
			return err
		}
		if err := x.awaitMembers(ctx); err != nil {
			return err
		}
		if !x.quick {
			// Package client takes what ends earlier for a failure and waits longer. Deploys have longer pauses.
			sleep(ctx, 10*time.Second)
		}
	}
	return nil
}

// count returns how many messages were to be published so far, and how many were acknowledged.
func count(publishers []*publisher) (offered, acked int) {
	for _, p := range publishers {
		p.mu.Lock()
		offered += p.offered
		acked += p.acked
		p.mu.Unlock()
	}
	return offered, acked
}
