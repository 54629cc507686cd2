// Package spouttest connects a client to a handler in memory, for tests: there is a real HTTP
// server, a real handshake and a real connection on both sides, but no socket and no port. It
// works within a bubble of [testing/synctest], so that keepalives, timeouts and reconnects can be
// tested without waiting.
//
// The streams are those of [net.Pipe], which hold nothing: what one side writes waits until the
// other reads it.
package spouttest

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/spoutws/spout"
)

// Dial returns a connection to h at the given path, with a query if it has one. It ends the test
// if the handshake fails. When the test ends, so does the connection.
func Dial(t testing.TB, h http.Handler, path string) *spout.Conn {
	t.Helper()
	c, err := Dialer(t, h).Dial(context.Background(), URL(path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.CloseNow() }) // it may wait to be read
	return c
}

// URL returns the URL of a path for use with a [Dialer].
func URL(path string) string { return "ws://spout.test" + path }

// Dialer returns a Dialer whose connections all reach h, whatever host their URL names. Its
// Options and Header are free to be set. When the test ends, so do its connections.
func Dialer(t testing.TB, h http.Handler) *spout.Dialer {
	t.Helper()
	l := &listener{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: h}
	served := make(chan struct{})
	go func() {
		defer close(served)
		server.Serve(l)
	}()
	t.Cleanup(func() {
		l.hangUp()
		server.Close()
		<-served
	})
	return &spout.Dialer{Client: &http.Client{Transport: &http.Transport{DialContext: l.dial}}}
}

// listener is a net.Listener whose connections come from dial.
type listener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once

	mu    sync.Mutex
	pipes []net.Conn
	over  bool // nothing is added to pipes any more
}

func (l *listener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.over {
			client.Close()
			return nil, net.ErrClosed
		}
		l.pipes = append(l.pipes, client)
		return client, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// hangUp closes all connections, those that were upgraded too.
func (l *listener) hangUp() {
	l.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	for _, c := range l.pipes {
		c.Close()
	}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *listener) Addr() net.Addr { return addr{} }

type addr struct{}

func (addr) Network() string { return "memory" }
func (addr) String() string  { return "spout.test" }
