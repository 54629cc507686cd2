package e2e

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// tap is our end of a connection. It counts what passes, and keeps the beginning.
type tap struct {
	net.Conn
	server bool

	mu          sync.Mutex
	read, wrote flow
}

type flow struct {
	bytes int64
	head  []byte // the first of them
}

func (f *flow) add(p []byte) {
	f.bytes += int64(len(p))
	f.head = append(f.head, p[:min(len(p), 4<<10-len(f.head))]...)
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.mu.Lock()
	t.read.add(p[:n])
	t.mu.Unlock()
	return n, err
}

func (t *tap) Write(p []byte) (int, error) {
	t.mu.Lock()
	t.wrote.add(p) // before the other end can answer it
	t.mu.Unlock()
	return t.Conn.Write(p)
}

// counts returns how many bytes were read and written.
func (t *tap) counts() (read, wrote int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.read.bytes, t.wrote.bytes
}

// extensions returns what the client offered and what the server agreed to.
func (t *tap) extensions(tb testing.TB) (offer, answer string) {
	tb.Helper()
	t.mu.Lock()
	asked, answered := bytes.Clone(t.wrote.head), bytes.Clone(t.read.head)
	t.mu.Unlock()
	if t.server {
		asked, answered = answered, asked
	}
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(asked)))
	if err != nil {
		tb.Fatalf("%v in the request %q", err, asked)
	}
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(answered)), req)
	if err != nil {
		tb.Fatalf("%v in the answer %q", err, answered)
	}
	const name = "Sec-WebSocket-Extensions"
	return strings.Join(req.Header.Values(name), ", "), strings.Join(resp.Header.Values(name), ", ")
}

// tapListener taps every connection, and announces it.
type tapListener struct {
	net.Listener
	taps chan *tap
}

func (l *tapListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	t := &tap{Conn: c, server: true}
	l.taps <- t
	return t, nil
}

// tappedDialer returns a dialer that taps its connections, and announces each.
func tappedDialer(t *testing.T, d *spout.Deflate) (*spout.Dialer, <-chan *tap) {
	taps := make(chan *tap, 1)
	transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		var plain net.Dialer
		c, err := plain.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		t := &tap{Conn: c}
		taps <- t
		return t, nil
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &spout.Dialer{Client: &http.Client{Transport: transport}, Options: spout.Options{Compression: d}}, taps
}

// within returns the next thing that comes, or ends the test.
func within[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("%s: nothing for %v", what, patience)
		panic("unreachable")
	}
}
