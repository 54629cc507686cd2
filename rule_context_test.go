package spout_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// gated is a connection that writes the first bytes of what it is given and the others when the
// gate lets them pass.
type gated struct {
	net.Conn
	first int // 0: all
	gate  chan struct{}
}

func (g *gated) Write(p []byte) (int, error) {
	n := min(g.first, len(p))
	if g.first = 0; n == 0 {
		return g.Conn.Write(p)
	}
	if n, err := g.Conn.Write(p[:n]); err != nil {
		return n, err
	}
	<-g.gate
	m, err := g.Conn.Write(p[n:])
	return n + m, err
}

// testTLS returns the configurations of a server and its clients.
func testTLS(t *testing.T) (server, client *tls.Config) {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	client = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	client.NextProtos, client.ServerName = nil, "example.com"
	return &tls.Config{Certificates: s.TLS.Certificates}, client
}

// overNetwork runs a test for both sides over TCP and TLS: with a connection, its peer, and the gate
// through which the peer's bytes go.
func overNetwork(t *testing.T, o spout.Options, test func(t *testing.T, c *spout.Conn, p *peer, g *gated, frame framer)) {
	serverTLS, clientTLS := testTLS(t)
	t.Run("server, TCP", func(t *testing.T) {
		asServer(t, o, nil, func(_ *spout.Server, ln net.Listener) net.Listener { return ln }, test)
	})
	t.Run("server, TLS", func(t *testing.T) {
		asServer(t, o, clientTLS, func(_ *spout.Server, ln net.Listener) net.Listener { return tls.NewListener(ln, serverTLS) }, test)
	})
	t.Run("server, Listener", func(t *testing.T) {
		asServer(t, o, clientTLS, func(s *spout.Server, ln net.Listener) net.Listener { return s.Listener(ln, serverTLS) }, test)
	})
	t.Run("client, TCP", func(t *testing.T) { asClient(t, o, nil, nil, test) })
	t.Run("client, TLS", func(t *testing.T) { asClient(t, o, serverTLS, clientTLS, test) })
}

func asServer(t *testing.T, o spout.Options, clientTLS *tls.Config, listener func(*spout.Server, net.Listener) net.Listener,
	test func(*testing.T, *spout.Conn, *peer, *gated, framer)) {
	srv := spout.Server{Options: o}
	conns := make(chan *spout.Conn, 1)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln = listener(&srv, ln)
	serveOn(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := srv.Accept(w, r)
		if err != nil {
			t.Error(err)
		}
		conns <- c
	})}, ln)
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	g := &gated{Conn: nc, gate: make(chan struct{})}
	nc = g
	if clientTLS != nil {
		nc = tls.Client(g, clientTLS)
	}
	p := newPeer(t, nc, time.Minute).upgrade("/")
	c := <-conns
	t.Cleanup(func() { c.CloseNow(); <-c.Context().Done() })
	test(t, c, p, g, masked)
}

func asClient(t *testing.T, o spout.Options, serverTLS, clientTLS *tls.Config,
	test func(*testing.T, *spout.Conn, *peer, *gated, framer)) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	d := spout.Dialer{Options: o}
	url := "ws://" + ln.Addr().String()
	if clientTLS != nil {
		d.Client = &http.Client{Transport: &http.Transport{TLSClientConfig: clientTLS}}
		url = "wss://" + ln.Addr().String()
	}
	conns := make(chan *spout.Conn, 1)
	go func() {
		c, err := d.Dial(t.Context(), url)
		if err != nil {
			t.Error(err)
		}
		conns <- c
	}()
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	g := &gated{Conn: nc, gate: make(chan struct{})}
	nc = g
	if serverTLS != nil {
		nc = tls.Server(g, serverTLS)
	}
	p := newPeer(t, nc, time.Minute)
	p.accept()
	c := <-conns
	if c == nil {
		t.FailNow()
	}
	t.Cleanup(func() { c.CloseNow(); <-c.Context().Done() })
	test(t, c, p, g, unmasked)
}

// A context that ends in mid-message loses nothing, wherever the bytes are cut: in the header or in
// the payload, within TLS records too.
func TestReadContextLosesNothing(t *testing.T) {
	overNetwork(t, spout.Options{}, func(t *testing.T, c *spout.Conn, p *peer, g *gated, frame framer) {
		for cut := 1; cut < 200; cut += 1 + cut/8 {
			want := fmt.Sprint(cut, strings.Repeat(".", 200))
			g.first = cut
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				p.nc.Write(frame(fin|opText, want))
			}()
			for range 3 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				m, err := c.Read(ctx)
				cancel()
				if !errors.Is(err, context.DeadlineExceeded) || m.Data != nil {
					t.Fatalf("cut after %d bytes: got %q, %v", cut, m, err)
				}
			}
			g.gate <- struct{}{}
			wantMessage(t, c, spout.TextMessage, want)
			<-sent
		}
		c.Send(spout.Text("alive"))
		p.want(fin|opText, "alive")
	})
}

// A Write whose context ends is sent whole or not at all, and its result says which.
func TestWriteContextWholeOrNotAtAll(t *testing.T) {
	const writers, each = 8, 40
	overNetwork(t, spout.Options{SendLimit: 100_000}, func(t *testing.T, c *spout.Conn, p *peer, g *gated, frame framer) {
		var mu sync.Mutex
		sent := make(map[uint32]bool)
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					id := uint32(w*each + i)
					data := binary.BigEndian.AppendUint32(nil, id)
					for range rand.IntN(10_000) {
						data = append(data, data[:4]...)
					}
					ctx, cancel := context.WithTimeout(t.Context(), rand.N(2*time.Millisecond))
					err := c.Write(ctx, spout.Binary(data))
					cancel()
					mu.Lock()
					sent[id] = err == nil
					mu.Unlock()
					if err != nil && !errors.Is(err, context.DeadlineExceeded) {
						t.Error(err)
					}
				}
			})
		}
		go func() {
			wg.Wait()
			c.Close(spout.CloseNormal, "")
		}()
		got := make(map[uint32]bool)
		for {
			f := p.read()
			if f.op() == opClose {
				break
			}
			id := binary.BigEndian.Uint32(f.payload)
			for i := 0; i < len(f.payload); i += 4 {
				if binary.BigEndian.Uint32(f.payload[i:]) != id {
					t.Fatalf("message %d is damaged at byte %d of %d", id, i, len(f.payload))
				}
			}
			if got[id] {
				t.Errorf("message %d came twice", id)
			}
			got[id] = true
		}
		for id, ok := range sent {
			if got[id] != ok {
				t.Errorf("message %d: Write succeeded: %v, it came: %v", id, ok, got[id])
			}
		}
		t.Logf("%d of %d messages sent", len(got), writers*each)
	})
}
