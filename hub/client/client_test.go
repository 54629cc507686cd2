package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
	"github.com/spoutws/spout/spouttest"
)

func TestRecoversWhatItMissed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newRoomServer(true)
		next := follow(t, client(t, s))
		if e := want(t, next, hub.Joined); e.Recovered || e.Replayed != 0 || e.Room != room {
			t.Fatalf("first joined with %+v", e)
		}
		s.publish(t, "one")
		one := wantMessage(t, next, "one")

		(<-s.conns).CloseNow()
		gone := next()
		if gone.Type != Disconnected || spout.CloseCode(gone.Err) != spout.CloseAbnormal || gone.Retry < 0 || gone.Retry > firstWait {
			t.Fatalf("after the loss of the connection: %+v", gone)
		}
		s.publish(t, "two", "three")
		back := next()
		if back.Type != hub.Joined || !back.Recovered || back.Replayed != 2 || back.at.Sub(gone.at) != gone.Retry {
			t.Fatalf("after %v of %v: %+v", back.at.Sub(gone.at), gone.Retry, back)
		}
		two := wantMessage(t, next, "two")
		three := wantMessage(t, next, "three")
		s.publish(t, "four")
		four := wantMessage(t, next, "four")
		for i, p := range []hub.Position{one.Position, two.Position, three.Position, four.Position} {
			if p.Offset != uint64(i+1) || p.Epoch != back.Position.Epoch {
				t.Errorf("message %d is at %v", i+1, p)
			}
		}
	})
}

func TestTellsOfGaps(t *testing.T) {
	for name, test := range map[string]struct {
		history bool
		away    func(t *testing.T, s *roomServer)
		reason  string
	}{
		"live room": {false, func(*testing.T, *roomServer) {}, "no history"},
		"more was missed than is kept": {true, func(t *testing.T, s *roomServer) {
			s.publish(t, "2", "3", "4", "5", "6", "7")
		}, "not kept"},
		"the history was lost": {true, func(t *testing.T, s *roomServer) {
			s.hub.Store(&hub.Hub{History: s.hub.Load().History})
		}, "not kept"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := newRoomServer(test.history)
				next := follow(t, client(t, s))
				want(t, next, hub.Joined)
				s.publish(t, "1")
				wantMessage(t, next, "1")
				(<-s.conns).CloseNow()
				want(t, next, Disconnected)
				test.away(t, s)
				if gap := want(t, next, hub.Gap); gap.Room != room || !strings.Contains(gap.Reason, test.reason) {
					t.Errorf("%+v", gap)
				}
				if e := want(t, next, hub.Joined); e.Recovered || e.Replayed != 0 {
					t.Errorf("%+v", e)
				}
				s.publish(t, "after")
				wantMessage(t, next, "after")
			})
		})
	}
}

func TestSinceAnEarlierLife(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newRoomServer(true)
		s.publish(t, "one", "two", "three")
		first := client(t, s)
		next := follow(t, first)
		top := want(t, next, hub.Joined).Position

		again := client(t, s)
		again.Since = hub.Position{Epoch: top.Epoch, Offset: 1}
		next = follow(t, again)
		if e := want(t, next, hub.Joined); !e.Recovered || e.Replayed != 2 || e.Position != top {
			t.Errorf("%+v", e)
		}
		wantMessage(t, next, "two")
		wantMessage(t, next, "three")

		other := client(t, s)
		other.Since = hub.Position{Epoch: "other", Offset: 1}
		next = follow(t, other)
		want(t, next, hub.Gap)
		want(t, next, hub.Joined)
	})
}

// What was received ahead, but not given to the loop, is not lost when the loop is left.
func TestLeavingTheLoop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newRoomServer(true)
		c := client(t, s)
		loop := func() (got []string) {
			for e, err := range c.Events(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if e.Type != hub.Message {
					if e.Type != hub.Joined {
						t.Errorf("%+v", e)
					}
					if got == nil {
						s.publish(t, "a", "b")
					}
					continue
				}
				if got = append(got, e.Message.String()); len(got) == 2 {
					break
				}
			}
			<-(<-s.conns).Context().Done()
			if err := c.Send(spout.Text("x")); err != ErrDisconnected {
				t.Errorf("Send without a loop: %v", err)
			}
			return got
		}
		s.publish(t, "before")
		for range 3 {
			if got := loop(); len(got) != 2 {
				t.Errorf("got %q", got)
			}
		}
		// The second and the third loop publish two more each, and get the two before first.
		next := follow(t, c)
		if e := want(t, next, hub.Joined); !e.Recovered {
			t.Errorf("%+v", e)
		}
	})
}

func TestLoopEnds(t *testing.T) {
	t.Run("context", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s := newRoomServer(false)
			var last error
			for e, err := range client(t, s).Events(ctx) {
				if last = err; e.Type == hub.Joined {
					cancel()
				}
			}
			if !errors.Is(last, context.Canceled) {
				t.Errorf("the loop ended with %v", last)
			}
			conn := <-s.conns
			<-conn.Context().Done()
			if code := spout.CloseCode(context.Cause(conn.Context())); code != spout.CloseNormal {
				t.Errorf("the server saw %v", code)
			}
		})
	})
	t.Run("context, while waiting", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			c := client(t, http.NotFoundHandler())
			start, attempts := time.Now(), 0
			var last error
			for _, err := range c.Events(ctx) {
				attempts++
				last = err
			}
			if !errors.Is(last, context.DeadlineExceeded) || time.Since(start) != time.Minute || attempts < 5 {
				t.Errorf("after %v and %d attempts the loop ended with %v", time.Since(start), attempts, last)
			}
		})
	})
	t.Run("panic", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := newRoomServer(false)
			c := client(t, s)
			func() {
				defer func() {
					if recover() != "body" {
						t.Error("the panic was lost")
					}
				}()
				for range c.Events(t.Context()) {
					panic("body")
				}
			}()
			<-(<-s.conns).Context().Done()
			want(t, follow(t, c), hub.Gap)
		})
	})
	t.Run("closed with 1000", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			s := newRoomServer(false)
			next := follow(t, client(t, s))
			want(t, next, hub.Joined)
			(<-s.conns).Close(spout.CloseNormal, "the room is closed")
			if h := next(); !h.over {
				t.Errorf("%+v", h)
			}
		})
	})
}

func TestMisuse(t *testing.T) {
	for name, c := range map[string]*Client{
		"no URL":   {},
		"scheme":   {URL: "ftp://127.0.0.1/"},
		"not one":  {URL: "ws://127.0.0.1/%zz"},
		"fragment": {URL: "ws://127.0.0.1/#f"},
		"options":  {URL: "ws://127.0.0.1/", Dialer: &spout.Dialer{Options: spout.Options{Subprotocols: []string{" "}}}},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			for _, err := range c.Events(t.Context()) {
				n++
				if _, ok := errors.AsType[*spout.UsageError](err); !ok {
					t.Errorf("%v is no UsageError", err)
				}
			}
			if n != 1 {
				t.Errorf("%d events", n)
			}
		})
	}
	t.Run("two loops", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			c := client(t, newRoomServer(false))
			want(t, follow(t, c), hub.Joined)
			h := follow(t, c)()
			if _, ok := errors.AsType[*spout.UsageError](h.err); !ok {
				t.Errorf("%+v", h)
			}
		})
	})
}

func TestAskBothWays(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newRoomServer(false)
		c := client(t, s)
		if _, err := c.Ask(t.Context(), spout.Text("?")); err != ErrDisconnected {
			t.Errorf("before there is a connection: %v", err)
		}
		if err := c.Write(t.Context(), spout.Text("?")); err != ErrDisconnected {
			t.Errorf("before there is a connection: %v", err)
		}
		failed := make(chan error, 1)
		for e, err := range c.Events(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			switch e.Type {
			case hub.Joined: // a question in the loop's body gets through what is published before it
				for range ahead / 2 {
					s.publish(t, "noise")
				}
				m, err := c.Ask(t.Context(), spout.Text("something"))
				if err != nil || m.String() != "you asked something" {
					t.Fatalf("%q, %v", m, err)
				}
				if err := c.Send(spout.Text("from the client")); err != nil {
					t.Fatal(err)
				}
			case hub.Message:
				if e.Message.String() != "from the client" {
					continue
				}
				conn := <-s.conns
				go func() {
					_, err := s.asker.Ask(t.Context(), conn, spout.Text("still there?"))
					failed <- err
					conn.Close(spout.CloseNormal, "")
				}()
			case hub.Ask:
				if e.Message.String() != "still there?" {
					t.Errorf("%+v", e)
				}
				if err := e.Question.Fail(errors.New("hardly")); err != nil {
					t.Error(err)
				}
			}
		}
		err := <-failed
		if e, ok := errors.AsType[*hub.AnswerError](err); !ok || e.Reason != "hardly" {
			t.Errorf("the server was answered with %v", err)
		}
	})
}

func TestOtherMessages(t *testing.T) {
	bubble(t, func(t *testing.T) {
		done := make(chan struct{})
		defer close(done)
		next := follow(t, client(t, script(t, func(c *spout.Conn, query url.Values) {
			if query.Get("user") != "7" || !query.Has("position") || query.Get("position") != "" {
				t.Errorf("the query is %v", query)
			}
			for _, m := range []spout.Message{spout.Text("no JSON"), spout.Text(`{"type":"mine","text":"x"}`), spout.Text(`{"type":7}`), spout.Binary([]byte{0})} {
				c.Send(m)
			}
			<-done
		})))
		for _, text := range []string{"no JSON", `{"type":"mine","text":"x"}`, `{"type":7}`, "\x00"} {
			if e := want(t, next, Other); e.Message.String() != text {
				t.Errorf("want %q, got %+v", text, e)
			}
		}
	})
}

func TestPresence(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newRoomServer(false)
		s.hub.Load().Presence = true
		next := follow(t, client(t, s))
		joined := want(t, next, hub.Joined)
		if len(joined.Members) != 1 || joined.Members[0].ID != joined.ID || joined.ID == "" {
			t.Errorf("%+v", joined)
		}
		if e := want(t, next, hub.Enter); e.Member.ID != joined.ID {
			t.Errorf("%+v", e)
		}
		other := spouttest.Dial(t, s, "/")
		came := want(t, next, hub.Enter).Member
		other.CloseNow()
		if e := want(t, next, hub.Exit); e.Member.ID != came.ID || e.Member.ID == joined.ID {
			t.Errorf("%v came, and %+v", came, e)
		}
	})
}
