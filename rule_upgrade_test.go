package spout_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
)

// steps is a server that notes the steps of each upgrade.
type steps struct {
	spout.Server
	log []string
}

func (s *steps) handler(open func(r *http.Request) (spout.Handler, error)) http.Handler {
	s.Logger = silent
	s.CheckOrigin = func(r *http.Request) bool {
		s.log = append(s.log, "origin")
		return r.Header.Get("Origin") != "https://evil.example"
	}
	s.SelectSubprotocol = func(r *http.Request, offered []string) string {
		s.log = append(s.log, "subprotocol of "+strings.Join(offered, ", "))
		return ""
	}
	return s.Handler(func(r *http.Request) (spout.Handler, error) {
		s.log = append(s.log, "handler")
		return open(r)
	})
}

func opened(*http.Request) (spout.Handler, error) { return &recorder{}, nil }

// A good request goes through all the steps, in order, before the 101.
func TestOrderOfAnUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s steps
		h := &recorder{open: func(*spout.Conn) error { s.log = append(s.log, "OnOpen"); return nil }}
		handler := s.handler(func(*http.Request) (spout.Handler, error) { return h, nil })
		p := serveMemory(t, &http.Server{Handler: handler}).dial(t)
		p.upgrade("/", "Origin: http://spout.test", "Sec-WebSocket-Protocol: a, b")
		p.finish(1000)
		h.wait(t)
		if got := strings.Join(s.log, "; "); got != "origin; handler; subprotocol of a, b; OnOpen" {
			t.Errorf("steps: %s", got)
		}
	})
	synctest.Test(t, func(t *testing.T) { // without an Origin header, nobody is asked about it
		var s steps
		p := serveMemory(t, &http.Server{Handler: s.handler(opened)}).dial(t).upgrade("/")
		if got := strings.Join(s.log, "; "); got != "handler" {
			t.Errorf("steps: %s", got)
		}
		p.finish(1000)
	})
}

// Headers that are set before the upgrade go into the 101, but those of the handshake are its own.
func TestHeadersOfTheUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := spout.Server{Options: spout.Options{Subprotocols: []string{"real"}}}
		h := srv.Handler(opened)
		p := serveMemory(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for _, v := range []string{"a=1", "b=2"} {
				w.Header().Add("Set-Cookie", v)
			}
			w.Header().Set("X-Request-Id", "42")
			for _, name := range []string{"Upgrade", "Connection", "Sec-WebSocket-Accept", "Sec-WebSocket-Protocol",
				"Sec-WebSocket-Extensions", "Content-Length", "Content-Type", "Transfer-Encoding"} {
				w.Header().Set(name, "forged")
			}
			h.ServeHTTP(w, r)
		})}).dial(t)
		p.send([]byte(request("/", "Sec-WebSocket-Protocol: real")))
		resp := p.response()
		if resp.StatusCode != 101 {
			t.Fatal(resp.Status)
		}
		want := http.Header{
			"Set-Cookie": {"a=1", "b=2"}, "X-Request-Id": {"42"}, "Upgrade": {"websocket"}, "Connection": {"Upgrade"},
			"Sec-Websocket-Accept": {sampleAccept}, "Sec-Websocket-Protocol": {"real"},
		}
		for name := range resp.Header {
			if !slices.Equal(resp.Header[name], want[name]) {
				t.Errorf("%s: %q, want %q", name, resp.Header[name], want[name])
			}
		}
		if len(resp.Header) != len(want) {
			t.Errorf("header %v", resp.Header)
		}
		p.finish(1000)
	})
}

// What comes in one piece with the request is not lost: frames, also half ones.
func TestBytesBehindTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := serveMemory(t, echoServer(spout.Options{})).dial(t)
		large := strings.Repeat("l", 3000)
		half := masked(fin|opText, "half")
		go p.send([]byte(request("/")), masked(fin|opText, "one"), masked(fin|opText, large), half[:7])
		p.wantUpgraded()
		p.want(fin|opText, "one")
		p.want(fin|opText, large)
		p.send(half[7:])
		p.want(fin|opText, "half")
	})
}

// hidden is middleware's ResponseWriter, which hides all but the three methods; wrapped also unwraps.
type hidden struct{ http.ResponseWriter }
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// An upgrade works behind middleware whose ResponseWriter has Unwrap; otherwise the error says so.
func TestUpgradeBehindMiddleware(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := echoServer(spout.Options{}).Handler
		p := serveMemory(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			inner.ServeHTTP(wrapped{wrapped{w}}, r)
		})}).dial(t).upgrade("/")
		p.hello()
	})
	synctest.Test(t, func(t *testing.T) {
		var log logged
		srv := spout.Server{Options: spout.Options{Logger: log.logger()}}
		var err error
		p := serveMemory(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err = srv.Accept(hidden{w}, r)
		})}).dial(t)
		p.send([]byte(request("/")))
		resp := p.response()
		if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 500 || string(body) != "Internal Server Error\n" {
			t.Errorf("answered with %s %q", resp.Status, body)
		}
		p.wantEnd()
		for _, text := range []string{err.Error(), log.String()} {
			if !strings.Contains(text, "spout_test.hidden") || !strings.Contains(text, "Unwrap") {
				t.Errorf("%q does not say what to do", text)
			}
		}
	})
}

// Over HTTP/2 there is no such upgrade, and the answer says so.
func TestUpgradeOverHTTP2(t *testing.T) {
	s := httptest.NewUnstartedServer(echoServer(spout.Options{}).Handler)
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	resp, err := s.Client().Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.ProtoMajor != 2 || resp.StatusCode != http.StatusHTTPVersionNotSupported || !strings.Contains(string(body), "HTTP/1.1") {
		t.Errorf("%s answered with %s %q", resp.Proto, resp.Status, body)
	}
}

// The timeouts of the http.Server end with the upgrade, and so does what the request's context means.
func TestTimeoutsOfTheHTTPServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := echoServer(spout.Options{PingInterval: -1})
		s.ReadTimeout, s.WriteTimeout, s.IdleTimeout = time.Second, time.Second, time.Second
		p := serveMemory(t, s).dial(t).upgrade("/")
		for range 10 {
			time.Sleep(time.Hour)
			p.hello()
		}
	})
}

// An upgrade works over TLS, and the handler's connection is then the TLS one.
func TestUpgradeOverTLS(t *testing.T) {
	s := httptest.NewTLSServer(echoServer(spout.Options{}).Handler)
	defer s.Close()
	nc, err := tls.Dial("tcp", s.Listener.Addr().String(), s.Client().Transport.(*http.Transport).TLSClientConfig)
	if err != nil {
		t.Fatal(err)
	}
	p := newPeer(t, nc, time.Minute).upgrade("/")
	p.hello()
	p.finish(1000)
}
