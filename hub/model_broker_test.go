package hub_test

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/spoutws/spout/hub"
)

// modelBroker is a broker whose deliveries come, or are lost, when the test says so; which goes down, keeps those
// waiting who ask it, and forgets everything and begins a new epoch. Who is in a room it never forgets.
type modelBroker struct {
	hub.Memory // for presence

	mu        sync.Mutex
	down      error         // if not nil, the answer to everything
	held      chan struct{} // if not nil, answers wait until it is closed
	uncertain bool          // the next Append is

	size    int // of the history
	step    uint64
	epoch   int
	top     uint64
	evicted uint64 // the last offset that is not kept
	kept    []hub.Delivery
	subs    []*modelSubscription
}

type modelSubscription struct {
	hub.Subscriber
	waiting []hub.Delivery
	live    bool // of a room without history: what was lost is announced before more is delivered
	silent  bool // what was lost last, nothing has shown yet
	ended   bool
}

var errModelDown = errors.New("the broker is down")

// answer keeps who asked waiting, and returns what became of it.
func (b *modelBroker) answer(ctx context.Context) error {
	b.mu.Lock()
	down, held := b.down, b.held
	b.mu.Unlock()
	if down == nil && held != nil {
		select {
		case <-held:
		case <-ctx.Done():
			down = ctx.Err()
		}
	}
	return down
}

func (b *modelBroker) stands() hub.Position {
	return hub.Position{Epoch: fmt.Sprint("e", b.epoch), Offset: b.top}
}

func (b *modelBroker) OpenLog(context.Context, hub.History) (hub.Log, error) { return modelLog{b}, nil }

type modelLog struct{ b *modelBroker }

func (l modelLog) Append(_ context.Context, _ string, data []byte) error {
	b := l.b
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down != nil {
		return b.down
	}
	b.step = b.step%3 + 1
	d := hub.Delivery{Data: append([]byte(nil), data...), Previous: b.top}
	b.top += b.step
	d.Position = b.stands()
	b.kept = append(b.kept, d)
	if len(b.kept) > b.size {
		b.evicted = b.kept[0].Position.Offset
		b.kept = b.kept[1:]
	}
	return b.publish(d)
}

// publish gives d to all subscriptions. b.mu is held.
func (b *modelBroker) publish(d hub.Delivery) error {
	for _, s := range b.subs {
		s.waiting = append(s.waiting, d)
	}
	if b.uncertain {
		b.uncertain = false
		return hub.ErrUncertain
	}
	return nil
}

func (l modelLog) Subscribe(ctx context.Context, _ string, s hub.Subscriber) (hub.Position, func(), error) {
	return l.b.subscribe(ctx, &modelSubscription{Subscriber: s})
}

func (b *modelBroker) Publish(_ context.Context, _ string, data []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.down != nil {
		return b.down
	}
	return b.publish(hub.Delivery{Data: append([]byte(nil), data...)})
}

func (b *modelBroker) Subscribe(ctx context.Context, _ string, s hub.Subscriber) (func(), error) {
	_, cancel, err := b.subscribe(ctx, &modelSubscription{Subscriber: s, live: true})
	return cancel, err
}

func (b *modelBroker) subscribe(ctx context.Context, sub *modelSubscription) (hub.Position, func(), error) {
	b.mu.Lock()
	b.subs = append(b.subs, sub)
	top := b.stands()
	b.mu.Unlock()
	cancel := func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		sub.ended = true
		for i, other := range b.subs {
			if other == sub {
				b.subs = append(b.subs[:i:i], b.subs[i+1:]...)
			}
		}
	}
	if err := b.answer(ctx); err != nil {
		cancel()
		return hub.Position{}, nil, err
	}
	return top, cancel, nil
}

func (l modelLog) Since(ctx context.Context, _ string, p hub.Position) (hub.Replay, error) {
	b := l.b
	b.mu.Lock()
	r := hub.Replay{Top: b.stands()}
	if p.IsZero() {
		r.Missed, r.Complete = append(r.Missed, b.kept...), true
	} else if p.Epoch == r.Top.Epoch && p.Offset >= b.evicted && p.Offset <= b.top {
		r.Complete = true
		for _, d := range b.kept {
			if d.Position.Offset > p.Offset {
				r.Missed = append(r.Missed, d)
			}
		}
	}
	b.mu.Unlock()
	if err := b.answer(ctx); err != nil {
		return hub.Replay{}, err
	}
	return r, nil
}

// Enter may be uncertain: who asked gets an error, and the member is there nevertheless.
func (b *modelBroker) Enter(ctx context.Context, room string, m hub.Member) error {
	if err := b.Memory.Enter(ctx, room, m); err != nil {
		return err
	}
	return b.answer(ctx)
}

func (b *modelBroker) Exit(ctx context.Context, room, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return b.Memory.Exit(ctx, room, id)
}

func (b *modelBroker) Members(ctx context.Context, room string) ([]hub.Member, error) {
	members, err := b.Memory.Members(ctx, room)
	if err == nil {
		err = b.answer(ctx)
	}
	return members, err
}

// sub returns a subscription, nil if there is none.
func (b *modelBroker) sub(i int) *modelSubscription {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.subs) == 0 {
		return nil
	}
	return b.subs[i%len(b.subs)]
}

// deliver has up to n messages reach a subscription, or be lost on their way.
func (b *modelBroker) deliver(s *modelSubscription, n int, lose bool) {
	for ; s != nil && n > 0; n-- {
		b.mu.Lock()
		if len(s.waiting) == 0 || s.ended {
			b.mu.Unlock()
			return
		}
		d := s.waiting[0]
		s.waiting = s.waiting[1:]
		announce := s.live && s.silent && !lose
		s.silent = lose
		b.mu.Unlock()
		if announce {
			b.lost(s)
		}
		if !lose {
			s.Deliver(d)
		}
	}
}

// lost says that something may be missing.
func (b *modelBroker) lost(s *modelSubscription) {
	if s != nil {
		b.set(func() { s.silent = false })
		s.Lost(errors.New("the broker says so"))
	}
}

// restart loses everything that is kept.
func (b *modelBroker) restart() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.epoch++
	b.top, b.evicted, b.kept = 0, 0, nil
}

// set changes how the broker answers.
func (b *modelBroker) set(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

func (b *modelBroker) hold() {
	b.set(func() {
		if b.held == nil {
			b.held = make(chan struct{})
			return
		}
		close(b.held)
		b.held = nil
	})
}
