package spout_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/origin"
	"github.com/spoutws/spout/spouttest"
)

// room is a handler as one writes it after tornado.websocket: what a WebSocketHandler has on self, it
// has in fields.
type room struct {
	spout.Base
	name, user string
	events     chan string
}

// newRoom is initialize and prepare: it sees the request before the upgrade, and may refuse it.
func newRoom(events chan string) func(r *http.Request) (spout.Handler, error) {
	return func(r *http.Request) (spout.Handler, error) {
		user, password, ok := r.BasicAuth()
		if !ok || password != "secret" {
			return nil, &spout.HandshakeError{Status: http.StatusUnauthorized, Reason: "who are you?",
				Header: http.Header{"WWW-Authenticate": {"Basic"}}}
		}
		return &room{name: r.PathValue("room"), user: user, events: events}, nil
	}
}

func (h *room) OnOpen(c *spout.Conn) error {
	return c.SendJSON(map[string]string{"room": h.name, "user": h.user}) // write_message(dict)
}

func (h *room) OnMessage(c *spout.Conn, m spout.Message) error {
	switch m.String() {
	case "ping me":
		return c.Ping([]byte("data"))
	case "close":
		return c.Close(4001, "as you wish")
	}
	return c.Send(spout.Text("You said: " + m.String())) // write_message(str)
}

func (h *room) OnPong(_ *spout.Conn, data []byte) { h.events <- "pong " + string(data) }

func (h *room) OnClose(c *spout.Conn, err error) {
	e, _ := errors.AsType[*spout.CloseError](err) // close_code and close_reason
	h.events <- fmt.Sprintf("closed with %d %q", e.Code, e.Reason)
	h.events <- fmt.Sprint(spout.CloseCode(c.Send(spout.Text("late")))) // WebSocketClosedError
}

// Arguments from the path, authentication before the upgrade, a dict as JSON, text, a ping with data
// and its on_pong, a close with code and reason on both sides.
func TestHandlerInTornadosModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := make(chan string, 9)
		srv := spout.Server{Options: spout.Options{Logger: silent}}
		mux := http.NewServeMux()
		mux.Handle("/rooms/{room}", srv.Handler(newRoom(events)))
		d := spouttest.Dialer(t, mux)

		_, err := d.Dial(t.Context(), spouttest.URL("/rooms/blue"))
		if e, ok := errors.AsType[*spout.HandshakeError](err); !ok || e.Status != 401 || e.Header.Get("WWW-Authenticate") != "Basic" {
			t.Errorf("without a name: %v", err)
		}
		_, err = d.Dial(t.Context(), spouttest.URL("/other"))
		if e, ok := errors.AsType[*spout.HandshakeError](err); !ok || e.Status != 404 {
			t.Errorf("another path: %v", err)
		}

		c, err := d.Dial(t.Context(), strings.Replace(spouttest.URL("/rooms/blue"), "//", "//ann:secret@", 1))
		if err != nil {
			t.Fatal(err)
		}
		wantMessage(t, c, spout.TextMessage, `{"room":"blue","user":"ann"}`)
		c.Send(spout.Text("Hello, world"))
		wantMessage(t, c, spout.TextMessage, "You said: Hello, world")
		c.Send(spout.Text("ping me"))
		if got := <-events; got != "pong data" {
			t.Errorf("event %q", got)
		}
		c.Send(spout.Text("close"))
		_, err = c.Read(t.Context())
		if e := wantCloseError(t, err, 4001); e.Reason != "as you wish" || !e.Remote {
			t.Errorf("the client's connection ended with %#v", e)
		}
		for _, want := range []string{`closed with 4001 "as you wish"`, "4001"} {
			if got := <-events; got != want {
				t.Errorf("event %q, want %q", got, want)
			}
		}
	})
}

// The client's two styles: read_message in a loop until it is None, and a callback.
func TestClientInTornadosModel(t *testing.T) {
	countdown := func(c *spout.Conn, m spout.Message) error {
		for i := range 3 {
			if err := c.Send(spout.Text(fmt.Sprint(3 - i))); err != nil {
				return err
			}
		}
		return c.Close(0, "")
	}
	synctest.Test(t, func(t *testing.T) {
		var srv spout.Server
		d := spouttest.Dialer(t, srv.HandlerFunc(countdown))
		for _, style := range []func(c *spout.Conn) []string{
			func(c *spout.Conn) (got []string) {
				for m, err := range c.Messages(t.Context()) {
					if err != nil {
						t.Error(err)
					}
					got = append(got, m.String())
				}
				return got
			},
			func(c *spout.Conn) (got []string) {
				if err := c.Serve(spout.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
					got = append(got, m.String())
					return nil
				})); err != nil {
					t.Error(err)
				}
				return got
			},
		} {
			c, err := d.Dial(t.Context(), spouttest.URL("/"))
			if err != nil {
				t.Fatal(err)
			}
			c.Send(spout.Text("go"))
			if got := strings.Join(style(c), " "); got != "3 2 1" {
				t.Errorf("got %s", got)
			}
		}
	})
}

// check_origin: the same host by default, not asked without an Origin header, 403, and functions for
// other hosts.
func TestCheckOrigin(t *testing.T) {
	allow, err := origin.Allow("https://example.com", "https://*.example.com")
	if err != nil {
		t.Fatal(err)
	}
	var asked int
	for _, test := range []struct {
		check  func(*http.Request) bool
		origin string
		status int
	}{
		{nil, "", 101},
		{nil, "http://spout.test", 101},
		{nil, "https://spout.test", 101}, // TLS may end at a proxy
		{nil, "http://spout.test:81", 403},
		{nil, "http://other.test", 403},
		{nil, "null", 403},
		{allow, "https://example.com", 101},
		{allow, "https://chat.example.com", 101},
		{allow, "https://evil-example.com", 403},
		{allow, "https://example.com.evil.test", 403},
		{origin.Any, "http://other.test", 101},
		{func(*http.Request) bool { asked++; return false }, "", 101},
		{func(*http.Request) bool { asked++; return false }, "http://spout.test", 403},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := spout.Server{Options: spout.Options{Logger: silent}, CheckOrigin: test.check}
			p := serveMemory(t, &http.Server{Handler: srv.Handler(opened)}).dial(t)
			var lines []string
			if test.origin != "" {
				lines = append(lines, "Origin: "+test.origin)
			}
			p.send([]byte(request("/", lines...)))
			if resp := p.response(); resp.StatusCode != test.status {
				t.Errorf("origin %q: %s, want %d", test.origin, resp.Status, test.status)
			}
		})
	}
	if asked != 1 {
		t.Errorf("CheckOrigin was asked %d times, want once", asked)
	}
}

// max_message_size: larger messages close the connection with 1009, be they in one frame or in many;
// negative means any size.
func TestMessageLimit(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame framer) {
		c, p := pair(t, client, spout.Options{MessageLimit: 10})
		p.send(frame(fin|opText, "0123456789"), frame(opText, "01234"))
		wantMessage(t, c, spout.TextMessage, "0123456789")
		p.send(frame(fin|opContinuation, "56789"))
		wantMessage(t, c, spout.TextMessage, "0123456789")
		p.send(frame(opText, "01234"))
		p.send(header(opContinuation, 6, !client))
		p.wantClose(1009)
		if end := await(c); end.Code != spout.CloseTooBig || !strings.Contains(end.Error(), "Options.MessageLimit") {
			t.Errorf("ended with %v", end)
		}
	})
	bothSides(t, func(t *testing.T, client bool, frame framer) {
		c, p := pair(t, client, spout.Options{MessageLimit: -1})
		large := strings.Repeat("x", 3<<20)
		go p.nc.Write(frame(fin|opBinary, large))
		wantMessage(t, c, spout.BinaryMessage, large)
	})
	bothSides(t, func(t *testing.T, client bool, frame framer) { // 1 MiB by default
		c, p := pair(t, client, spout.Options{})
		large := strings.Repeat("x", 1<<20)
		go p.nc.Write(frame(fin|opBinary, large))
		wantMessage(t, c, spout.BinaryMessage, large)
		p.send(header(fin|opBinary, 1<<20+1, !client))
		p.wantClose(1009)
	})
}

// FragmentLimit: one frame more closes the connection with 1008; negative means any number.
func TestFragmentLimit(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame framer) {
		c, p := pair(t, client, spout.Options{FragmentLimit: 3})
		p.send(frame(opText, "a"), frame(opContinuation, ""), frame(fin|opContinuation, "b"))
		wantMessage(t, c, spout.TextMessage, "ab")
		p.send(frame(opText, "a"), frame(opContinuation, ""), frame(opContinuation, ""), frame(fin|opContinuation, ""))
		p.wantClose(1008)
		if end := await(c); !strings.Contains(end.Error(), "Options.FragmentLimit") {
			t.Errorf("ended with %v", end)
		}
	})
	bothSides(t, func(t *testing.T, client bool, frame framer) {
		c, p := pair(t, client, spout.Options{FragmentLimit: -1})
		p.play(func() {
			p.nc.Write(frame(opText, ""))
			for range 200 {
				p.nc.Write([]byte(strings.Repeat(string(frame(opContinuation, "")), 100)))
			}
			p.nc.Write(frame(fin|opContinuation, "end"))
		})
		wantMessage(t, c, spout.TextMessage, "end")
	})
}
