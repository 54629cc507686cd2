package hub_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
	"github.com/spoutws/spout/spouttest"
)

// halting is a broker that keeps those waiting who subscribe to one room, or publish in it.
type halting struct {
	hub.Broker
	room string
	goOn chan struct{}
}

func (b *halting) wait(room string) {
	if room == b.room {
		<-b.goOn
	}
}

func (b *halting) Subscribe(ctx context.Context, room string, s hub.Subscriber) (func(), error) {
	b.wait(room)
	return b.Broker.Subscribe(ctx, room, s)
}

func (b *halting) Publish(ctx context.Context, room string, data []byte) error {
	b.wait(room)
	return b.Broker.Publish(ctx, room, data)
}

// While the broker keeps those waiting who join a room or publish in it, all else goes on: others join, publish and
// leave in a thousand rooms, and a connection that waits to join is closed like any other. It is not in the room in the end.
func TestNobodyWaitsForAnotherRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &halting{Broker: new(hub.Memory), room: "stuck", goOn: make(chan struct{})}
		h := hub.Hub{Broker: b}
		conns := make(chan *spout.Conn, 1)
		var srv spout.Server
		handler := srv.Handler(func(*http.Request) (spout.Handler, error) {
			return opened{f: func(c *spout.Conn) { conns <- c }}, nil
		})
		stuckClient := spouttest.Dial(t, handler, "/")
		stuck := <-conns
		client := spouttest.Dial(t, handler, "/")
		c := <-conns

		var waiting sync.WaitGroup
		waiting.Go(func() {
			if err := h.Join("stuck", stuck); err != nil {
				t.Error(err)
			}
		})
		waiting.Go(func() { publish(t, &h, "stuck", "hello") })
		synctest.Wait()
		for i := range 1000 { // in all parts of whatever map
			room := fmt.Sprint(i)
			if err := h.Join(room, c); err != nil {
				t.Fatal(err)
			}
			publish(t, &h, room, room)
			hears(t, client, room)
			if err := h.Leave(room, c); err != nil {
				t.Fatal(err)
			}
		}
		gone := make(chan struct{})
		stuck.AfterClose(func() { close(gone) }) // after the Hub's own
		stuckClient.CloseNow()
		<-gone
		close(b.goOn)
		waiting.Wait()
		if got := present(&h, "stuck"); got != 0 {
			t.Errorf("%d members in the room that was joined too late", got)
		}
	})
}

// counting is a broker whose Log keeps those waiting who ask what there was, and counts them.
type counting struct {
	*careless
	asked atomic.Int64
	goOn  chan struct{}
}

func (b *counting) OpenLog(ctx context.Context, h hub.History) (hub.Log, error) {
	log, err := b.careless.OpenLog(ctx, h)
	return countingLog{log, b}, err
}

type countingLog struct {
	hub.Log
	b *counting
}

func (l countingLog) Since(ctx context.Context, room string, p hub.Position) (hub.Replay, error) {
	l.b.asked.Add(1)
	<-l.b.goOn
	return l.Log.Since(ctx, room, p)
}

// A broker that has lost something in all rooms is not asked by all of them at once; each gets what it misses in the end.
func TestRoomsAskInTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rooms = 500
		var losing atomic.Bool
		b := &counting{careless: &careless{Memory: new(hub.Memory), lose: func(string) bool { return losing.Load() }}, goOn: make(chan struct{})}
		h := hub.Hub{Broker: b, History: new(hub.History)}
		n := newNode(&h)
		client, _ := n.join(t, "/0", hub.JoinOptions{})
		var c *spout.Conn
		for c = range h.Members("0") {
		}
		losing.Store(true)
		for i := range rooms {
			if i > 0 {
				if err := h.Join(fmt.Sprint(i), c); err != nil {
					t.Fatal(err)
				}
			}
			publish(t, &h, fmt.Sprint(i), fmt.Sprint(i))
		}
		losing.Store(false)
		b.lost("the connection was broken")
		synctest.Wait()
		if got := b.asked.Load(); got == 0 || got > rooms/10 {
			t.Errorf("%d of %d rooms ask at once", got, rooms)
		}
		close(b.goOn)
		got := make(map[string]bool)
		for range rooms {
			m, err := client.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got[m.String()] = true
		}
		if len(got) != rooms {
			t.Errorf("%d of %d rooms got what they missed", len(got), rooms)
		}
	})
}

// A join that fails takes with it no other one of the same connection, which came after it had left.
func TestLeaveAndJoinAgainWhileJoining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &modelBroker{size: 10}
		h := hub.Hub{Broker: b, History: &hub.History{}}
		n := newNode(&h)
		n.join(t, "/lobby", hub.JoinOptions{}) // has the room stay
		conns := make(chan *spout.Conn, 1)
		client := spouttest.Dial(t, n.Handler(func(*http.Request) (spout.Handler, error) {
			return opened{f: func(c *spout.Conn) { conns <- c }}, nil
		}), "/")
		c := <-conns

		b.hold()
		first := make(chan error, 1)
		go func() {
			_, err := h.JoinWith("lobby", c, hub.JoinOptions{Recent: 1})
			first <- err
		}()
		synctest.Wait()
		if err := h.Leave("lobby", c); err != nil {
			t.Fatal(err)
		}
		if err := h.Join("lobby", c); err != nil {
			t.Fatal(err)
		}
		if err := <-first; err == nil {
			t.Error("joined, though the broker did not answer")
		}
		if err := h.Join("lobby", c); err == nil {
			t.Error("joined twice")
		}
		client.CloseNow()
		synctest.Wait()
		if got := present(&h, "lobby"); got != 1 {
			t.Errorf("%d members, want 1: the other connection is closed", got)
		}
	})
}

// mute is a broker that never says whether it has a Log.
type mute struct{ hub.Memory }

func (b *mute) OpenLog(ctx context.Context, _ hub.History) (hub.Log, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// However many wait for the broker, each waits as long as its context says.
func TestWaitingForTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.Hub{Broker: new(mute), History: &hub.History{}}
		begun := time.Now()
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				wait := time.Duration(1+i) * time.Second
				ctx, cancel := context.WithTimeout(t.Context(), wait)
				defer cancel()
				err := h.Publish(ctx, "lobby", spout.Text("hello"))
				if took := time.Since(begun); !errors.Is(err, context.DeadlineExceeded) || took > wait {
					t.Errorf("with %v: %v after %v", wait, err, took)
				}
			})
		}
		all.Wait()
	})
}
