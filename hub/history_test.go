package hub_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
)

// A member that joins with a Position gets exactly what it missed, then what follows; or nothing of it.
func TestRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.Hub{History: &hub.History{Size: 5, Age: time.Minute}}
		n := newNode(&h)
		_, start := n.join(t, "/lobby", hub.JoinOptions{})
		if start.Position.Epoch == "" || start.Position.Offset != 0 {
			t.Fatalf("an empty room stands at %v", start.Position)
		}
		at := func(offset uint64) hub.Position { return hub.Position{Epoch: start.Position.Epoch, Offset: offset} }
		for i := 1; i <= 7; i++ {
			publish(t, &h, "lobby", fmt.Sprint(i))
		}
		for _, v := range []struct {
			name      string
			o         hub.JoinOptions
			recovered bool
			want      []string
		}{
			{"nothing missed", hub.JoinOptions{Since: at(7)}, true, nil},
			{"some missed", hub.JoinOptions{Since: at(4)}, true, []string{"5", "6", "7"}},
			{"all that is kept", hub.JoinOptions{Since: at(2)}, true, []string{"3", "4", "5", "6", "7"}},
			{"more than is kept", hub.JoinOptions{Since: at(1)}, false, nil},
			{"from the beginning", hub.JoinOptions{Since: at(0)}, false, nil},
			{"in the future", hub.JoinOptions{Since: at(8)}, false, nil},
			{"another epoch", hub.JoinOptions{Since: hub.Position{Epoch: "other", Offset: 6}}, false, nil},
			{"recent", hub.JoinOptions{Recent: 2}, false, []string{"6", "7"}},
			{"recent, more than there are", hub.JoinOptions{Recent: 100}, false, []string{"3", "4", "5", "6", "7"}},
			{"nothing wanted", hub.JoinOptions{}, false, nil},
		} {
			c, got := n.join(t, "/lobby", v.o)
			want := hub.JoinResult{Position: at(7), Recovered: v.recovered, Replayed: len(v.want)}
			if got != want {
				t.Errorf("%s: joined with %+v, want %+v", v.name, got, want)
			}
			hears(t, c, v.want...)
			hearsNothing(t, c)
			c.Close(spout.CloseNormal, "")
		}
		time.Sleep(2 * time.Minute) // all have gone by then
		if c, got := n.join(t, "/lobby", hub.JoinOptions{Since: at(6)}); got.Recovered {
			t.Errorf("recovered after the age of what was missed: %+v", got)
		} else {
			publish(t, &h, "lobby", "new")
			hears(t, c, "new")
		}
	})
}

// While messages are published, members come and go, each joining where it stood; each gets all, once and in
// order.
func TestRecoveryWhilePublishing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const messages = 3000
		h := hub.Hub{History: &hub.History{Size: messages}}
		n := newNode(&h)
		n.SendLimit = -1
		n.results = make(chan hub.JoinResult, 10_000)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				var position hub.Position
				next := 0
				for next < messages {
					c, _ := n.join(t, "/lobby?position="+position.String(), hub.JoinOptions{Recent: 1 << 20})
					first := told(t, c)
					if first.Type != hub.Joined || !position.IsZero() && !first.Recovered {
						t.Errorf("joined with %+v at %v", first, position)
					}
					for range 1 + next%97 {
						if next == messages {
							break
						}
						e := told(t, c)
						m, ok := e.Message()
						if !ok || e.Type != hub.Message || m.String() != fmt.Sprint(next) {
							t.Errorf("got %+v (%s), want message %d", e, m, next)
							return
						}
						next++
						position = e.Position
					}
					c.CloseNow()
				}
			})
		}
		wg.Go(func() {
			for i := range messages {
				publish(t, &h, "lobby", fmt.Sprint(i))
				if i%50 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
		})
		wg.Wait()
	})
}

// careless is a broker that loses what lose says, and cannot be asked while down.
type careless struct {
	*hub.Memory
	lose func(room string) bool
	down atomic.Bool

	mu   sync.Mutex
	subs []hub.Subscriber
}

type carelessLog struct {
	hub.Log
	b *careless
}

type carelessSubscriber struct {
	hub.Subscriber
	b    *careless
	room string
}

func (b *careless) OpenLog(ctx context.Context, h hub.History) (hub.Log, error) {
	log, err := b.Memory.OpenLog(ctx, h)
	return carelessLog{log, b}, err
}

func (b *careless) wrap(room string, s hub.Subscriber) hub.Subscriber {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subs = append(b.subs, s)
	return carelessSubscriber{s, b, room}
}

func (b *careless) lost(reason string) {
	b.mu.Lock()
	subs := slices.Clone(b.subs)
	b.mu.Unlock()
	for _, s := range subs {
		s.Lost(errors.New(reason))
	}
}

func (s carelessSubscriber) Deliver(d hub.Delivery) {
	if !s.b.lose(s.room) {
		s.Subscriber.Deliver(d)
	}
}

func (b *careless) Subscribe(ctx context.Context, room string, s hub.Subscriber) (func(), error) {
	return b.Memory.Subscribe(ctx, room, b.wrap(room, s))
}

func (l carelessLog) Subscribe(ctx context.Context, room string, s hub.Subscriber) (hub.Position, func(), error) {
	return l.Log.Subscribe(ctx, room, l.b.wrap(room, s))
}

func (l carelessLog) Since(ctx context.Context, room string, p hub.Position) (hub.Replay, error) {
	if l.b.down.Load() {
		return hub.Replay{}, errors.New("the broker does not answer")
	}
	return l.Log.Since(ctx, room, p)
}

// What a broker with a history loses on its way, the members get nevertheless: as soon as the next message
// shows it, or the broker says it, and can be asked.
func TestLostDeliveriesAreFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var losing atomic.Bool
		b := &careless{Memory: new(hub.Memory), lose: func(string) bool { return losing.Load() }}
		gaps := 0
		h := hub.Hub{Broker: b, History: &hub.History{}, OnGap: func(string, error) { gaps++ }}
		n := newNode(&h)
		c, _ := n.join(t, "/lobby", hub.JoinOptions{})
		publish(t, &h, "lobby", "1")
		losing.Store(true)
		publish(t, &h, "lobby", "2")
		publish(t, &h, "lobby", "3")
		hears(t, c, "1")
		hearsNothing(t, c)
		losing.Store(false)
		publish(t, &h, "lobby", "4")
		hears(t, c, "2", "3", "4")

		losing.Store(true)
		publish(t, &h, "lobby", "5")
		b.down.Store(true)
		b.lost("the connection was broken")
		hearsNothing(t, c)
		losing.Store(false)
		for i := range 5000 { // more than is kept to wait
			publish(t, &h, "lobby", fmt.Sprint(6+i))
			if i == 50 {
				time.Sleep(5 * time.Second)
				hearsNothing(t, c)
				break
			}
		}
		b.down.Store(false)
		for i := range 52 {
			hears(t, c, fmt.Sprint(5+i))
		}
		b.lost("nothing at all")
		publish(t, &h, "lobby", "end")
		hears(t, c, "end")
		hearsNothing(t, c)
		if gaps != 0 {
			t.Errorf("%d gaps were announced, but nothing was lost", gaps)
		}
	})
}

// What can't be fetched is announced: to the application, and to those who get envelopes.
func TestGaps(t *testing.T) {
	for _, history := range []bool{false, true} {
		t.Run(fmt.Sprintf("history %v", history), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var losing atomic.Bool
				b := &careless{Memory: new(hub.Memory), lose: func(string) bool { return losing.Load() }}
				gaps := make(chan string, 10)
				h := hub.Hub{Broker: b, OnGap: func(room string, reason error) { gaps <- room + ": " + reason.Error() }}
				if history {
					h.History = &hub.History{Size: 2}
				}
				n := newNode(&h)
				plain, _ := n.join(t, "/lobby", hub.JoinOptions{})
				other, _ := n.join(t, "/lobby", hub.JoinOptions{Envelope: true})
				first := told(t, other)
				publish(t, &h, "lobby", "1")
				losing.Store(true)
				for i := 2; i <= 5; i++ {
					publish(t, &h, "lobby", fmt.Sprint(i))
				}
				losing.Store(false)
				b.lost("the connection was broken")
				synctest.Wait()
				publish(t, &h, "lobby", "6")
				hears(t, plain, "1", "6")
				if got := <-gaps; got != "lobby: the connection was broken" {
					t.Errorf("the application was told %q", got)
				}
				var types []hub.EnvelopeType
				var last hub.Envelope
				for range 3 {
					last = told(t, other)
					types = append(types, last.Type)
				}
				if !slices.Equal(types, []hub.EnvelopeType{hub.Message, hub.Gap, hub.Message}) {
					t.Errorf("the member was told %q", types)
				}
				if want := (hub.Position{Epoch: first.Position.Epoch, Offset: 6}); history && last.Position != want {
					t.Errorf("the last message is at %v, want %v", last.Position, want)
				} else if !history && !last.Position.IsZero() {
					t.Errorf("a position in a room without history: %v", last.Position)
				}
			})
		})
	}
}

// A member that can't be sent what it missed is closed: it never gets a part.
func TestReplayToOneThatTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.Hub{History: &hub.History{Size: 1000}}
		n := newNode(&h)
		n.SendLimit = 1000
		n.WriteTimeout, n.PingInterval = -1, -1
		_, start := n.join(t, "/lobby", hub.JoinOptions{})
		for range 100 {
			publish(t, &h, "lobby", strings.Repeat("x", 100))
		}
		if got := present(&h, "lobby"); got != 1 {
			t.Fatalf("%d members", got)
		}
		late, _ := n.join(t, "/lobby?position="+start.Position.String(), hub.JoinOptions{})
		time.Sleep(time.Minute) // in which nothing is read
		got := 0
		var end error
		for _, err := range late.Messages(t.Context()) {
			if end = err; err == nil {
				got++
			}
		}
		if spout.CloseCode(end) == spout.CloseNormal || got > 20 {
			t.Errorf("ended with %v after %d messages", end, got)
		}
	})
}

// A member over a thin line gets all that it missed, however long that takes, as long as it takes some of it.
func TestReplayOverThinLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.Hub{History: &hub.History{}}
		n := newNode(&h)
		n.SendLimit = 1000
		_, start := n.join(t, "/lobby", hub.JoinOptions{})
		for i := range 100 {
			publish(t, &h, "lobby", fmt.Sprintf("%0100d", i))
		}
		c, _ := n.join(t, "/lobby?position="+start.Position.String(), hub.JoinOptions{})
		if e := told(t, c); e.Replayed != 100 {
			t.Fatalf("joined with %+v", e)
		}
		for i := range 100 {
			time.Sleep(300 * time.Millisecond)
			e := told(t, c)
			if m, _ := e.Message(); m.String() != fmt.Sprintf("%0100d", i) {
				t.Fatalf("got %q, want %d", m, i)
			}
		}
	})
}

// However short the time is for which messages are kept, looking after them takes no more than a little.
func TestHistoryOfAnInstant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.Hub{History: &hub.History{Age: 1}}
		c, _ := newNode(&h).join(t, "/lobby", hub.JoinOptions{})
		publish(t, &h, "lobby", "1")
		hears(t, c, "1")
		time.Sleep(time.Second) // passes only when there is nothing to do before
	})
}
