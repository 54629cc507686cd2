package spout_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// socketPair returns a connection over a socket on loopback, and its peer.
func socketPair(t testing.TB, client bool, o spout.Options) (*spout.Conn, *peer) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	p := dialTCP(t, ln.Addr().String())
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return over(t, nc, client, o), p
}

// T22: many goroutines write to one connection, in every way there is; each message arrives whole,
// and those of one goroutine in order.
func TestT22ManyWriters(t *testing.T) {
	const writers, messages = 64, 60
	// Each is a way to send a message.
	send := func(c *spout.Conn, m spout.Message) error {
		err := c.Send(m)
		if err == spout.ErrFull {
			err = c.Write(context.Background(), m)
		}
		return err
	}
	ways := []func(c *spout.Conn, s string) error{
		func(c *spout.Conn, s string) error { return c.Write(context.Background(), spout.Text(s)) },
		func(c *spout.Conn, s string) error { return send(c, spout.Text(s)) },
		func(c *spout.Conn, s string) error { return send(c, spout.Text(s).Prepare()) },
		func(c *spout.Conn, s string) error {
			return c.WriteFrom(context.Background(), spout.TextMessage, io.MultiReader(strings.NewReader(s[:4]), strings.NewReader(s[4:])))
		},
		func(c *spout.Conn, s string) error {
			if err := c.Ping([]byte(s[:4])); err != nil && err != spout.ErrFull {
				return err
			}
			return send(c, spout.Text(s))
		},
	}
	inOrder := 0
	for _, s := range sides {
		t.Run(s.name, func(t *testing.T) {
			c, p := socketPair(t, s.client, spout.Options{SendLimit: 64 << 10})
			start := time.Now()
			var wg sync.WaitGroup
			for w := range writers {
				wg.Go(func() {
					for i := range messages {
						text := fmt.Sprintf("%02d %04d %s", w, i, strings.Repeat("x", (w*i)%1000))
						if err := ways[(w+i)%len(ways)](c, text); err != nil {
							t.Errorf("writer %d: %v", w, err)
							return
						}
					}
				})
			}
			go func() {
				wg.Wait()
				c.Close(spout.CloseNormal, "")
			}()
			var next [writers]int
			got, pings, frames := 0, 0, 0
			var message []byte
			for {
				f := p.read()
				frames++
				if f.op() == opClose {
					break
				}
				if f.op() == opPing {
					pings++
					continue
				}
				if (f.op() == opContinuation) != (message != nil) {
					t.Fatalf("%v after %q", f, message)
				}
				if message = append(message, f.payload...); f.b0&fin == 0 {
					continue
				}
				var w, i int
				if _, err := fmt.Sscanf(string(message), "%02d %04d", &w, &i); err != nil || len(message) != 8+(w*i)%1000 || next[w] != i {
					t.Fatalf("got message %q, want %d of writer %d", message, next[w], w)
				}
				next[w]++
				got++
				message = nil
			}
			t.Logf("%d writers, %d of %d messages in order, %d pings, %d frames, in %v", writers, got, writers*messages, pings, frames, time.Since(start))
			if got != writers*messages {
				t.Errorf("messages are missing")
			}
			inOrder += got
		})
	}
	figureAll(t, inOrder, len(sides)*writers*messages, fmt.Sprintf("messages of %d writers whole and in order", writers))
}

// T22: closing while others write harms nobody: each call returns nil or a CloseError.
func TestT22CloseAmongWriters(t *testing.T) {
	const writers, rounds = 64, 10
	var sent, refused atomic.Int64
	for range rounds {
		c, p := socketPair(t, false, spout.Options{SendLimit: 16 << 10, CloseTimeout: time.Second})
		p.listen()
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for {
					var err error
					switch w % 4 {
					case 0:
						err = c.Write(context.Background(), spout.Text("Write"))
					case 1:
						err = c.Send(spout.Text("Send"))
					case 2:
						err = c.WriteFrom(context.Background(), spout.TextMessage, strings.NewReader("WriteFrom"))
					case 3:
						err = c.Ping(nil)
					}
					if err != nil && err != spout.ErrFull {
						if _, ok := errors.AsType[*spout.CloseError](err); !ok {
							t.Errorf("got %v", err)
						}
						refused.Add(1)
						return
					}
					if sent.Add(1)%1000 == 0 {
						c.Close(spout.CloseNormal, "")
					}
				}
			})
		}
		wg.Wait()
		p.nc.Close()
		await(c)
	}
	t.Logf("%d calls before %d closes; %d were refused with a CloseError", sent.Load(), rounds, refused.Load())
	if refused.Load() != writers*rounds {
		t.Error("not every writer was told")
	}
}

// T23: handlers that panic are logged with their stack, their peers get 1011, OnClose follows, and
// nobody else notices.
func TestT23Panics(t *testing.T) {
	const each = 10
	l := &logged{}
	srv := &spout.Server{Options: spout.Options{Logger: l.logger()}}
	var ends atomic.Int64
	panicking := func(where string) func() {
		return func() { panic("in " + where) }
	}
	mux := http.NewServeMux()
	mux.Handle("/good", echoServer(spout.Options{}).Handler)
	mux.Handle("/{where}", srv.Handler(func(r *http.Request) (spout.Handler, error) {
		where := r.PathValue("where")
		do := panicking(where)
		h := &recorder{close: func(*spout.Conn, error) { ends.Add(1) }}
		switch where {
		case "OnOpen":
			h.open = func(*spout.Conn) error { do(); return nil }
		case "OnMessage":
			h.message = func(*spout.Conn, spout.Message) error { do(); return nil }
		case "OnPing":
			h.ping = func(*spout.Conn, []byte) { do() }
		case "OnPong":
			h.pong = func(*spout.Conn, []byte) { do() }
		case "OnClose":
			h.close = func(*spout.Conn, error) { ends.Add(1); do() }
		}
		return h, nil
	}))
	addr := serveTCP(t, &http.Server{Handler: mux})
	good := dialTCP(t, addr).upgrade("/good")
	closed := 0
	for _, c := range []struct {
		where string
		cause []byte
		code  uint16
	}{
		{"OnOpen", nil, 1011},
		{"OnMessage", masked(fin|opText, "x"), 1011},
		{"OnPing", masked(fin|opPing, "x"), 1011},
		{"OnPong", masked(fin|opPong, "x"), 1011},
		{"OnClose", masked(fin|opClose, closing(1000, "")), 1000},
	} {
		for range each {
			p := dialTCP(t, addr).upgrade("/" + c.where)
			p.nc.Write(c.cause)
			f := p.read()
			if f.op() == opPong {
				f = p.read()
			}
			if f.closeCode() != c.code {
				t.Errorf("a panic in %s was answered with %v, want %d", c.where, f, c.code)
			} else {
				closed++
			}
			if c.code == 1011 {
				p.send(masked(fin|opClose, closing(1011, "")))
			}
			p.wantEnd()
			p.nc.Close()
			good.hello()
		}
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	text := l.String()
	panics, stacks := strings.Count(text, "handler panicked"), strings.Count(text, "TestT23Panics")
	t.Logf("%d connections whose handler panicked: %d close frames, %d times OnClose, %d lines in the log, with %d mentions of the function",
		5*each, closed, ends.Load(), panics, stacks)
	figureAll(t, min(closed, int(ends.Load()), panics), 5*each, "panics: a close frame, OnClose, and a log line with the stack")
	if panics != 5*each || ends.Load() != 5*each || stacks < 5*each {
		t.Error("something is missing")
	}
	good.hello()
}

// T23: a panic before the upgrade is the HTTP server's to recover; the Server is as before.
func TestT23PanicBeforeUpgrade(t *testing.T) {
	help := func() { panic(http.ErrAbortHandler) } // which the HTTP server does not log
	for _, c := range []struct {
		name string
		srv  *spout.Server
		open func(*http.Request) (spout.Handler, error)
	}{
		{"open", &spout.Server{}, func(*http.Request) (spout.Handler, error) { help(); return nil, nil }},
		{"CheckOrigin", &spout.Server{CheckOrigin: func(*http.Request) bool { help(); return true }}, nil},
		{"SelectSubprotocol", &spout.Server{SelectSubprotocol: func(*http.Request, []string) string { help(); return "" }}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.open == nil {
				c.open = func(*http.Request) (spout.Handler, error) { return &recorder{}, nil }
			}
			bad, good := request("/", "Origin: http://spout.test", "Sec-WebSocket-Protocol: a"), request("/")
			m := serveMemory(t, &http.Server{Handler: c.srv.Handler(c.open), ErrorLog: log.New(io.Discard, "", 0)})
			p := m.dial(t)
			p.send([]byte(bad))
			if answer, _ := io.ReadAll(p.in); len(answer) > 0 {
				t.Errorf("answered with %q", answer)
			}
			if c.name != "open" {
				p := m.dial(t)
				p.send([]byte(good))
				p.wantUpgraded()
				p.finish(1000)
			}
			if err := c.srv.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// T23: a client's handler is no different.
func TestT23ClientPanic(t *testing.T) {
	l := &logged{}
	c, p := socketPair(t, true, spout.Options{Logger: l.logger()})
	result := serve(t, c, spout.HandlerFunc(func(*spout.Conn, spout.Message) error { panic("help") }))
	p.send(unmasked(fin|opText, "x"))
	p.wantClose(1011)
	p.nc.Close()
	wantCloseError(t, <-result, spout.CloseInternal)
	if text := l.String(); !strings.Contains(text, "handler panicked") || !strings.Contains(text, "TestT23ClientPanic") {
		t.Errorf("the log has no panic with its stack:\n%s", text)
	}
}
