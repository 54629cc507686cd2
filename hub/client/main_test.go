package client

import (
	"context"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
	"github.com/spoutws/spout/internal/testenv"
	"github.com/spoutws/spout/spouttest"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// bubble runs a test in which time is fake.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// happening is what a loop over Events was given, and when.
type happening struct {
	Event
	err  error
	over bool // the loop has ended
	at   time.Time
}

// follow ranges over the events of c until the test ends, and returns them one by one.
func follow(t *testing.T, c *Client) (next func() happening) {
	ctx, cancel := context.WithCancel(context.Background())
	happenings := make(chan happening)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tell := func(h happening) {
			h.at = time.Now()
			select {
			case happenings <- h:
			case <-ctx.Done():
			}
		}
		for e, err := range c.Events(ctx) {
			tell(happening{Event: e, err: err})
		}
		tell(happening{over: true})
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return func() happening {
		t.Helper()
		select {
		case h := <-happenings:
			return h
		case <-time.After(time.Hour):
			t.Fatal("nothing has happened for an hour")
		}
		panic("unreachable")
	}
}

// want takes the next event and holds its type against what is expected.
func want(t *testing.T, next func() happening, typ hub.EnvelopeType) Event {
	t.Helper()
	h := next()
	if h.err != nil || h.over || h.Type != typ {
		t.Fatalf("want %s, got %+v", typ, h)
	}
	return h.Event
}

// wantMessage takes the next event, which has to be this message.
func wantMessage(t *testing.T, next func() happening, text string) Event {
	t.Helper()
	e := want(t, next, hub.Message)
	if e.Message.String() != text || e.Message.Type != spout.TextMessage {
		t.Fatalf("want the message %q, got %+v", text, e)
	}
	return e
}

// roomServer is a server with a hub, whose connections a test can get at.
type roomServer struct {
	spout.Server
	hub   atomic.Pointer[hub.Hub]
	asker hub.Asker
	conns chan *spout.Conn // those that have joined
}

const room = "lobby"

func newRoomServer(history bool) *roomServer {
	s := &roomServer{conns: make(chan *spout.Conn, 100)}
	h := new(hub.Hub)
	if history {
		h.History = &hub.History{Size: 5}
	}
	s.hub.Store(h)
	return s
}

type roomMember struct {
	spout.Base
	server *roomServer
	o      hub.JoinOptions
}

func (s *roomServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Handler(func(r *http.Request) (spout.Handler, error) {
		o, err := hub.FromRequest(r)
		return &roomMember{server: s, o: o}, err
	}).ServeHTTP(w, r)
}

func (m *roomMember) OnOpen(c *spout.Conn) error {
	_, err := m.server.hub.Load().JoinWith(room, c, m.o)
	m.server.conns <- c
	return err
}

func (m *roomMember) OnMessage(c *spout.Conn, msg spout.Message) error {
	if m.server.asker.Answered(c, msg) {
		return nil
	}
	if q, ok := hub.Asked(c, msg); ok {
		return q.Answer(spout.Text("you asked " + q.Message.String()))
	}
	return m.server.hub.Load().Publish(c.Context(), room, msg)
}

func (s *roomServer) publish(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err := s.hub.Load().Publish(t.Context(), room, spout.Text(text)); err != nil {
			t.Fatal(err)
		}
	}
}

// client returns a Client of a handler, in memory.
func client(t *testing.T, h http.Handler) *Client {
	return &Client{URL: spouttest.URL("/rooms/lobby?user=7"), Dialer: spouttest.Dialer(t, h)}
}

// script is a server that does to each connection what a function of the test says. The function gets what the
// client has asked for, and ends with the connection.
func script(t *testing.T, f func(c *spout.Conn, query url.Values)) http.Handler {
	srv := new(spout.Server)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := srv.Accept(w, r)
		if err != nil {
			t.Error(err)
			return
		}
		f(c, r.URL.Query())
	})
}

// say sends envelopes.
func say(t *testing.T, c *spout.Conn, envelopes ...hub.Envelope) {
	for _, e := range envelopes {
		if err := c.SendJSON(e); err != nil {
			t.Error(err)
		}
	}
}

// at returns a position of the epoch that most tests are in.
func at(offset uint64) hub.Position { return hub.Position{Epoch: "e", Offset: offset} }

// published returns the envelope of a message.
func published(p hub.Position, text string) hub.Envelope {
	return hub.Envelope{Type: hub.Message, Room: room, Position: p, Text: &text}
}
