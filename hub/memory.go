package hub

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// Memory is a Broker within one process: a HistoryBroker and a PresenceBroker. The zero value is ready. It
// loses nothing while the process lives, and everything with it. Hubs with the same Memory have the
// same rooms, those with history if their History is the same, too. It must not be copied.
type Memory struct {
	rooms   shards[string, *channel]
	present shards[string, *presence]
	logs    sync.Map // by History
}

// channel is the subscriptions of a room.
type channel struct {
	turn sync.Mutex // held while something is delivered, so that all receive it in the same order

	mu   sync.Mutex                      // held while subs is replaced
	subs atomic.Pointer[[]*subscription] // never changed; nil for none
}

type subscription struct {
	Subscriber
	ended atomic.Bool
}

// Publish implements [Broker]. Subscribers are called before it returns.
func (b *Memory) Publish(ctx context.Context, room string, data []byte) error {
	if err := usable(ctx, room); err != nil {
		return err
	}
	if ch, ok := b.rooms.get(room); ok {
		ch.turn.Lock()
		defer ch.turn.Unlock()
		ch.deliver(Delivery{Data: slices.Clone(data)})
	}
	return nil
}

// Subscribe implements [Broker].
func (b *Memory) Subscribe(ctx context.Context, room string, s Subscriber) (cancel func(), err error) {
	if err := usable(ctx, room); err != nil {
		return nil, err
	}
	sub := &subscription{Subscriber: s}
	ch, _ := b.rooms.getOrMake(room, func() *channel { return new(channel) }, func(ch *channel) { ch.add(sub) })
	return func() {
		b.rooms.drop(room, func() (unused bool) { return ch.remove(sub) })
	}, nil
}

func usable(ctx context.Context, room string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return CheckRoom(room)
}

// deliver gives d to all subscriptions. ch.turn is held.
func (ch *channel) deliver(d Delivery) {
	for _, s := range ch.list() {
		if !s.ended.Load() {
			s.Deliver(d)
		}
	}
}

func (ch *channel) list() []*subscription {
	if subs := ch.subs.Load(); subs != nil {
		return *subs
	}
	return nil
}

func (ch *channel) add(s *subscription) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	subs := append(slices.Clone(ch.list()), s)
	ch.subs.Store(&subs)
}

// remove reports whether it was the last.
func (ch *channel) remove(s *subscription) (last bool) {
	if s.ended.Swap(true) {
		return false
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	subs := slices.DeleteFunc(slices.Clone(ch.list()), func(other *subscription) bool { return other == s })
	ch.subs.Store(&subs)
	return len(subs) == 0
}
