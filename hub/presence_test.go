package hub_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
)

// A member for which too much comes while it is sent what it missed, is told who came meanwhile, or is closed.
func TestPresenceOfOneThatIsOverrun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b hub.Memory
		h := hub.Hub{Broker: &b, History: &hub.History{Size: 10_000}, Presence: true}
		n := newNode(&h)
		n.SendLimit = 1000
		n.WriteTimeout = -1
		for range 100 {
			publish(t, &h, "lobby", strings.Repeat("x", 100))
		}
		c, _ := n.join(t, "/lobby?position=", hub.JoinOptions{Recent: 100})
		synctest.Wait() // it takes nothing yet
		if err := b.Enter(t.Context(), "lobby", hub.Member{ID: "late"}); err != nil {
			t.Fatal(err)
		}
		for range 5000 {
			publish(t, &h, "lobby", "more than is kept for it")
		}
		publish(t, &h, "lobby", "end")
		known := false
		for m, err := range c.Messages(t.Context()) {
			if err != nil {
				if spout.CloseCode(err) != spout.CloseTryAgainLater {
					t.Errorf("closed with %v", err)
				}
				return
			}
			var e hub.Envelope
			if err := m.Decode(&e); err != nil {
				t.Fatal(err)
			}
			known = known || e.Type == hub.Enter && e.Member.ID == "late"
			if text, _ := e.Message(); text.String() == "end" {
				break
			}
		}
		if !known {
			t.Error("it does not know who came meanwhile")
		}
	})
}

// lingering is a broker that takes its time to end a subscription to presence.
type lingering struct {
	hub.Memory
	goOn chan struct{}
}

func (b *lingering) Watch(ctx context.Context, room string, f func(hub.PresenceEvent)) (func(), error) {
	cancel, err := b.Memory.Watch(ctx, room, f)
	return func() { <-b.goOn; cancel() }, err
}

// While a room of which all have gone is being closed, and is joined anew, OnPresence is told of each event once.
func TestPresenceWhileClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := lingering{goOn: make(chan struct{})}
		var events atomic.Int64
		h := hub.Hub{Broker: &b, Presence: true, OnPresence: func(_ string, e hub.PresenceEvent) {
			if e.Member.ID == "other" {
				events.Add(1)
			}
		}}
		n := newNode(&h)
		first, _ := n.join(t, "/lobby", hub.JoinOptions{})
		first.CloseNow()
		synctest.Wait()
		n.join(t, "/lobby", hub.JoinOptions{})
		if err := b.Enter(t.Context(), "lobby", hub.Member{ID: "other"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := events.Load(); got != 1 {
			t.Errorf("told %d times", got)
		}
		close(b.goOn)
	})
}
