package spout_test

import (
	"crypto/tls"
	"errors"
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

// notUpgraded are requests that are not upgraded: what replaces or adds to a good one, or begins it, the
// status of the answer, and the steps that were taken.
var notUpgraded = []struct {
	name   string
	method string
	lines  []string
	status int
	steps  []string
}{
	{"plain GET", "GET / HTTP/1.1", []string{"Upgrade:", "Connection:", "Sec-WebSocket-Key:", "Sec-WebSocket-Version:"}, 426, nil},
	{"Upgrade to something else", "", []string{"Upgrade: h2c"}, 426, nil},
	{"no Upgrade", "", []string{"Upgrade:"}, 426, nil},
	{"no Connection", "", []string{"Connection:"}, 426, nil},
	{"Connection without upgrade", "", []string{"Connection: keep-alive"}, 426, nil},
	{"no version", "", []string{"Sec-WebSocket-Version:"}, 426, nil},
	{"draft 76", "", []string{"Sec-WebSocket-Version:", "Sec-WebSocket-Key:", "Upgrade: WebSocket",
		"Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5", "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00"}, 426, nil},
	{"version 7", "", []string{"Sec-WebSocket-Version: 7"}, 426, nil},
	{"version 8", "", []string{"Sec-WebSocket-Version: 8", "Sec-WebSocket-Origin: http://spout.test"}, 426, nil},
	{"version 14", "", []string{"Sec-WebSocket-Version: 14"}, 426, nil},
	{"version 13.0", "", []string{"Sec-WebSocket-Version: 13.0"}, 426, nil},
	{"versions in a list", "", []string{"Sec-WebSocket-Version: 13, 8"}, 426, nil},
	{"two versions", "", []string{"sec-websocket-version: 13"}, 426, nil},
	{"no key", "", []string{"Sec-WebSocket-Key:"}, 400, nil},
	{"short key", "", []string{"Sec-WebSocket-Key: c2hvcnQ="}, 400, nil},
	{"key that is no base64", "", []string{"Sec-WebSocket-Key: ????????????????????????"}, 400, nil},
	{"two keys", "", []string{"sec-websocket-key: " + sampleKey}, 400, nil},
	{"POST", "POST / HTTP/1.1", nil, 405, nil},
	{"HEAD", "HEAD / HTTP/1.1", nil, 405, nil},
	{"HTTP/1.0", "GET / HTTP/1.0", nil, 505, nil},
	{"subprotocol that is no token", "", []string{"Sec-WebSocket-Protocol: a, b c"}, 400, nil},
	{"subprotocol offered twice", "", []string{"Sec-WebSocket-Protocol: a, b, a"}, 400, nil},
	{"no subprotocol in the header", "", []string{"Sec-WebSocket-Protocol: ,"}, 400, nil},
	{"two origins", "", []string{"Origin: http://spout.test", "origin: http://spout.test"}, 403, nil},
	{"wrong origin", "", []string{"Origin: https://evil.example"}, 403, []string{"origin"}},
}

// An upgrade checks the request, then the origin, then makes the handler; what fails is answered
// with its status and a text that says why, nothing further is done, and the HTTP connection is closed.
func TestRefusals(t *testing.T) {
	for _, test := range notUpgraded {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s steps
				p := serveMemory(t, &http.Server{Handler: s.handler(opened)}).dial(t)
				req := request("/", test.lines...)
				if test.method != "" {
					req = strings.Replace(req, "GET / HTTP/1.1", test.method, 1)
				}
				p.send([]byte(req))
				resp := p.response()
				var body []byte
				if !strings.HasPrefix(test.method, "HEAD") {
					body, _ = io.ReadAll(resp.Body)
				}
				if resp.StatusCode != test.status {
					t.Errorf("answered with %s %q", resp.Status, body)
				}
				if !slices.Equal(s.log, test.steps) {
					t.Errorf("steps %q, want %q", s.log, test.steps)
				}
				if !resp.Close && resp.Header.Get("Connection") != "close" {
					t.Error("the HTTP connection is not announced to be closed")
				}
				if body != nil && (len(body) < 10 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain")) {
					t.Errorf("the answer is %q of type %q", body, resp.Header.Get("Content-Type"))
				}
				if resp.StatusCode == 426 {
					if resp.Header.Get("Sec-WebSocket-Version") != "13" || resp.Header.Get("Upgrade") != "websocket" {
						t.Errorf("426 with the header %v", resp.Header)
					}
				}
				if resp.StatusCode == 405 && resp.Header.Get("Allow") != "GET" {
					t.Errorf("405 with the header %v", resp.Header)
				}
				p.wantEnd()
			})
		})
	}
}

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

// The function that makes the handler refuses with a HandshakeError: status, header and body are the
// answer's. Of any other error the client is told nothing, and the log all.
func TestHandlerRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		err    error
		status int
		body   string
		header http.Header
		log    string
	}{
		"all fields": {&spout.HandshakeError{Status: 401, Header: http.Header{"www-authenticate": {"Basic"}, "Content-Type": {"text/html"}},
			Body: []byte("<p>no"), Reason: "unseen"}, 401, "<p>no", http.Header{"Www-Authenticate": {"Basic"}, "Content-Type": {"text/html"}}, ""},
		"no body":       {&spout.HandshakeError{Status: 429, Reason: "slowly, please"}, 429, "slowly, please\n", nil, ""},
		"no status":     {&spout.HandshakeError{Reason: "go away"}, 403, "go away\n", nil, ""},
		"wrapped":       {errors.Join(errTest, &spout.HandshakeError{Status: 404, Reason: "no such room"}), 404, "no such room\n", nil, ""},
		"another error": {errTest, 500, "Internal Server Error\n", nil, "error of the test"},
		"no handler":    {nil, 500, "Internal Server Error\n", nil, "neither a Handler nor an error"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log logged
				srv := spout.Server{Options: spout.Options{Logger: log.logger()}}
				h := srv.Handler(func(*http.Request) (spout.Handler, error) { return nil, test.err })
				p := serveMemory(t, &http.Server{Handler: h}).dial(t)
				p.send([]byte(request("/")))
				resp := p.response()
				body, _ := io.ReadAll(resp.Body)
				if resp.StatusCode != test.status || string(body) != test.body || !resp.Close {
					t.Errorf("answered with %s %q", resp.Status, body)
				}
				for name, want := range test.header {
					if got := resp.Header[name]; !slices.Equal(got, want) {
						t.Errorf("header %s: %q, want %q", name, got, want)
					}
				}
				if test.log == "" && log.String() != "" || !strings.Contains(log.String(), test.log) {
					t.Errorf("logged %s", log.String())
				}
				p.wantEnd()
			})
		})
	}
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
