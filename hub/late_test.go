package hub_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/spoutws/spout/hub"
)

// late is a broker whose Log holds deliveries back while it is told to: Since knows of them before.
type late struct {
	hub.Memory
	mu      sync.Mutex
	holding bool
	held    []func()
}

type lateLog struct {
	hub.Log
	b *late
}

type lateSubscriber struct {
	hub.Subscriber
	b *late
}

func (b *late) OpenLog(ctx context.Context, h hub.History) (hub.Log, error) {
	l, err := b.Memory.OpenLog(ctx, h)
	return lateLog{l, b}, err
}

func (l lateLog) Subscribe(ctx context.Context, room string, s hub.Subscriber) (hub.Position, func(), error) {
	return l.Log.Subscribe(ctx, room, lateSubscriber{s, l.b})
}

func (s lateSubscriber) Deliver(d hub.Delivery) {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	if s.b.holding {
		s.b.held = append(s.b.held, func() { s.Subscriber.Deliver(d) })
		return
	}
	s.Subscriber.Deliver(d)
}

func (b *late) hold() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.holding = true
}

func (b *late) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.holding = false
	for _, deliver := range b.held {
		deliver()
	}
	b.held = nil
}

// What a member was replayed, and is delivered to its node only when it has joined, does not come to it again.
func TestDeliveriesAfterTheirReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(late)
		h := hub.Hub{Broker: b, History: new(hub.History)}
		n := newNode(&h)
		first, _ := n.join(t, "/lobby", hub.JoinOptions{})
		publish(t, &h, "lobby", "1")
		hears(t, first, "1")
		_, at := n.join(t, "/lobby", hub.JoinOptions{})

		b.hold()
		publish(t, &h, "lobby", "2")
		publish(t, &h, "lobby", "3")
		second, result := n.join(t, "/lobby", hub.JoinOptions{Since: at.Position})
		if !result.Recovered || result.Replayed != 2 {
			t.Fatalf("joined with %+v; want 2 replayed", result)
		}
		hears(t, second, "2", "3")
		third, _ := n.join(t, "/lobby", hub.JoinOptions{Recent: 1})
		hears(t, third, "3")

		b.release()
		publish(t, &h, "lobby", "4")
		hears(t, first, "2", "3", "4")
		hears(t, second, "4")
		hears(t, third, "4")
		publish(t, &h, "lobby", "5")
		hears(t, second, "5")
		hears(t, third, "5")
	})
}
