package spout_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// events says that sockets are driven by events here.
var events = runtime.GOOS == "linux" && os.Getenv("SPOUT_ENGINE") != "goroutine"

// overListener serves on loopback over TLS, through srv.Listener, and returns the address and the
// configuration of its clients.
func overListener(t *testing.T, srv *spout.Server, h http.Handler) (addr string, client *tls.Config) {
	t.Helper()
	server, client := testTLS(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, &http.Server{Handler: h}, srv.Listener(ln, server))
	return ln.Addr().String(), client
}

// secureEcho is an echo server through Server.Listener.
func secureEcho(t *testing.T, o spout.Options) (addr string, client *tls.Config) {
	srv := &spout.Server{Options: o}
	return overListener(t, srv, srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error { return c.Send(m) }))
}

// dialListener connects a peer.
func dialListener(t testing.TB, addr string, config *tls.Config) *peer {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return newPeer(t, tls.Client(nc, config), time.Minute)
}

// versions runs a test for each version of TLS.
func versions(t *testing.T, test func(t *testing.T, version uint16)) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(v), func(t *testing.T) { test(t, v) })
	}
}

// Through Server.Listener, a client that speaks TLS is served, by either version; the request says so, and
// the connection ends as any other does.
func TestListener(t *testing.T) {
	versions(t, func(t *testing.T, version uint16) {
		srv := &spout.Server{}
		h := &recorder{message: func(c *spout.Conn, m spout.Message) error { return c.Send(m) }}
		states := make(chan *tls.ConnectionState, 1)
		addr, config := overListener(t, srv, srv.Handler(func(r *http.Request) (spout.Handler, error) {
			states <- r.TLS
			return h, nil
		}))
		config.MinVersion, config.MaxVersion = version, version
		config.NextProtos = []string{"h2", "http/1.1"}
		p := dialListener(t, addr, config).upgrade("/")
		if state := <-states; state == nil || state.Version != version || state.NegotiatedProtocol != "http/1.1" {
			t.Errorf("the request was told %+v of TLS", state)
		}
		p.hello()
		for _, b := range masked(fin|opText, "byte by byte") {
			p.send([]byte{b}) // a record each
		}
		p.want(fin|opText, "byte by byte")
		var many []byte
		for i := range 1000 {
			many = append(many, masked(fin|opText, fmt.Sprint(i))...)
		}
		p.send(many)
		for i := range 1000 {
			p.want(fin|opText, fmt.Sprint(i))
		}
		p.finish(1000)
		p.wantEnd()
		if end := h.wait(t); end.Code != 1000 || !end.Remote {
			t.Errorf("ended with %v", end)
		}
	})
}

// pieces is a connection on which what is written goes out in pieces of n bytes.
type pieces struct {
	net.Conn
	n int
}

func (c pieces) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = c.Conn.Write(p[n:min(len(p), n+c.n)])
		n += m
	}
	return n, err
}

// TLS records are read wherever they are cut.
func TestListenerCutRecords(t *testing.T) {
	versions(t, func(t *testing.T, version uint16) {
		addr, config := secureEcho(t, spout.Options{})
		config.MinVersion, config.MaxVersion = version, version
		for _, n := range []int{1, 3, 7} {
			nc, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			p := newPeer(t, tls.Client(pieces{nc, n}, config), time.Minute).upgrade("/")
			for i := range 50 {
				message := strings.Repeat("x", i*i)
				p.send(masked(fin|opText, message))
				p.want(fin|opText, message)
			}
			p.finish(1000)
			p.wantEnd()
		}
	})
}

// Much goes both ways at once, and nothing is lost, though the peer reads little by little: what its answers
// are to wait for, in the queue or encrypted already, waits.
func TestListenerBursts(t *testing.T) {
	const messages, size = 12, 1 << 20
	versions(t, func(t *testing.T, version uint16) {
		addr, config := secureEcho(t, spout.Options{})
		config.MinVersion, config.MaxVersion = version, version
		p := dialListener(t, addr, config).upgrade("/")
		var all [messages]string
		for i := range all {
			all[i] = strings.Repeat(fmt.Sprintf("%07d\n", i), size/8)
		}
		var sending sync.WaitGroup
		sending.Add(1)
		p.play(func() {
			defer sending.Done()
			for _, m := range all {
				if _, err := p.nc.Write(masked(fin|opText, m)); err != nil {
					return // as the reader sees
				}
			}
		})
		p.in = bufio.NewReaderSize(p.nc, 1000)
		for i, m := range all {
			if f := p.read(); string(f.payload) != m {
				t.Fatalf("message %d of %d: got %v", i, messages, f)
			}
		}
		sending.Wait()
		p.finish(1000)
		p.wantEnd()
	})
}

// Many goroutines write, and each one's messages come whole and in order.
func TestListenerManyWriters(t *testing.T) {
	const writers, each = 20, 200
	srv := &spout.Server{}
	open := func(c *spout.Conn) error {
		for w := range writers {
			go func() {
				for i := range each {
					m := spout.Text(fmt.Sprintf("%d %d %s", w, i, strings.Repeat("x", i*w)))
					if err := c.Write(context.Background(), m); err != nil {
						t.Error(err)
					}
				}
			}()
		}
		return nil
	}
	addr, config := overListener(t, srv, srv.Handler(func(*http.Request) (spout.Handler, error) { return &recorder{open: open}, nil }))
	p := dialListener(t, addr, config).upgrade("/")
	var next [writers]int
	for range writers * each {
		var w, i int
		var rest string
		f := p.read()
		if _, err := fmt.Sscanf(string(f.payload), "%d %d %s", &w, &i, &rest); err != nil && i*w > 0 {
			t.Fatalf("%v: %v", f, err)
		}
		if i != next[w] || len(rest) != i*w {
			t.Fatalf("writer %d: got message %d with %d bytes, want message %d", w, i, len(rest), next[w])
		}
		next[w]++
	}
	p.finish(1000)
	p.wantEnd()
}

// A peer that takes nothing is given up, by the name of the option.
func TestListenerWriteTimeout(t *testing.T) {
	srv := &spout.Server{Options: spout.Options{WriteTimeout: 50 * time.Millisecond, SendLimit: -1}}
	h := &recorder{open: func(c *spout.Conn) error { return c.Send(spout.Binary(make([]byte, 32<<20))) }}
	addr, config := overListener(t, srv, srv.Handler(func(*http.Request) (spout.Handler, error) { return h, nil }))
	dialListener(t, addr, config).upgrade("/")
	end := h.wait(t)
	if end.Code != spout.CloseAbnormal || !strings.Contains(end.Error(), "Options.WriteTimeout") {
		t.Errorf("ended with %v", end)
	}
}

// Shutdown closes what came through a Listener as everything else.
func TestListenerShutdown(t *testing.T) {
	srv := &spout.Server{}
	h := srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error { return c.Send(m) })
	addr, config := overListener(t, srv, h)
	peers := make([]*peer, 50)
	for i := range peers {
		peers[i] = dialListener(t, addr, config).upgrade("/")
		peers[i].hello()
	}
	result := make(chan error, 1)
	go func() { result <- srv.Shutdown(t.Context()) }()
	for _, p := range peers {
		p.finish(1012)
		p.wantEnd()
	}
	if err := <-result; err != nil {
		t.Error(err)
	}
}

// What is no WebSocket works as through any other listener: requests that follow one another, HTTP/2 where
// the configuration offers it, another library that takes the connection, and a client without TLS.
func TestListenerServesTheRest(t *testing.T) {
	srv := &spout.Server{}
	mux := http.NewServeMux()
	mux.Handle("/ws", srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error { return c.Send(m) }))
	mux.HandleFunc("/proto", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) })
	mux.HandleFunc("/raw", func(w http.ResponseWriter, r *http.Request) {
		nc, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer nc.Close()
		io.CopyN(nc, rw, 4)
	})
	server, client := testTLS(t)
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		config := server.Clone()
		if protocol == "HTTP/2.0" {
			config.NextProtos = []string{"h2", "http/1.1"}
		}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		serveOn(t, &http.Server{Handler: mux, ErrorLog: log.New(io.Discard, "", 0)}, srv.Listener(ln, config))
		addr := ln.Addr().String()
		transport := &http.Transport{TLSClientConfig: client.Clone(), ForceAttemptHTTP2: true}
		defer transport.CloseIdleConnections()
		for range 3 {
			resp, err := (&http.Client{Transport: transport}).Get("https://" + addr + "/proto")
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if string(body) != protocol {
				t.Errorf("got %q, want %q", body, protocol)
			}
		}
		dialListener(t, addr, client).upgrade("/ws").hello()
		p := dialListener(t, addr, client)
		p.send([]byte(request("/raw")))
		p.send([]byte("four"))
		got := make([]byte, 4)
		if _, err := io.ReadFull(p.in, got); err != nil || string(got) != "four" {
			t.Errorf("got %q, %v", got, err)
		}
		p.wantEnd()
		plain := dialTCP(t, addr)
		plain.send([]byte(request("/ws")))
		if got := plain.response().StatusCode; got != http.StatusBadRequest {
			t.Errorf("without TLS: %d, want 400", got)
		}
	}
}

// A connection that is idle has no goroutine, unless goroutines drive all: then it has one.
func TestListenerGoroutines(t *testing.T) {
	const conns = 50
	want := conns
	if events {
		want = 0
	}
	addr, config := secureEcho(t, spout.Options{})
	peers := make([]*peer, conns)
	for i := range peers {
		peers[i] = dialListener(t, addr, config).upgrade("/")
		f := masked(fin|opText, "in two")
		peers[i].send(f[:5])
		peers[i].send(f[5:])
		peers[i].want(fin|opText, "in two")
	}
	count := func() int {
		buf := make([]byte, 1<<20)
		stacks := string(buf[:runtime.Stack(buf, true)])
		return strings.Count(stacks, "net/http.(*conn).serve(") + strings.Count(stacks, "spout.(*netStream).read(")
	}
	got := count()
	for deadline := time.Now().Add(10 * time.Second); got != want && time.Now().Before(deadline); got = count() {
		time.Sleep(time.Millisecond)
	}
	if got != want {
		t.Errorf("%d goroutines for %d idle connections, want %d", got, conns, want)
	}
	for _, p := range peers {
		p.finish(1000)
	}
}

// A handler that waits keeps no other connection waiting.
func TestListenerHandlerWaits(t *testing.T) {
	srv := &spout.Server{}
	released := make(chan struct{})
	addr, config := overListener(t, srv, srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
		switch m.String() {
		case "wait":
			<-released
		case "release":
			close(released)
		}
		return c.Send(m)
	}))
	waiting, other := dialListener(t, addr, config).upgrade("/"), dialListener(t, addr, config).upgrade("/")
	waiting.send(masked(fin|opText, "wait"), masked(fin|opText, "behind it"))
	other.hello()
	other.send(masked(fin|opText, "release"))
	other.want(fin|opText, "release")
	waiting.want(fin|opText, "wait")
	waiting.want(fin|opText, "behind it")
	waiting.hello()
}

// A connection that Accept returned is read whole, as a stream, and not at all: then the peer has to wait.
func TestListenerAccept(t *testing.T) {
	const size = 12 << 20
	conns := make(chan *spout.Conn, 1)
	srv := &spout.Server{Options: spout.Options{MessageLimit: size}}
	addr, config := overListener(t, srv, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := srv.Accept(w, r); err == nil {
			conns <- c
		}
	}))
	p := dialListener(t, addr, config).upgrade("/")
	c := <-conns
	large := strings.Repeat("0123456789abcdef", size/16)
	p.play(func() {
		p.nc.Write(masked(fin|opText, "small"))
		p.nc.Write(masked(fin|opBinary, large))
		p.nc.Write(masked(fin|opText, large))
		p.nc.Write(masked(fin|opText, "last"))
	})
	wantMessage(t, c, spout.TextMessage, "small")
	typ, r, err := c.Reader(t.Context())
	if err != nil || typ != spout.BinaryMessage {
		t.Fatalf("got %v, %v", typ, err)
	}
	if b, err := io.ReadAll(r); err != nil || string(b) != large {
		t.Fatalf("got %d bytes, %v", len(b), err)
	}
	wantMessage(t, c, spout.TextMessage, large)
	wantMessage(t, c, spout.TextMessage, "last")
	p.play(func() {
		if err := c.WriteFrom(context.Background(), spout.TextMessage, strings.NewReader(large)); err != nil {
			t.Error(err)
		}
	})
	var got strings.Builder
	for got.Len() < size {
		got.Write(p.read().payload)
	}
	if got.String() != large {
		t.Error("what WriteFrom sent came otherwise")
	}
}
