package hub_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
	"github.com/spoutws/spout/spouttest"
)

// What is published in a room, all its members get, and nobody else; text is text and binary binary.
func TestRooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h hub.Hub
		n := newNode(&h)
		ann, _ := n.join(t, "/lobby", hub.JoinOptions{})
		bob, _ := n.join(t, "/lobby", hub.JoinOptions{})
		cy, _ := n.join(t, "/cellar", hub.JoinOptions{})
		ann.Send(spout.Text("hello"))
		hears(t, ann, "hello")
		hears(t, bob, "hello")
		bob.Send(spout.Binary([]byte{1, 2}))
		if m, err := ann.Read(t.Context()); err != nil || m.Type != spout.BinaryMessage || string(m.Data) != "\x01\x02" {
			t.Errorf("got %v, %v", m, err)
		}
		hears(t, bob, "\x01\x02")
		publish(t, &h, "nobody is here", "hello")
		publish(t, &h, "cellar", "")
		hears(t, cy, "")
		hearsNothing(t, cy)
	})
}

// A connection is in a room until it leaves, or is closed.
func TestLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h hub.Hub
		n := newNode(&h)
		ann, _ := n.join(t, "/lobby", hub.JoinOptions{})
		bob, _ := n.join(t, "/lobby", hub.JoinOptions{})
		if got := present(&h, "lobby"); got != 2 {
			t.Fatalf("%d members, want 2", got)
		}
		ann.Close(spout.CloseNormal, "")
		synctest.Wait()
		if got := present(&h, "lobby"); got != 1 {
			t.Fatalf("%d members after one was closed, want 1", got)
		}
		for c := range h.Members("lobby") {
			for range 2 { // the second time does nothing
				if err := h.Leave("lobby", c); err != nil {
					t.Error(err)
				}
			}
			if err := h.Leave("cellar", c); err != nil {
				t.Error(err)
			}
		}
		publish(t, &h, "lobby", "too late")
		hearsNothing(t, bob)
	})
}

// A connection may be in many rooms, but in each once.
func TestManyRoomsOfOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h hub.Hub
		n := newNode(&h)
		ann, _ := n.join(t, "/0", hub.JoinOptions{})
		var c *spout.Conn
		for c = range h.Members("0") {
		}
		for i := 1; i < 100; i++ {
			if err := h.Join(fmt.Sprint(i), c); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.Join("7", c); err == nil || !strings.Contains(err.Error(), "already") {
			t.Errorf("joined twice: %v", err)
		}
		for i := range 100 {
			publish(t, &h, fmt.Sprint(i), fmt.Sprint(i))
			hears(t, ann, fmt.Sprint(i))
		}
		ann.Close(spout.CloseNormal, "")
		synctest.Wait()
		for i := range 100 {
			if got := present(&h, fmt.Sprint(i)); got != 0 {
				t.Fatalf("room %d has %d members after the end", i, got)
			}
		}
		if err := h.Join("late", c); spout.CloseCode(err) != spout.CloseNormal {
			t.Errorf("a closed connection joined: %v", err)
		}
		if got := present(&h, "late"); got != 0 {
			t.Errorf("a closed connection is in a room")
		}
	})
}

// What can't be is refused, and says why.
func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		live := struct{ hub.Broker }{new(hub.Memory)} // which can do nothing else
		for _, v := range []struct {
			name string
			hub  *hub.Hub
			room string
			o    hub.JoinOptions
			want string
		}{
			{"no name", &hub.Hub{}, "", hub.JoinOptions{}, "1 to 128 bytes"},
			{"long name", &hub.Hub{}, strings.Repeat("x", 129), hub.JoinOptions{}, "1 to 128 bytes"},
			{"broken name", &hub.Hub{}, "\xff", hub.JoinOptions{}, "UTF-8"},
			{"no history", &hub.Hub{Broker: live, History: &hub.History{}}, "a", hub.JoinOptions{}, "HistoryBroker"},
			{"no presence", &hub.Hub{Broker: live, Presence: true}, "a", hub.JoinOptions{}, "PresenceBroker"},
			{"data without presence", &hub.Hub{}, "a", hub.JoinOptions{Data: 1}, "Hub.Presence"},
			{"data that is long", &hub.Hub{Presence: true}, "a", hub.JoinOptions{Data: strings.Repeat("x", 4096)}, "4098 bytes"},
			{"data that has no JSON", &hub.Hub{Presence: true}, "a", hub.JoinOptions{Data: func() {}}, "Data of a member"},
		} {
			errs := make(chan error, 1)
			var srv spout.Server
			spouttest.Dial(t, srv.Handler(func(*http.Request) (spout.Handler, error) {
				return opened{f: func(c *spout.Conn) { _, err := v.hub.JoinWith(v.room, c, v.o); errs <- err }}, nil
			}), "/")
			if err := <-errs; err == nil || !strings.Contains(err.Error(), v.want) {
				t.Errorf("%s: %v, want something of %q", v.name, err, v.want)
			}
		}
		var h hub.Hub
		// What no connection would send is refused before anybody misses it.
		for _, m := range []spout.Message{spout.Text("\xff"), {}} {
			if _, ok := errors.AsType[*spout.UsageError](h.Publish(t.Context(), "a", m)); !ok {
				t.Errorf("%+v was published", m)
			}
		}
		if _, err := h.Present(t.Context(), "a"); err == nil {
			t.Error("Present without Presence")
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := h.Publish(ended, "a", spout.Text("")); !errors.Is(err, context.Canceled) {
			t.Errorf("an ended context: %v", err)
		}
	})
}

// opened is a handler for OnOpen alone.
type opened struct {
	spout.Base
	f func(c *spout.Conn)
}

func (o opened) OnOpen(c *spout.Conn) error                 { o.f(c); return nil }
func (o opened) OnMessage(*spout.Conn, spout.Message) error { return nil }

// A member that does not keep up is closed with 1013, or meets the hook; it gets what was queued before, and
// nobody waits for it.
func TestSlowMember(t *testing.T) {
	for _, hook := range []bool{false, true} {
		t.Run(fmt.Sprintf("hook %v", hook), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var h hub.Hub
				slow := make(chan string, 1000)
				if hook {
					h.OnSlow = func(c *spout.Conn, room string) {
						slow <- room
						h.Leave(room, c)
						panic("which harms nobody")
					}
					h.Logger = slog.New(slog.DiscardHandler)
				}
				n := newNode(&h)
				n.SendLimit = 1000
				sluggard, _ := n.join(t, "/lobby", hub.JoinOptions{})
				quick, _ := n.join(t, "/lobby", hub.JoinOptions{})
				text := strings.Repeat("x", 98) // 100 bytes in a frame
				for range 50 {
					publish(t, &h, "lobby", text)
					hears(t, quick, text) // and pays no attention to the other
				}
				got := 0
				var err error
				for m, end := range sluggard.Messages(t.Context()) {
					if err = end; end == nil && m.String() == text {
						got++
					}
					if hook && got >= 10 {
						break
					}
				}
				// Beside the queue there is what is under way, and what the client has read.
				if got < 10 || got > 15 {
					t.Errorf("the slow member got %d messages, want 10 to 15", got)
				}
				if e, ok := errors.AsType[*spout.CloseError](err); !hook && (!ok || e.Code != spout.CloseTryAgainLater || !strings.Contains(e.Reason, "SendLimit")) {
					t.Errorf("it was closed with %v", err)
				}
				if hook && <-slow != "lobby" {
					t.Error("the hook was not called")
				}
				sluggard.CloseNow()
				synctest.Wait()
				if got := present(&h, "lobby"); got != 1 {
					t.Errorf("%d members are left, want 1", got)
				}
			})
		})
	}
}

// Many rooms and connections at once, joining, leaving and publishing: every member gets the messages of each
// publisher in order, and at the end nothing is left.
func TestConcurrently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h hub.Hub
		n := newNode(&h)
		n.results = make(chan hub.JoinResult, 10_000)
		handler := n.handler(hub.JoinOptions{})
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				c := spouttest.Dial(t, handler, fmt.Sprintf("/%d", i%7))
				<-n.results // somebody's
				last := map[int]int{}
				for range 20 {
					m, err := c.Read(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					var from, count int
					fmt.Sscan(m.String(), &from, &count)
					if count <= last[from] {
						t.Errorf("from %d came %d after %d", from, count, last[from])
					}
					last[from] = count
				}
				c.Close(spout.CloseNormal, "")
			})
		}
		done := make(chan struct{})
		var publishers sync.WaitGroup
		for p := range 4 {
			publishers.Go(func() {
				for count := 1; ; count++ {
					select {
					case <-done:
						return
					default:
						for room := range 7 {
							if err := h.Publish(t.Context(), fmt.Sprint(room), spout.Text(fmt.Sprint(p, count))); err != nil {
								t.Error(err)
							}
						}
					}
				}
			})
		}
		wg.Wait()
		close(done)
		publishers.Wait()
		synctest.Wait()
		for room := range 7 {
			if got := present(&h, fmt.Sprint(room)); got != 0 {
				t.Errorf("room %d still has %d members", room, got)
			}
		}
	})
}
