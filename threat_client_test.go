package spout_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
)

// counted is a connection that counts what the other side takes.
type counted struct {
	net.Conn
	n *atomic.Int64
}

func (c counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.n.Add(int64(n))
	return n, err
}

// T26: a server that answers without end is given up, after little was read and in time.
func TestT26EndlessAnswer(t *testing.T) {
	const ok = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	many := func(s string) string { return strings.Repeat(s, 1000) }
	var most int64
	var longest time.Duration
	for _, c := range []struct {
		name, start, again string
		pause              time.Duration
		took               time.Duration
		status             int // of the HandshakeError, 0 if it is none
	}{
		{"nothing", "", "", 0, 10 * time.Second, 0},
		{"half a status line", "HTTP/1.1 10", "", 0, 10 * time.Second, 0},
		{"half a header", ok + "X-Slow: ", "", 0, 10 * time.Second, 0},
		{"a header that drips", ok + "X-Slow: ", "x", time.Second, 10 * time.Second, 0},
		{"a status line without end", "HTTP/1.1 101 ", many("x"), 0, 0, 0},
		{"a header without end", ok + "X-Long: ", many("x"), 0, 0, 0},
		{"headers without end", ok, many("X-Many: 1\r\n"), 0, 0, 0},
		{"interim answers without end", "", many("HTTP/1.1 103 Early Hints\r\n\r\n"), 0, 0, 0},
		{"large interim answers without end", "", "HTTP/1.1 103 Early Hints\r\nX-Long: " + many("too long") + "\r\n\r\n", 0, 0, 0},
		{"interim answers that drip", "", "HTTP/1.1 103 Early Hints\r\n\r\n", 4 * time.Second, 10 * time.Second, 0},
		{"no HTTP", "", many("\x00"), 0, 0, 0},
		{"a body without end", "HTTP/1.1 403 Forbidden\r\n\r\n", many("x"), 0, 0, 403},
		{"a body in chunks without end", "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n", many("1\r\nx\r\n"), 0, 0, 403},
		{"a chunk without end", "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n1;", many("x"), 0, 0, 403},
		{"a body that drips", "HTTP/1.1 403 Forbidden\r\n\r\n", "x", time.Second, 10 * time.Second, 403},
		{"a body that never comes", "HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\n", "", 0, 10 * time.Second, 403},
		{"a redirect with a body without end", "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", many("x"), 0, 0, 302},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				_, before := allocated()
				p, dialled := dialPeer(t, &spout.Dialer{}, "ws://spout.test/")
				var n atomic.Int64
				p.nc = counted{p.nc, &n}
				if _, err := http.ReadRequest(p.in); err != nil {
					t.Fatal(err)
				}
				if c.start != "" {
					p.send([]byte(c.start))
				}
				if c.again != "" {
					p.drip(c.pause, []byte(c.again))
				}
				conn, err := dialled()
				if err == nil {
					conn.CloseNow()
					t.Fatal("dialled")
				}
				took := time.Since(start)
				_, after := allocated()
				t.Logf("after %v, %d bytes read, %d allocated: %.200v", took, n.Load(), after-before, err)
				most, longest = max(most, n.Load()), max(longest, took)
				if took != c.took {
					t.Errorf("after %v, want %v", took, c.took)
				}
				if n.Load() > 64<<10 {
					t.Errorf("%d bytes read, over %d", n.Load(), 64<<10)
				}
				refusal, _ := errors.AsType[*spout.HandshakeError](err)
				switch {
				case (refusal != nil) != (c.status > 0):
					t.Errorf("got %v", err)
				case refusal != nil && (refusal.Status != c.status || len(refusal.Body) > 4<<10):
					t.Errorf("got status %d and a body of %d bytes", refusal.Status, len(refusal.Body))
				}
			})
		})
	}
	figure(t, most <= 64<<10, "64 KiB", "%.1f KiB read of an endless answer", float64(most)/1024)
	figure(t, longest <= 10*time.Second, "10 s", "given up after %v", longest)
}

// T26: without a connection, or in the midst of TLS, dialling ends after 10 s as well, or when the
// context or the client says so.
func TestT26DialTimeout(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name    string
		url     string
		connect bool
		context time.Duration
		client  time.Duration
		want    time.Duration
	}{
		{"no connection", "ws://spout.test/", false, 0, 0, 10 * s},
		{"no TLS", "wss://spout.test/", true, 0, 0, 10 * s},
		{"no answer", "ws://spout.test/", true, 0, 0, 10 * s},
		{"no answer, context of 3 s", "ws://spout.test/", true, 3 * s, 0, 3 * s},
		{"no answer, context of a minute", "ws://spout.test/", true, 60 * s, 0, 60 * s},
		{"no answer, client's timeout of 4 s", "ws://spout.test/", true, 0, 4 * s, 4 * s},
		{"no answer, both", "ws://spout.test/", true, 60 * s, 4 * s, 4 * s},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				defer m.Close()
				if c.connect {
					go func() {
						nc, err := m.Accept()
						if err == nil {
							newPeer(t, nc, time.Hour).listen()
						}
					}()
				}
				ctx := t.Context()
				if c.context > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.context)
					defer cancel()
				}
				d := &spout.Dialer{Client: &http.Client{Timeout: c.client, Transport: &http.Transport{DialContext: m.DialContext}}}
				start := time.Now()
				_, err := d.Dial(ctx, c.url)
				took := time.Since(start)
				t.Logf("after %v: %v", took, err)
				if !errors.Is(err, context.DeadlineExceeded) || took != c.want {
					t.Errorf("want a deadline of %v", c.want)
				}
			})
		})
	}
}

// T26: redirects are not followed; whoever wants to follow one sees it and decides where credentials
// go.
func TestT26Redirect(t *testing.T) {
	reached := new(atomic.Int64)
	other := serveTCP(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { reached.Add(1) })})
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, to := range []string{"http://" + other + "/", "ws://" + other + "/", "/elsewhere"} {
			t.Run(fmt.Sprint(status, " ", to), func(t *testing.T) {
				requests := new(atomic.Int64)
				addr := serveTCP(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					requests.Add(1)
					w.Header().Set("Location", to)
					w.WriteHeader(status)
				})})
				d := &spout.Dialer{
					Header: http.Header{"Authorization": {"Bearer secret"}, "Cookie": {"session=secret"}},
					Client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }},
				}
				_, err := d.Dial(t.Context(), "ws://"+addr+"/")
				refusal, ok := errors.AsType[*spout.HandshakeError](err)
				if !ok || refusal.Status != status || refusal.Header.Get("Location") != to {
					t.Errorf("got %v", err)
				}
				if n := requests.Load(); n != 1 {
					t.Errorf("%d requests", n)
				}
			})
		}
	}
	figure(t, reached.Load() == 0, "0", "%d of 15 redirects followed", reached.Load())
	if reached.Load() > 0 {
		t.Error("a redirect was followed")
	}
}

// T26: an answer that is not what was asked for is refused.
func TestT26WrongAnswer(t *testing.T) {
	const accept = "Sec-WebSocket-Accept: %s"
	good := []string{"Upgrade: websocket", "Connection: Upgrade", accept}
	without := func(i int, lines ...string) []string {
		all := append([]string(nil), good[:i]...)
		return append(append(all, good[i+1:]...), lines...)
	}
	with := func(lines ...string) []string { return append(append([]string(nil), good...), lines...) }
	judged, answers := 0, 0
	for _, c := range []struct {
		name   string
		status string
		lines  []string
		good   bool
	}{
		{"as it must be", "101 Switching Protocols", good, true},
		{"in other letters", "101 Yes", []string{"UPGRADE: WebSocket", "connection: keep-alive, UPGRADE", accept}, true},
		{"status 200", "200 OK", good, false},
		{"status 100, then nothing else", "100 Continue", append(good, "Connection: close"), false},
		{"no Upgrade", "101 X", without(0), false},
		{"other Upgrade", "101 X", without(0, "Upgrade: h2c"), false},
		{"two protocols in Upgrade", "101 X", without(0, "Upgrade: websocket, h2c"), false},
		{"two headers with Upgrade", "101 X", with("Upgrade: h2c"), false},
		{"HTTP/1.0", "HTTP/1.0 101 X", good, false},
		{"HTTP/2.0", "HTTP/2.0 101 X", good, false},
		{"no Connection", "101 X", without(1), false},
		{"other Connection", "101 X", without(1, "Connection: close"), false},
		{"no accept key", "101 X", without(2), false},
		{"empty accept key", "101 X", without(2, "Sec-WebSocket-Accept:"), false},
		{"key of the RFC's example", "101 X", without(2, "Sec-WebSocket-Accept: "+sampleAccept), false},
		{"two accept keys", "101 X", with(accept), false},
		{"accept key and more", "101 X", without(2, accept+", "+sampleAccept), false},
		{"extension", "101 X", with("Sec-WebSocket-Extensions: permessage-deflate"), false},
		{"empty extension", "101 X", with("Sec-WebSocket-Extensions:"), false},
		{"offered subprotocol", "101 X", with("Sec-WebSocket-Protocol: chat"), true},
		{"the second that was offered", "101 X", with("Sec-WebSocket-Protocol: superchat"), true},
		{"other subprotocol", "101 X", with("Sec-WebSocket-Protocol: evil"), false},
		{"subprotocol in capitals", "101 X", with("Sec-WebSocket-Protocol: CHAT"), false},
		{"two subprotocols", "101 X", with("Sec-WebSocket-Protocol: chat, superchat"), false},
		{"two headers with subprotocols", "101 X", with("Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: chat"), false},
		{"empty subprotocol", "101 X", with("Sec-WebSocket-Protocol:"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &spout.Dialer{Options: spout.Options{Subprotocols: []string{"chat", "superchat"}}}
				p, dialled := dialPeer(t, d, "ws://spout.test/")
				r, err := http.ReadRequest(p.in)
				if err != nil {
					t.Fatal(err)
				}
				line := c.status
				if !strings.HasPrefix(line, "HTTP/") {
					line = "HTTP/1.1 " + line
				}
				answer := line + "\r\n" + strings.Join(c.lines, "\r\n") + "\r\n\r\n"
				answer = strings.ReplaceAll(answer, "%s", acceptKey(r))
				go func() {
					p.nc.Write([]byte(answer))
					if !c.good {
						p.nc.Close()
					}
				}()
				conn, err := dialled()
				answers++
				if (err == nil) != c.good {
					t.Fatalf("dialled with %v", err)
				}
				judged++
				if err == nil {
					conn.CloseNow()
					return
				}
				t.Log(err)
				if refusal, ok := errors.AsType[*spout.HandshakeError](err); ok && refusal.Reason == "" {
					t.Error("no reason")
				}
			})
		})
	}
	figureAll(t, judged, answers, "answers judged as they must be")
	t.Run("subprotocol where none was offered", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p, dialled := dialPeer(t, &spout.Dialer{}, "ws://spout.test/")
			p.accept("Sec-WebSocket-Protocol: chat")
			if _, err := dialled(); err == nil {
				t.Error("dialled")
			}
		})
	})
}

// T26: what a server sends right behind its answer is frames: none is lost, whoever cuts them.
func TestT26BehindAnswer(t *testing.T) {
	for _, size := range []int{0, 5, 3900, 4096, 5000, 100_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, dialled := dialPeer(t, &spout.Dialer{}, "ws://spout.test/")
				r, err := http.ReadRequest(p.in)
				if err != nil {
					t.Fatal(err)
				}
				text := strings.Repeat("x", size)
				answer := "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + acceptKey(r) + "\r\n\r\n"
				go p.nc.Write(append([]byte(answer), append(unmasked(fin|opText, text), unmasked(fin|opText, "second")...)...))
				c, err := dialled()
				if err != nil {
					t.Fatal(err)
				}
				wantMessage(t, c, spout.TextMessage, text)
				wantMessage(t, c, spout.TextMessage, "second")
				c.CloseNow()
			})
		})
	}
}
