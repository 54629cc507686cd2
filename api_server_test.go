package spout_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
)

// acceptor is a server whose connections the test gets, to read from.
func acceptor(t *testing.T, srv *spout.Server) (*memory, chan *spout.Conn) {
	if srv.Logger == nil {
		srv.Logger = silent
	}
	conns := make(chan *spout.Conn, 10)
	m := serveMemory(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := srv.Accept(w, r); err == nil {
			t.Cleanup(func() { c.CloseNow() })
			conns <- c
		}
	})})
	return m, conns
}

// Accept gives the connection, which outlives the HTTP handler and its request's context.
func TestAccept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var srv spout.Server
		m, conns := acceptor(t, &srv)
		p := m.dial(t).upgrade("/")
		c := <-conns
		time.Sleep(time.Second)
		p.send(masked(fin|opText, "one"), masked(fin|opBinary, "two"))
		wantMessage(t, c, spout.TextMessage, "one")
		if err := c.Write(t.Context(), spout.Text("answer")); err != nil {
			t.Error(err)
		}
		p.want(fin|opText, "answer")
		wantMessage(t, c, spout.BinaryMessage, "two")
		p.finish(1001)
		_, err := c.Read(t.Context())
		wantCloseError(t, err, spout.CloseGoingAway)
		if got := c.RemoteAddr(); got.Network() != "pipe" {
			t.Errorf("its address is %v", got)
		}
	})
}

// A request that is not accepted is answered already; the error says with what.
func TestAcceptRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := spout.Server{Options: spout.Options{Logger: silent}}
		var err error
		p := serveMemory(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err = srv.Accept(w, r)
		})}).dial(t)
		p.send([]byte(request("/", "Sec-WebSocket-Version: 8")))
		if resp := p.response(); resp.StatusCode != 426 {
			t.Errorf("answered with %s", resp.Status)
		}
		io.Copy(io.Discard, p.in)
		if e, ok := errors.AsType[*spout.HandshakeError](err); !ok || e.Status != 426 || !strings.Contains(err.Error(), "426") {
			t.Errorf("got %v", err)
		}
	})
}

// Conns are the connections that are there when the iteration begins.
func TestConns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var srv spout.Server
		m, conns := acceptor(t, &srv)
		if got := slices.Collect(srv.Conns()); len(got) != 0 {
			t.Errorf("%d connections at first", len(got))
		}
		var want []*spout.Conn
		var peers []*peer
		for range 3 {
			peers = append(peers, m.dial(t).upgrade("/"))
			want = append(want, <-conns)
		}
		var got []*spout.Conn
		for c := range srv.Conns() {
			if got = append(got, c); len(got) == 1 {
				m.dial(t).upgrade("/") // during the iteration
				want = append(want, <-conns)
			}
		}
		if len(got) != 3 {
			t.Errorf("%d connections, want 3", len(got))
		}
		for range srv.Conns() {
			break
		}
		peers[1].finish(1000)
		synctest.Wait()
		got = slices.Collect(srv.Conns())
		if len(got) != 3 || slices.Contains(got, want[1]) {
			t.Errorf("%d connections after one has gone, want 3", len(got))
		}
	})
}

// Shutdown answers 503 to new requests, sends each connection what is queued and then 1012, and
// returns when every OnClose has returned.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := spout.Server{Options: spout.Options{Logger: silent}}
		hold := make(chan struct{})
		var handlers []*recorder
		handler := srv.Handler(func(*http.Request) (spout.Handler, error) {
			h := &recorder{close: func(*spout.Conn, error) { <-hold }}
			handlers = append(handlers, h)
			return h, nil
		})
		m := serveMemory(t, &http.Server{Handler: handler})
		var peers []*peer
		for range 3 {
			peers = append(peers, m.dial(t).upgrade("/"))
		}
		for c := range srv.Conns() {
			c.Send(text(100_000, "queued"))
		}
		result := make(chan error, 1)
		go func() { result <- srv.Shutdown(t.Context()) }()
		synctest.Wait()

		late := m.dial(t)
		late.send([]byte(request("/")))
		if resp := late.response(); resp.StatusCode != 503 || !resp.Close {
			t.Errorf("a new request is answered with %s", resp.Status)
		}

		for _, p := range peers {
			p.wantTexts("queued")
			answer(p, 1012)
		}
		synctest.Wait()
		if len(result) > 0 {
			t.Error("Shutdown has returned before OnClose")
		}
		close(hold)
		if err := <-result; err != nil {
			t.Error(err)
		}
		for _, h := range handlers {
			h.want(t, "open", "close 1012")
			if end := h.wait(t); end.Remote || end.Err != nil {
				t.Errorf("ended with %v", end)
			}
		}
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Errorf("a second Shutdown: %v", err)
		}
	})
}

// A Shutdown whose context ends drops what is left and does not wait for it.
func TestShutdownContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := spout.Server{Options: spout.Options{CloseTimeout: time.Hour}}
		m, conns := acceptor(t, &srv)
		p := m.dial(t).upgrade("/")
		c := <-conns
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		watch := startWatch(t)
		if err := srv.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		watch.want(time.Second)
		if end := await(c); end.Code != spout.CloseServiceRestart {
			t.Errorf("ended with %v", end)
		}
		watch.want(time.Second)
		p.nc.Close()
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Errorf("when all have gone: %v", err)
		}
	})
}

// A request that is under way when Shutdown begins is waited for, and its connection is closed.
func TestShutdownDuringUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := spout.Server{Options: spout.Options{Logger: silent}}
		hold := make(chan struct{})
		h := &recorder{}
		m := serveMemory(t, &http.Server{Handler: srv.Handler(func(*http.Request) (spout.Handler, error) {
			<-hold
			return h, nil
		})})
		p := m.dial(t)
		p.send([]byte(request("/")))
		synctest.Wait()
		result := make(chan error, 1)
		go func() { result <- srv.Shutdown(t.Context()) }()
		synctest.Wait()
		if len(result) > 0 {
			t.Error("Shutdown has returned while a request is under way")
		}
		close(hold)
		p.wantUpgraded()
		answer(p, 1012)
		if err := <-result; err != nil {
			t.Error(err)
		}
		h.want(t, "open", "close 1012")
	})
	synctest.Test(t, func(t *testing.T) { // and a server that had none is done at once
		var srv spout.Server
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Who chooses the subprotocol: the server, its own first one that the client offers, or what
// SelectSubprotocol says.
func TestSubprotocols(t *testing.T) {
	choose := func(answer string) func(*http.Request, []string) string {
		return func(r *http.Request, offered []string) string {
			if r == nil || fmt.Sprint(offered) != "[a b c]" {
				answer = "got " + fmt.Sprint(offered)
			}
			return answer
		}
	}
	for _, test := range []struct {
		name   string
		speaks []string
		choose func(*http.Request, []string) string
		offers []string
		want   string // "500" is the status
	}{
		{"server prefers", []string{"x", "c", "a"}, nil, []string{"Sec-WebSocket-Protocol: a, b,c"}, "c"},
		{"several headers", []string{"c"}, nil, []string{"Sec-WebSocket-Protocol: a", "sec-websocket-protocol: b", "SEC-WEBSOCKET-PROTOCOL: c"}, "c"},
		{"none in common", []string{"x"}, nil, []string{"Sec-WebSocket-Protocol: a, b"}, ""},
		{"case matters", []string{"A"}, nil, []string{"Sec-WebSocket-Protocol: a"}, ""},
		{"none offered", []string{"a"}, nil, nil, ""},
		{"none spoken", nil, nil, []string{"Sec-WebSocket-Protocol: a"}, ""},
		{"chosen", []string{"a"}, choose("b"), []string{"Sec-WebSocket-Protocol: a, b, c"}, "b"},
		{"none chosen", []string{"a"}, choose(""), []string{"Sec-WebSocket-Protocol: a, b, c"}, ""},
		{"one chosen that was not offered", nil, choose("x"), []string{"Sec-WebSocket-Protocol: a, b, c"}, "500"},
		{"not asked without an offer", nil, choose("x"), nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := spout.Server{Options: spout.Options{Subprotocols: test.speaks}, SelectSubprotocol: test.choose}
				m, conns := acceptor(t, &srv)
				p := m.dial(t)
				p.send([]byte(request("/", test.offers...)))
				resp := p.response()
				if test.want == "500" {
					if resp.StatusCode != 500 {
						t.Errorf("answered with %s", resp.Status)
					}
					io.Copy(io.Discard, p.in)
					return
				}
				if got := resp.Header.Values("Sec-WebSocket-Protocol"); resp.StatusCode != 101 || strings.Join(got, "|") != test.want {
					t.Errorf("answered with %s and %q", resp.Status, got)
				}
				if got := (<-conns).Subprotocol(); got != test.want {
					t.Errorf("Subprotocol is %q", got)
				}
			})
		})
	}
}

// Options are read when the first connection is made.
func TestOptionsAreReadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := spout.Server{Options: spout.Options{MessageLimit: 10, Subprotocols: []string{"a"}}}
		m, conns := acceptor(t, &srv)
		m.dial(t).upgrade("/")
		<-conns
		srv.MessageLimit, srv.Subprotocols[0] = 1000, "b"
		p := m.dial(t)
		p.send([]byte(request("/", "Sec-WebSocket-Protocol: a, b")))
		if got := p.response().Header.Get("Sec-WebSocket-Protocol"); got != "a" {
			t.Errorf("answered with %q", got)
		}
		p.send(masked(fin|opText, "12345678901"))
		p.wantClose(1009)
	})
}
