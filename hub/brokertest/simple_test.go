package brokertest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/spoutws/spout/hub"
)

// world is what the nodes of a simple broker have in common: everything, under one lock.
type world struct {
	mu      sync.Mutex
	offset  uint64
	live    liveRooms
	logs    map[string]*simpleRoom
	members map[string][]hub.Member
	watches map[string][]*watching
}

type seat struct {
	s     hub.Subscriber
	node  string
	queue chan hub.Delivery
	ended bool
}

type liveRooms map[string]*[]*seat

func (l liveRooms) of(room string) *[]*seat {
	if l[room] == nil {
		l[room] = new([]*seat)
	}
	return l[room]
}

type simpleRoom struct {
	seats []*seat
	kept  []hub.Delivery
	times []time.Time
	gone  hub.Position // the last one that is not kept
}

type watching struct {
	events chan hub.PresenceEvent
	ended  bool
}

// simple is one node of it, or all.
type simple struct {
	*world
	node string
	t    testing.TB
}

// openSimple is a broker with a value for each node.
func openSimple(t testing.TB, nodes int) []hub.Broker {
	w := &world{live: liveRooms{}, logs: map[string]*simpleRoom{}, members: map[string][]hub.Member{}, watches: map[string][]*watching{}}
	brokers := make([]hub.Broker, nodes)
	for i := range brokers {
		brokers[i] = &simple{world: w, node: fmt.Sprint("node ", i), t: t}
	}
	return brokers
}

// take adds a seat whose subscriber a goroutine of its own calls.
func (b *simple) take(s hub.Subscriber, seats *[]*seat) func() {
	c := &seat{s: s, node: b.node, queue: make(chan hub.Delivery, 10000)}
	*seats = append(*seats, c)
	var all sync.WaitGroup
	all.Go(func() {
		for d := range c.queue {
			b.mu.Lock()
			ended := c.ended
			b.mu.Unlock()
			if !ended {
				c.s.Deliver(d)
			}
		}
	})
	end := func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if !c.ended {
			c.ended = true
			*seats = slices.DeleteFunc(*seats, func(other *seat) bool { return other == c })
			close(c.queue)
		}
	}
	b.t.Cleanup(func() { end(); all.Wait() })
	return end
}

func (b *simple) Publish(ctx context.Context, room string, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range *b.live.of(room) {
		c.queue <- hub.Delivery{Data: slices.Clone(data)}
	}
	return nil
}

func (b *simple) Subscribe(ctx context.Context, room string, s hub.Subscriber) (func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.take(s, b.live.of(room)), nil
}

type simpleLog struct {
	*simple
	h hub.History
}

func (b *simple) OpenLog(_ context.Context, h hub.History) (hub.Log, error) {
	if h.Size == 0 {
		h.Size = 100
	}
	if h.Age == 0 {
		h.Age = time.Hour
	}
	return &simpleLog{b, h}, nil
}

// room returns the room without what is too much or too old. Its caller has the lock.
func (l *simpleLog) room(name string) *simpleRoom {
	r := l.logs[name]
	if r == nil {
		r = &simpleRoom{gone: hub.Position{Epoch: "simple"}}
		l.logs[name] = r
	}
	for len(r.kept) > l.h.Size || len(r.kept) > 0 && time.Since(r.times[0]) >= l.h.Age {
		r.gone = r.kept[0].Position
		r.kept, r.times = r.kept[1:], r.times[1:]
	}
	return r
}

func (r *simpleRoom) top() hub.Position {
	if len(r.kept) == 0 {
		return r.gone
	}
	return r.kept[len(r.kept)-1].Position
}

func (l *simpleLog) Append(ctx context.Context, room string, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.room(room)
	l.offset += 2
	d := hub.Delivery{Data: slices.Clone(data), Position: hub.Position{Epoch: "simple", Offset: l.offset}, Previous: r.top().Offset}
	r.kept, r.times = append(r.kept, d), append(r.times, time.Now())
	for _, c := range r.seats {
		c.queue <- d
	}
	return nil
}

func (l *simpleLog) Subscribe(ctx context.Context, room string, s hub.Subscriber) (hub.Position, func(), error) {
	if err := ctx.Err(); err != nil {
		return hub.Position{}, nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.room(room)
	return r.top(), l.take(s, &r.seats), nil
}

func (l *simpleLog) Since(_ context.Context, room string, p hub.Position) (hub.Replay, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.room(room)
	replay := hub.Replay{Top: r.top(), Complete: true}
	if p.IsZero() {
		replay.Missed = slices.Clone(r.kept)
		return replay, nil
	}
	if p.Epoch != "simple" || p.Offset < r.gone.Offset || p.Offset > r.top().Offset {
		return hub.Replay{Top: r.top()}, nil
	}
	for i, d := range r.kept {
		if d.Position.Offset > p.Offset {
			replay.Missed = slices.Clone(r.kept[i:])
			break
		}
	}
	return replay, nil
}

// tell has the watches of a room called. Its caller has the lock.
func (b *simple) tell(room string, e hub.PresenceEvent) {
	for _, w := range b.watches[room] {
		w.events <- e
	}
}

func (b *simple) Enter(_ context.Context, room string, m hub.Member) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	m.Node = b.node
	b.members[room] = append(b.members[room], m)
	b.tell(room, hub.PresenceEvent{Member: m})
	return nil
}

func (b *simple) exit(which func(hub.Member) bool, room string) {
	b.members[room] = slices.DeleteFunc(b.members[room], func(m hub.Member) bool {
		if which(m) {
			b.tell(room, hub.PresenceEvent{Member: m, Left: true})
			return true
		}
		return false
	})
}

func (b *simple) Exit(_ context.Context, room, id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.exit(func(m hub.Member) bool { return m.ID == id }, room)
	return nil
}

func (b *simple) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for room := range b.members {
		b.exit(func(m hub.Member) bool { return m.Node == b.node }, room)
	}
	return nil
}

func (b *simple) Members(_ context.Context, room string) ([]hub.Member, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.members[room]), nil
}

func (b *simple) Watch(_ context.Context, room string, f func(hub.PresenceEvent)) (func(), error) {
	w := &watching{events: make(chan hub.PresenceEvent, 1000)}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watches[room] = append(b.watches[room], w)
	var all sync.WaitGroup
	all.Go(func() {
		for e := range w.events {
			f(e)
		}
	})
	end := func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if !w.ended {
			w.ended = true
			b.watches[room] = slices.DeleteFunc(b.watches[room], func(other *watching) bool { return other == w })
			close(w.events)
		}
	}
	b.t.Cleanup(func() { end(); all.Wait() })
	return end, nil
}
