//go:build unix

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/spoutws/spout/hub/faulttest"
)

// plan says how much is done.
type plan struct {
	clients, injections, burst int
	seed                       uint64
	quick                      bool
	only                       string
	lossy                      bool // the nodes are
}

// small is what CI does.
var small = plan{clients: 300, injections: 10, burst: 2000, quick: true}

const (
	roomSize  = 10
	probeRate = 25.0 // messages a second in probeRooms, of each of two publishers
	otherRate = 1.0
	floodRate = 100.0 // in the rooms of slow members, while there is one
	floodSize = 16 << 10
	patience  = 30 * time.Second
)

// probeRooms are those of each kind with messages often enough to tell how long none came.
var probeRooms = []string{"0", "1", "2", "3"}

// experiment is a plan that is carried out.
type experiment struct {
	plan
	random  *rand.Rand
	cluster *cluster
	began   time.Time

	members    []*member
	publishers []*publisher
	flood      map[string]*publisher // by kind
	slow       map[string]*member
	injections []*injection
	problems   []string // what should not be, beside what the logs tell
}

func (p plan) run(ctx context.Context) (*report, error) {
	dir, err := os.MkdirTemp("", "faults")
	if err != nil {
		return nil, err
	}
	c, err := startCluster(dir, p.lossy)
	if c != nil {
		defer c.stop()
	}
	if err != nil {
		return nil, err
	}
	x := &experiment{plan: p, random: rand.New(rand.NewPCG(p.seed, 0)), cluster: c, began: time.Now(),
		flood: map[string]*publisher{}, slow: map[string]*member{}}
	membersCtx, leave := context.WithCancel(context.Background())
	var present sync.WaitGroup
	defer func() { leave(); present.Wait() }()
	c.watch(membersCtx)
	if err := c.awaitGreen(ctx); err != nil {
		return nil, err
	}
	x.people(membersCtx, &present)
	if err := x.awaitMembers(ctx); err != nil {
		return nil, err
	}
	progress("%d members in %d rooms, %d publishers", len(x.members), len(x.members)/roomSize, len(x.publishers))
	stop := make(chan struct{})
	for _, p := range x.publishers {
		go p.run(stop)
	}
	sleep(ctx, 2*time.Second)
	if err := x.injectAll(ctx); err != nil {
		x.problems = append(x.problems, err.Error())
	}
	close(stop)
	x.settle()
	leave()
	present.Wait()
	r := x.report()
	if r.violations() == 0 {
		os.RemoveAll(dir)
	} else {
		progress("what the nodes had to say is in %s", dir)
	}
	return r, nil
}

// people makes members and publishers. Those of a room are on different nodes.
func (x *experiment) people(ctx context.Context, present *sync.WaitGroup) {
	dialer := newDialer(x.cluster)
	var lines []*line
	for range 4 * nodes {
		l := &line{dialer: dialer}
		lines = append(lines, l)
		present.Go(func() { l.run(ctx) })
	}
	publish := func(kind, room string, rate float64) *publisher {
		p := &publisher{name: fmt.Sprintf("%s-%s-%d", kind, room, len(x.publishers)), kind: kind, room: room,
			line: lines[len(x.publishers)%len(lines)], began: x.began, ended: make(chan struct{})}
		p.setRate(rate)
		x.publishers = append(x.publishers, p)
		return p
	}
	join := func(kind, room string, plain bool) *member {
		m := &member{name: fmt.Sprintf("%s-%s-%d", kind, room, len(x.members)), kind: kind, room: room, dialer: dialer, began: x.began}
		x.members = append(x.members, m)
		present.Go(func() { m.run(ctx, plain) })
		return m
	}
	for i := range x.clients / roomSize {
		kind, room := kinds[i%len(kinds)], fmt.Sprint(i/len(kinds))
		rate := otherRate
		if isProbe(room) {
			rate = probeRate
			publish(kind, room, probeRate)
		}
		publish(kind, room, rate)
		for m := range roomSize {
			join(kind, room, m%2 == 0)
		}
	}
	for _, kind := range kinds {
		x.flood[kind] = publish(kind, "slow", 0)
		x.flood[kind].size = floodSize
		for m := range roomSize {
			x.slow[kind] = join(kind, "slow", m%2 != 0) // the last one will be slow
		}
	}
}

func isProbe(room string) bool { return slices.Contains(probeRooms, room) }

func (x *experiment) awaitMembers(ctx context.Context) error {
	for begun := time.Now(); ; sleep(ctx, 20*time.Millisecond) {
		away := 0
		for _, m := range x.members {
			if !m.isJoined() {
				away++
			}
		}
		switch {
		case away == 0:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Since(begun) > patience:
			return fmt.Errorf("%d members are not back after %v", away, patience)
		}
	}
}

// injectAll injects the faults, each kind about as often, with the next one when all is well again.
func (x *experiment) injectAll(ctx context.Context) error {
	var order []*fault
	for len(order) < x.plan.injections {
		some := slices.Clone(faults)
		if x.only != "" {
			some = slices.DeleteFunc(some, func(f *fault) bool { return f.name != x.only })
			if len(some) == 0 {
				return fmt.Errorf("there is no fault %q", x.only)
			}
		}
		x.random.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
		order = append(order, some...)
	}
	for i, f := range order[:x.plan.injections] {
		n := &injection{fault: f, node: x.random.IntN(nodes), at: time.Since(x.began)}
		x.injections = append(x.injections, n)
		progress("%d of %d: %s", i+1, x.plan.injections, f.name)
		if err := f.inject(x, ctx, n); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if err := x.cluster.awaitGreen(ctx); err != nil {
			return err
		}
		if err := x.awaitMembers(ctx); err != nil {
			return err
		}
		n.over = time.Since(x.began)
		sleep(ctx, 300*time.Millisecond+time.Duration(x.random.IntN(700))*time.Millisecond)
	}
	return ctx.Err()
}

// settle has every publisher publish one last message, and waits for it to come to all of its room: what
// has not come then is lost.
func (x *experiment) settle() {
	progress("settling")
	bound, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var all sync.WaitGroup
	for _, p := range x.publishers {
		all.Go(func() {
			<-p.ended
			for !p.publish() {
				if bound.Err() != nil {
					return
				}
				sleep(bound, 100*time.Millisecond)
			}
		})
	}
	all.Wait()
	last := map[string][]faulttest.Message{}
	for _, p := range x.publishers {
		last[p.kind+p.room] = append(last[p.kind+p.room], faulttest.Message{Publisher: p.name, N: p.n})
	}
	for _, m := range x.members {
		for !m.has(last[m.kind+m.room]) && bound.Err() == nil {
			sleep(bound, 20*time.Millisecond)
		}
		if !m.isJoined() {
			x.problems = append(x.problems, m.name+" did not come back")
		}
	}
}

// has reports whether these came.
func (m *member) has(messages []faulttest.Message) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	missing := len(messages)
	for _, e := range slices.Backward(m.events) {
		if missing == 0 {
			break
		}
		if e.Kind == faulttest.Received && slices.Contains(messages, e.Message) {
			missing--
		}
	}
	return missing == 0
}
