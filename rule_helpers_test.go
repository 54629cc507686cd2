package spout_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
)

// recorder is a handler that notes its events; the functions, where they are set, are what the
// events do.
type recorder struct {
	spout.Base
	open    func(c *spout.Conn) error
	message func(c *spout.Conn, m spout.Message) error
	ping    func(c *spout.Conn, data []byte)
	pong    func(c *spout.Conn, data []byte)
	close   func(c *spout.Conn, err error)

	mu       sync.Mutex
	log      []string
	running  int  // events under way
	overlaps bool // two were at once
	ends     []error
	over     chan struct{} // made by wait, closed by OnClose
}

// begin notes an event and returns what notes its end.
func (r *recorder) begin(format string, args ...any) (end func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, fmt.Sprintf(format, args...))
	r.running++
	r.overlaps = r.overlaps || r.running > 1
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.running--
	}
}

func (r *recorder) OnOpen(c *spout.Conn) error {
	defer r.begin("open")()
	if r.open == nil {
		return nil
	}
	return r.open(c)
}

func (r *recorder) OnMessage(c *spout.Conn, m spout.Message) error {
	defer r.begin("%v %.20s", m.Type, m)()
	if r.message == nil {
		return nil
	}
	return r.message(c, m)
}

func (r *recorder) OnPing(c *spout.Conn, data []byte) {
	defer r.begin("ping %s", data)()
	if r.ping != nil {
		r.ping(c, data)
	}
}

func (r *recorder) OnPong(c *spout.Conn, data []byte) {
	defer r.begin("pong %s", data)()
	if r.pong != nil {
		r.pong(c, data)
	}
}

func (r *recorder) OnClose(c *spout.Conn, err error) {
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ends = append(r.ends, err)
		if r.over != nil && len(r.ends) == 1 {
			close(r.over)
		}
	}()
	defer r.begin("close %d", spout.CloseCode(err))()
	if r.close != nil {
		r.close(c, err)
	}
}

// want holds the events so far, one after the other, against a list.
func (r *recorder) want(t testing.TB, events ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.log, events) {
		t.Errorf("events:\n%s\nwant:\n%s", strings.Join(r.log, "\n"), strings.Join(events, "\n"))
	}
	if r.overlaps {
		t.Error("two events at once")
	}
}

// wait waits for OnClose and returns what it got.
func (r *recorder) wait(t testing.TB) *spout.CloseError {
	t.Helper()
	r.mu.Lock()
	if len(r.ends) == 0 {
		r.over = make(chan struct{})
		r.mu.Unlock()
		<-r.over
		r.mu.Lock()
	}
	defer r.mu.Unlock()
	end, ok := r.ends[0].(*spout.CloseError)
	if !ok {
		t.Fatalf("OnClose got a %T: %v", r.ends[0], r.ends[0])
	}
	return end
}

// pair returns a connection over a pipe, of a client or a server, and its peer, which the test plays.
func pair(t testing.TB, client bool, o spout.Options) (*spout.Conn, *peer) {
	near, far := net.Pipe()
	return over(t, near, client, o), newPeer(t, far, 24*time.Hour)
}

// over returns a connection over one end of a stream. It is gone when the test ends.
func over(t testing.TB, nc net.Conn, client bool, o spout.Options) *spout.Conn {
	if o.Logger == nil {
		o.Logger = silent
	}
	c := spout.NewConn(nc, client, &o)
	t.Cleanup(func() { c.CloseNow() })
	return c
}

// served is a pair, in a bubble of synctest, whose server side serves h.
func served(t testing.TB, h spout.Handler, o spout.Options) (*spout.Conn, *peer) {
	c, p := pair(t, false, o)
	serve(t, c, h)
	synctest.Wait()
	return c, p
}

// serve has c served in a goroutine, whose end the test awaits.
func serve(t testing.TB, c *spout.Conn, h spout.Handler) (result chan error) {
	result = make(chan error, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		result <- c.Serve(h)
	}()
	t.Cleanup(func() {
		c.CloseNow()
		<-done
	})
	return result
}

// styles are the ways in which a handler gets a connection. Each returns the client's side.
var styles = []struct {
	name    string
	connect func(t testing.TB, h spout.Handler, o spout.Options) *peer
}{
	{"Server.Handler", func(t testing.TB, h spout.Handler, o spout.Options) *peer {
		if o.Logger == nil {
			o.Logger = silent
		}
		srv := &spout.Server{Options: o}
		hs := srv.Handler(func(*http.Request) (spout.Handler, error) { return h, nil })
		return serveMemory(t, &http.Server{Handler: hs}).dial(t).upgrade("/")
	}},
	{"Conn.Serve", func(t testing.TB, h spout.Handler, o spout.Options) *peer {
		_, p := served(t, h, o)
		return p
	}},
}

// eachStyle runs a test under synctest for each way to get a handler.
func eachStyle(t *testing.T, test func(t *testing.T, connect func(testing.TB, spout.Handler, spout.Options) *peer)) {
	for _, style := range styles {
		t.Run(style.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, style.connect) })
		})
	}
}

// finish is a peer's side of a closing handshake that it begins.
func (p *peer) finish(code uint16) {
	p.t.Helper()
	p.send(masked(fin|opClose, closing(code, "")))
	p.wantClose(code)
}

// play has the peer do something beside the test, which ends it.
func (p *peer) play(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	p.t.Cleanup(func() {
		p.nc.Close()
		<-done
	})
}

// await returns when the connection is over, with how it ended.
func await(c *spout.Conn) *spout.CloseError {
	<-c.Context().Done()
	return context.Cause(c.Context()).(*spout.CloseError)
}

// wantUsage holds an error against what misuse is answered with.
func wantUsage(t testing.TB, err error, what string) {
	t.Helper()
	if usage, ok := errors.AsType[*spout.UsageError](err); !ok || !strings.Contains(err.Error(), what) {
		t.Errorf("got %v, want a UsageError about %q", err, what)
	} else if usage.Op == "" || usage.Reason == "" {
		t.Errorf("%#v does not say what was wrong", usage)
	}
}

// wantCloseError holds an error against a close code.
func wantCloseError(t testing.TB, err error, code spout.Code) *spout.CloseError {
	t.Helper()
	e, ok := errors.AsType[*spout.CloseError](err)
	if !ok || e.Code != code {
		t.Fatalf("got %v, want a CloseError with %v", err, code)
	}
	return e
}

// wantMessage reads a message, which must be this one.
func wantMessage(t testing.TB, c *spout.Conn, typ spout.Type, data string) {
	t.Helper()
	m, err := c.Read(t.Context())
	if err != nil {
		t.Fatalf("waiting for %.20q: %v", data, err)
	}
	if m.Type != typ || string(m.Data) != data {
		t.Fatalf("got %v %.20q of %d bytes, want %v %.20q of %d", m.Type, m, len(m.Data), typ, data, len(data))
	}
}

// logged is a logger and what it was told.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logged) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
