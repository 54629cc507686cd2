package brokertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spoutws/spout/hub"
)

// A mutant is the simple broker with one fault; zero fields are none.
type mutant struct {
	deliver func(n int, d hub.Delivery, s hub.Subscriber) // the nth delivery of a subscription
	publish func(b *simple, ctx context.Context, room string, data []byte) error
	room    func(string) string // what a room's name becomes
	begin   func(b *simple, s hub.Subscriber, cancel func()) (again func())
	top     func(hub.Position) hub.Position
	since   func(l *simpleLog, room string, p hub.Position, r hub.Replay) hub.Replay
	history func(h hub.History) hub.History
	watch   func(n int, e hub.PresenceEvent, f func(hub.PresenceEvent))
	enter   func(m hub.Member) hub.Member
	members func(b *simple, all []hub.Member) []hub.Member
	from    bool // Watch tells who is there already
	close   bool // Close does nothing
}

type broken struct {
	*simple
	m *mutant
}

func (m *mutant) name(room string) string {
	if m.room != nil {
		return m.room(room)
	}
	return room
}

func (m *mutant) subscriber(s hub.Subscriber) hub.Subscriber {
	if m.deliver == nil {
		return s
	}
	return &misled{Subscriber: s, m: m}
}

type misled struct {
	hub.Subscriber
	m *mutant
	n int
}

func (s *misled) Deliver(d hub.Delivery) { s.n++; s.m.deliver(s.n, d, s.Subscriber) }

func (b *broken) Publish(ctx context.Context, room string, data []byte) error {
	if b.m.publish != nil {
		return b.m.publish(b.simple, ctx, b.m.name(room), data)
	}
	return b.simple.Publish(ctx, b.m.name(room), data)
}

func (b *broken) Subscribe(ctx context.Context, room string, s hub.Subscriber) (func(), error) {
	cancel, err := b.simple.Subscribe(ctx, b.m.name(room), b.m.subscriber(s))
	if err == nil && b.m.begin != nil {
		cancel = b.m.begin(b.simple, s, cancel)
	}
	return cancel, err
}

type brokenLog struct {
	*simpleLog
	m *mutant
}

func (b *broken) OpenLog(ctx context.Context, h hub.History) (hub.Log, error) {
	if b.m.history != nil {
		h = b.m.history(h)
	}
	l, err := b.simple.OpenLog(ctx, h)
	if err != nil {
		return nil, err
	}
	return &brokenLog{l.(*simpleLog), b.m}, nil
}

func (l *brokenLog) Append(ctx context.Context, room string, data []byte) error {
	return l.simpleLog.Append(ctx, l.m.name(room), data)
}

func (l *brokenLog) Subscribe(ctx context.Context, room string, s hub.Subscriber) (hub.Position, func(), error) {
	top, cancel, err := l.simpleLog.Subscribe(ctx, l.m.name(room), l.m.subscriber(s))
	if l.m.top != nil {
		top = l.m.top(top)
	}
	return top, cancel, err
}

func (l *brokenLog) Since(ctx context.Context, room string, p hub.Position) (hub.Replay, error) {
	r, err := l.simpleLog.Since(ctx, l.m.name(room), p)
	if l.m.since != nil {
		r = l.m.since(l.simpleLog, room, p, r)
	}
	return r, err
}

func (b *broken) Enter(ctx context.Context, room string, m hub.Member) error {
	if b.m.enter != nil {
		m = b.m.enter(m)
	}
	return b.simple.Enter(ctx, b.m.name(room), m)
}

func (b *broken) Exit(ctx context.Context, room, id string) error {
	return b.simple.Exit(ctx, b.m.name(room), id)
}

func (b *broken) Members(ctx context.Context, room string) ([]hub.Member, error) {
	all, err := b.simple.Members(ctx, b.m.name(room))
	if b.m.members != nil {
		all = b.m.members(b.simple, all)
	}
	return all, err
}

func (b *broken) Watch(ctx context.Context, room string, f func(hub.PresenceEvent)) (func(), error) {
	g, n := f, 0
	if b.m.watch != nil {
		g = func(e hub.PresenceEvent) { n++; b.m.watch(n, e, f) }
	}
	cancel, err := b.simple.Watch(ctx, b.m.name(room), g)
	if b.m.from {
		there, _ := b.simple.Members(ctx, room)
		for _, m := range there {
			f(hub.PresenceEvent{Member: m})
		}
	}
	return cancel, err
}

func (b *broken) Close() error {
	if b.m.close {
		return nil
	}
	return b.simple.Close()
}

var held hub.Delivery // of the mutant that swaps; subscriptions of one test at most

// Each fault, and a test that notices it.
var mutants = []struct {
	name, noticed string
	mutant
}{
	{"drops one", "DeliversToAll", mutant{deliver: func(n int, d hub.Delivery, s hub.Subscriber) {
		if n != 7 {
			s.Deliver(d)
		}
	}}},
	{"doubles one", "DeliversToAll", mutant{deliver: func(n int, d hub.Delivery, s hub.Subscriber) {
		s.Deliver(d)
		if n == 7 {
			s.Deliver(d)
		}
	}}},
	{"swaps two", "SubscribeWhilePublishing", mutant{deliver: func(n int, d hub.Delivery, s hub.Subscriber) {
		switch {
		case s.(*recorder).onDeliver != nil:
		case n == 3:
			held = d
			return
		case n == 4:
			s.Deliver(d)
			d = held
		}
		s.Deliver(d)
	}}},
	{"drops one of a room with history", "log DeliversToAll", mutant{deliver: func(n int, d hub.Delivery, s hub.Subscriber) {
		if n != 7 {
			s.Deliver(d)
		}
	}}},
	{"delivers two at a time", "DeliversToAll", mutant{deliver: func(n int, d hub.Delivery, s hub.Subscriber) {
		r := s.(*recorder)
		r.under.Add(1)
		s.Deliver(d)
		r.under.Add(-1)
	}}},
	{"says that something was lost", "DeliversToAll", mutant{deliver: func(n int, d hub.Delivery, s hub.Subscriber) {
		if n == 9 {
			s.Lost(errors.New("a whim"))
		}
		s.Deliver(d)
	}}},
	{"uses the data again", "DeliversToAll", mutant{deliver: func(n int, d hub.Delivery, s hub.Subscriber) {
		s.Deliver(d)
		if n == 5 {
			r := s.(*recorder)
			r.mu.Lock()
			defer r.mu.Unlock()
			d.Data[0] = '!'
		}
	}}},
	{"gives positions to rooms without history", "Subscribe", mutant{deliver: func(n int, d hub.Delivery, s hub.Subscriber) {
		d.Previous = 1
		s.Deliver(d)
	}}},
	{"publishes for other nodes alone", "Subscribe", mutant{publish: func(b *simple, _ context.Context, room string, data []byte) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, c := range *b.live.of(room) {
			if c.node != b.node {
				c.queue <- hub.Delivery{Data: slices.Clone(data)}
			}
		}
		return nil
	}}},
	{"publishes for the first one alone", "DeliversToAll", mutant{publish: func(b *simple, _ context.Context, room string, data []byte) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, c := range (*b.live.of(room))[:1] {
			c.queue <- hub.Delivery{Data: slices.Clone(data)}
		}
		return nil
	}}},
	{"refuses, but publishes", "EndedContexts", mutant{publish: func(b *simple, ctx context.Context, room string, data []byte) error {
		_ = b.Publish(context.Background(), room, data)
		return ctx.Err()
	}}},
	{"takes, but does not publish", "EndedContexts", mutant{publish: func(b *simple, ctx context.Context, room string, data []byte) error {
		_ = b.Publish(ctx, room, data)
		return nil
	}}},
	{"passes over empty messages", "Sizes", mutant{publish: func(b *simple, ctx context.Context, room string, data []byte) error {
		if len(data) == 0 {
			return nil
		}
		return b.Publish(ctx, room, data)
	}}},
	{"cuts large messages", "Sizes", mutant{publish: func(b *simple, ctx context.Context, room string, data []byte) error {
		return b.Publish(ctx, room, data[:min(len(data), 65535)])
	}}},
	{"takes messages for text", "Sizes", mutant{publish: func(b *simple, ctx context.Context, room string, data []byte) error {
		return b.Publish(ctx, room, bytes.ToValidUTF8(data, nil))
	}}},
	{"delivers after cancel", "Cancel", mutant{begin: func(*simple, hub.Subscriber, func()) func() { return func() {} }}},
	{"cancels all of a room", "Cancel", mutant{begin: func(b *simple, _ hub.Subscriber, _ func()) func() {
		return func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, c := range *b.live.of("room") {
				c.ended = true
				close(c.queue)
			}
			*b.live.of("room") = nil
		}
	}}},
	{"waits in cancel for the call under way", "Cancel", mutant{begin: func(_ *simple, s hub.Subscriber, cancel func()) func() {
		return func() {
			for begun := time.Now(); s.(*recorder).under.Load() > 0; time.Sleep(time.Millisecond) {
				if time.Since(begun) > 2*patience {
					return // a deadlock, but for the test of the tests
				}
			}
			cancel()
		}
	}}},
	{"begins with what was before", "Subscribe", mutant{begin: func(_ *simple, s hub.Subscriber, cancel func()) func() {
		s.Deliver(hub.Delivery{Data: []byte("nobody is there")})
		return cancel
	}}},
	{"takes capitals for small letters", "Names", mutant{room: strings.ToLower}},
	{"takes a space for a dot", "Names", mutant{room: func(s string) string { return strings.ReplaceAll(s, " ", ".") }}},
	{"trims names", "Names", mutant{room: strings.TrimSpace}},
	{"cuts names", "Names", mutant{room: func(s string) string { return s[:min(len(s), 127)] }}},
	{"has three rooms", "ManyRooms", mutant{room: func(s string) string { return s[:1] }}},

	{"drops the top", "log Subscribe", mutant{top: func(hub.Position) hub.Position { return hub.Position{} }}},
	{"tells an old top", "log Subscribe", mutant{top: func(p hub.Position) hub.Position { return hub.Position{Epoch: p.Epoch} }}},
	{"tells a wrong previous one", "log DeliversToAll", mutant{deliver: func(n int, d hub.Delivery, s hub.Subscriber) {
		if n == 5 {
			d.Previous--
		}
		s.Deliver(d)
	}}},
	{"tells no previous one", "log DeliversToAll", mutant{deliver: func(n int, d hub.Delivery, s hub.Subscriber) {
		d.Previous = 0
		s.Deliver(d)
	}}},
	{"changes the epoch", "log DeliversToAll", mutant{deliver: func(n int, d hub.Delivery, s hub.Subscriber) {
		if n == 5 {
			d.Position.Epoch = "another"
		}
		s.Deliver(d)
	}}},
	{"hides a gap", "log DeliversToAll", mutant{deliver: func(n int, d hub.Delivery, s hub.Subscriber) {
		switch {
		case n == 5:
			held = d
			return
		case n == 6:
			d.Previous = held.Previous
		}
		s.Deliver(d)
	}}},
	{"delivers in another order than the history's", "SameOrder", mutant{since: func(_ *simpleLog, _ string, _ hub.Position, r hub.Replay) hub.Replay {
		r.Missed = slices.Clone(r.Missed)
		slices.Reverse(r.Missed)
		return r
	}}},
	{"calls a part complete", "Size", mutant{since: func(l *simpleLog, room string, p hub.Position, r hub.Replay) hub.Replay {
		if r.Complete || p.Epoch != "simple" {
			return r
		}
		all, _ := l.Since(context.Background(), room, hub.Position{})
		return all
	}}},
	{"gives a part that is not complete", "Size", mutant{since: func(l *simpleLog, room string, p hub.Position, r hub.Replay) hub.Replay {
		if !r.Complete {
			all, _ := l.Since(context.Background(), room, hub.Position{})
			r.Missed = all.Missed
		}
		return r
	}}},
	{"knows other epochs", "Since", mutant{since: func(l *simpleLog, room string, p hub.Position, r hub.Replay) hub.Replay {
		if p.Epoch != "" && p.Epoch != "simple" {
			r, _ = l.Since(context.Background(), room, hub.Position{Epoch: "simple", Offset: p.Offset})
		}
		return r
	}}},
	{"knows the future", "Since", mutant{since: func(_ *simpleLog, _ string, p hub.Position, r hub.Replay) hub.Replay {
		r.Complete = r.Complete || p.Offset > r.Top.Offset
		return r
	}}},
	{"gives the position's own message", "Since", mutant{since: func(l *simpleLog, room string, p hub.Position, r hub.Replay) hub.Replay {
		if r.Complete && p.Offset > 1 {
			r, _ = l.Since(context.Background(), room, hub.Position{Epoch: p.Epoch, Offset: p.Offset - 1})
		}
		return r
	}}},
	{"forgets the newest one", "SinceWhileAppending", mutant{since: func(_ *simpleLog, _ string, _ hub.Position, r hub.Replay) hub.Replay {
		if n := len(r.Missed); n > 2 {
			r.Missed = r.Missed[:n-1]
		}
		return r
	}}},
	{"gives a replay no chain", "Since", mutant{since: func(_ *simpleLog, _ string, _ hub.Position, r hub.Replay) hub.Replay {
		r.Missed = slices.Clone(r.Missed)
		for i := range r.Missed {
			r.Missed[i].Previous = 0
		}
		return r
	}}},
	{"keeps too many", "Size", mutant{history: func(h hub.History) hub.History { h.Size++; return h }}},
	{"keeps too few", "Size", mutant{history: func(h hub.History) hub.History { h.Size--; return h }}},
	{"keeps for too long", "Age", mutant{history: func(h hub.History) hub.History { h.Age *= 100; return h }}},

	{"drops an event", "presence EnterAndExit", mutant{watch: func(n int, e hub.PresenceEvent, f func(hub.PresenceEvent)) {
		if n != 2 {
			f(e)
		}
	}}},
	{"tells an event twice", "presence EnterAndExit", mutant{watch: func(n int, e hub.PresenceEvent, f func(hub.PresenceEvent)) {
		f(e)
		if n == 2 {
			f(e)
		}
	}}},
	{"takes leaving for coming", "presence EnterAndExit", mutant{watch: func(_ int, e hub.PresenceEvent, f func(hub.PresenceEvent)) {
		f(hub.PresenceEvent{Member: e.Member})
	}}},
	{"loses the data", "presence EnterAndExit", mutant{enter: func(m hub.Member) hub.Member { m.Data = nil; return m }}},
	{"knows its own members alone", "presence Many", mutant{members: func(b *simple, all []hub.Member) []hub.Member {
		return slices.DeleteFunc(all, func(m hub.Member) bool { return m.Node != b.node })
	}}},
	{"has one node", "presence EnterAndExit", mutant{members: func(_ *simple, all []hub.Member) []hub.Member {
		for i := range all {
			all[i].Node = "the one"
		}
		return all
	}}},
	{"tells who was there before", "presence WatchFromNow", mutant{from: true}},
	{"leaves its members", "presence Close", mutant{close: true}},
	{"has members of other rooms", "presence Names", mutant{room: strings.ToLower}},
}

// Every mutant is noticed by the test that is for it.
func TestMutants(t *testing.T) {
	defer func(was time.Duration) { patience = was }(patience)
	tests := map[string]check{}
	for _, c := range rooms {
		tests[c.name] = c
		tests["log "+c.name] = check{c.name, func(t testing.TB, open Open) { c.run(t, overLogs(open)) }}
	}
	for _, c := range histories {
		tests[c.name] = c
	}
	for _, c := range presences {
		tests["presence "+c.name] = c
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			c, ok := tests[m.noticed]
			if !ok {
				t.Fatalf("there is no test %s", m.noticed)
			}
			open := func(t testing.TB, nodes int) []hub.Broker {
				brokers := openSimple(t, nodes)
				for i, b := range brokers {
					brokers[i] = &broken{b.(*simple), &m.mutant}
				}
				return brokers
			}
			patience = 300 * time.Millisecond
			if m.noticed == "Age" {
				patience = 1500 * time.Millisecond
			}
			told := failures(t, c, open)
			if len(told) == 0 {
				t.Fatalf("%s did not notice it", m.noticed)
			}
			t.Logf("%s: %.200s", m.noticed, told[0])
		})
	}
}

// failures runs a test beside the tests and returns what it told.
func failures(t testing.TB, c check, open Open) []string {
	f := &failing{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer f.clean()
		c.run(f, open)
	}()
	<-done
	return f.told
}

// failing is a test that may fail.
type failing struct {
	testing.TB
	mu       sync.Mutex
	told     []string
	cleanups []func()
}

func (f *failing) Errorf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = append(f.told, fmt.Sprintf(format, args...))
}

func (f *failing) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	runtime.Goexit()
}

func (f *failing) Fatal(args ...any)               { f.Fatalf("%s", fmt.Sprint(args...)) }
func (f *failing) Logf(format string, args ...any) {}
func (f *failing) Cleanup(c func())                { f.cleanups = append(f.cleanups, c) }

func (f *failing) clean() {
	for _, c := range slices.Backward(f.cleanups) {
		c()
	}
}
