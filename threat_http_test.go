package spout_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/origin"
)

// T16: pages of other sites are refused, however their origin is written.
func TestT16Origin(t *testing.T) {
	listed, err := origin.Allow("https://app.example", "https://*.wild.example")
	if err != nil {
		t.Fatal(err)
	}
	const yes, no = 101, 403
	right, asked := 0, 0
	for _, c := range []struct {
		name        string
		headers     string // separated by |
		plain       int    // the answers on a plain connection and over TLS
		overTLS     int
		withListing int // on a plain connection, with a list
	}{
		{"none", "", yes, yes, yes},
		{"same", "Origin: http://spout.test", yes, no, yes},
		{"same, https", "Origin: https://spout.test", yes, yes, yes},
		{"same, in capitals", "Origin: http://SPOUT.test", yes, no, yes},
		{"same, with the default port", "Origin: http://spout.test:80", yes, no, yes},
		{"same, with the default port of https", "Origin: https://spout.test:443", yes, yes, yes},
		{"same, Host with a port", "Origin: http://spout.test:8888|Host: spout.test:8888", yes, no, yes},
		{"same, Host with the default port", "Origin: http://spout.test|Host: spout.test:80", yes, no, yes},
		{"other port", "Origin: http://spout.test:8080", no, no, no},
		{"port of http on https", "Origin: https://spout.test:80", no, no, no},
		{"other host", "Origin: http://evil.test", no, no, no},
		{"other scheme", "Origin: ftp://spout.test", no, no, no},
		{"extension", "Origin: chrome-extension://spout.test", no, no, no},
		{"prefix", "Origin: http://evil-spout.test", no, no, no},
		{"subdomain", "Origin: http://evil.spout.test", no, no, no},
		{"suffix", "Origin: http://spout.test.evil.test", no, no, no},
		{"user", "Origin: http://spout.test@evil.test", no, no, no},
		{"user the other way", "Origin: http://evil.test@spout.test", no, no, no},
		{"path", "Origin: http://spout.test/evil", no, no, no},
		{"slash", "Origin: http://spout.test/", no, no, no},
		{"query", "Origin: http://evil.test?spout.test", no, no, no},
		{"fragment", "Origin: http://evil.test#spout.test", no, no, no},
		{"backslash", "Origin: http://evil.test\\spout.test", no, no, no},
		{"percent", "Origin: http://spout%2etest", no, no, no},
		{"trailing dot", "Origin: http://spout.test.", no, no, no},
		{"null", "Origin: null", no, no, no},
		{"empty", "Origin:", no, no, no},
		{"file", "Origin: file://", no, no, no},
		{"no scheme", "Origin: spout.test", no, no, no},
		{"bad port", "Origin: http://spout.test:99999", no, no, no},
		{"two in one", "Origin: http://spout.test http://evil.test", no, no, no},
		{"two with a comma", "Origin: http://spout.test, http://evil.test", no, no, no},
		{"two headers", "Origin: http://spout.test|Origin: http://evil.test", no, no, no},
		{"two headers the other way", "Origin: http://evil.test|Origin: http://spout.test", no, no, no},
		{"the same header twice", "Origin: http://spout.test|Origin: http://spout.test", no, no, no},
		{"listed", "Origin: https://app.example", no, no, yes},
		{"listed, other scheme", "Origin: http://app.example", no, no, no},
		{"listed, other port", "Origin: https://app.example:8443", no, no, no},
		{"prefix of listed", "Origin: https://evil-app.example", no, no, no},
		{"suffix of listed", "Origin: https://app.example.evil.test", no, no, no},
		{"user of listed", "Origin: https://app.example@evil.test", no, no, no},
		{"under a wildcard", "Origin: https://a.b.wild.example", no, no, yes},
		{"the wildcard's own host", "Origin: https://wild.example", no, no, no},
		{"prefix of a wildcard", "Origin: https://evilwild.example", no, no, no},
		{"suffix of a wildcard", "Origin: https://a.wild.example.evil.test", no, no, no},
	} {
		t.Run(c.name, func(t *testing.T) {
			opened := new(atomic.Int64)
			open := func(*http.Request) (spout.Handler, error) {
				opened.Add(1)
				return echo{ended: make(chan error, 1)}, nil
			}
			var same spout.Server
			allowing := spout.Server{CheckOrigin: listed}
			for _, way := range []struct {
				name string
				h    http.Handler
				tls  bool
				want int
			}{
				{"plain", same.Handler(open), false, c.plain},
				{"TLS", same.Handler(open), true, c.overTLS},
				{"listed", allowing.Handler(open), false, c.withListing},
			} {
				opened.Store(0)
				var p *peer
				if way.tls {
					p = dialTLS(t, way.h)
				} else {
					p = serveMemory(t, &http.Server{Handler: way.h}).dial(t)
				}
				lines := strings.Split(c.headers, "|")
				p.send([]byte(withHeaders(request("/"), lines)))
				asked++
				if got := p.response().StatusCode; got != way.want {
					t.Errorf("%s: answered %d, want %d", way.name, got, way.want)
				} else {
					right++
				}
				if got := opened.Load() == 1; got != (way.want == yes) {
					t.Errorf("%s: open was called: %v", way.name, got)
				}
				p.nc.Close()
			}
		})
	}
	figureAll(t, right, asked, "origins judged as they must be")
}

// withHeaders adds lines to a request, as they are; a Host replaces that which it has.
func withHeaders(request string, lines []string) string {
	head := strings.TrimSuffix(request, "\r\n")
	for _, line := range lines {
		switch {
		case strings.HasPrefix(line, "Host:"):
			head = strings.Replace(head, "Host: spout.test", line, 1)
		case line != "":
			head += line + "\r\n"
		}
	}
	return head + "\r\n"
}

// dialTLS connects a peer over TLS to a server that runs h until the test ends.
func dialTLS(t testing.TB, h http.Handler) *peer {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	nc, err := tls.Dial("tcp", s.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	return newPeer(t, nc, time.Minute)
}

// refusals are requests that are not upgraded, with the answer that each gets.
var refusals = []struct {
	name, request string
	status        int
}{
	{"no upgrade", request("/", "Upgrade:"), 426},
	{"other upgrade", request("/", "Upgrade: h2c"), 426},
	{"no Connection: Upgrade", request("/", "Connection: keep-alive"), 426},
	{"no version", request("/", "Sec-WebSocket-Version:"), 426},
	{"version 8", request("/", "Sec-WebSocket-Version: 8"), 426},
	{"draft 76", request("/", "Sec-WebSocket-Version:", "Sec-WebSocket-Key:", "Sec-WebSocket-Key1: 18x 6]8vM;54 *(5:  {   U1]8  z [  8"), 426},
	{"no key", request("/", "Sec-WebSocket-Key:"), 400},
	{"short key", request("/", "Sec-WebSocket-Key: c2hvcnQ="), 400},
	{"bad subprotocol", request("/", "Sec-WebSocket-Protocol: a b"), 400},
	{"HTTP/1.0", strings.Replace(request("/", "Connection: keep-alive, Upgrade"), "HTTP/1.1", "HTTP/1.0", 1), 505},
	{"other method", strings.Replace(request("/"), "GET", "OPTIONS", 1), 405},
	{"HEAD", strings.Replace(request("/"), "GET", "HEAD", 1), 405},
	{"POST with a body", strings.Replace(request("/", "Content-Length: 4"), "GET", "POST", 1) + "body", 405},
	{"other origin", request("/", "Origin: http://evil.test"), 403},
	{"refused by open", request("/refused"), 401},
	{"failed in open", request("/failed"), 500},
	{"nothing from open", request("/nothing"), 500},
	{"body", request("/", "Content-Length: 4") + "body", 400},
}

// T17: behind a request that was refused, nothing on the same HTTP connection is answered.
func TestT17SecondRequest(t *testing.T) {
	srv := &spout.Server{Options: spout.Options{Logger: silent}}
	reached := new(atomic.Int64)
	mux := http.NewServeMux()
	mux.HandleFunc("/secret", func(w http.ResponseWriter, r *http.Request) { reached.Add(1) })
	mux.Handle("/", srv.Handler(func(r *http.Request) (spout.Handler, error) {
		switch r.URL.Path {
		case "/refused":
			return nil, &spout.HandshakeError{Status: http.StatusUnauthorized, Header: http.Header{"Connection": {"keep-alive"}}}
		case "/failed":
			return nil, errors.New("no database")
		case "/nothing":
			return nil, nil
		}
		return echo{ended: make(chan error, 1)}, nil
	}))
	m := serveMemory(t, &http.Server{Handler: mux})
	const smuggled = "GET /secret HTTP/1.1\r\nHost: spout.test\r\n\r\n"
	answered := 0
	try := func(name, request string, status int, behind string) {
		t.Run(name, func(t *testing.T) {
			p := m.dial(t)
			go p.nc.Write([]byte(request + behind)) // the server need not read it to its end
			resp, err := http.ReadResponse(p.in, &http.Request{Method: strings.Fields(request)[0]})
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != status || !resp.Close {
				t.Errorf("answered %s %q, close %v; want %d and a close", resp.Status, body, resp.Close, status)
			}
			if status == 426 && (resp.Header.Get("Sec-Websocket-Version") != "13" || resp.Header.Get("Upgrade") != "websocket") {
				t.Errorf("the answer %v does not say what to upgrade to", resp.Header)
			}
			if rest, _ := io.ReadAll(p.in); len(rest) > 0 {
				answered++
				t.Errorf("answered with more: %q", rest)
			}
		})
	}
	for _, c := range refusals {
		try(c.name, c.request, c.status, smuggled)
		try(c.name+", then frames", c.request, c.status, string(masked(fin|opText, "hello")))
	}
	p := m.dial(t).upgrade("/")
	p.hello()
	p.nc.Close()
	srv.Shutdown(t.Context())
	try("shut down", request("/"), 503, smuggled)
	figure(t, answered == 0, "0", "%d second requests answered behind %d refusals", answered, 2*len(refusals)+1)
	if reached.Load() > 0 {
		t.Error("a smuggled request was carried out")
	}
}

// T17: a refusal that open passes on from a server behind is a final answer of its own length.
func TestT17RefusalPassedOn(t *testing.T) {
	for _, c := range []struct {
		status int
		header http.Header
		want   int
	}{
		{101, http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}}, 500},
		{100, nil, 500},
		{103, nil, 500},
		{42, nil, 500},
		{1000, nil, 500},
		{404, http.Header{"Content-Length": {"1000"}}, 404},
		{404, http.Header{"Content-Length": {"1"}}, 404},
		{503, http.Header{"Transfer-Encoding": {"chunked"}}, 503},
	} {
		t.Run(fmt.Sprint(c.status, c.header), func(t *testing.T) {
			refusal := &spout.HandshakeError{Status: c.status, Header: c.header, Body: []byte("not here")}
			srv := &spout.Server{Options: spout.Options{Logger: silent}}
			p := serveMemory(t, &http.Server{Handler: srv.Handler(func(*http.Request) (spout.Handler, error) {
				return nil, fmt.Errorf("behind: %w", refusal)
			})}).dial(t)
			p.send([]byte(request("/")))
			resp := p.response()
			body, err := io.ReadAll(resp.Body)
			if resp.StatusCode != c.want || string(body) != "not here" || err != nil {
				t.Errorf("answered %s with %q and %v", resp.Status, body, err)
			}
			p.wantEnd()
		})
	}
}

// T17: what comes with a good handshake is frames (RFC 9931): it is answered after the 101, and
// is nothing else.
func TestT17BehindGoodHandshake(t *testing.T) {
	reached := new(atomic.Int64)
	mux := http.NewServeMux()
	mux.HandleFunc("/secret", func(w http.ResponseWriter, r *http.Request) { reached.Add(1) })
	mux.Handle("/", echoServer(spout.Options{}).Handler)
	for _, over := range []string{"memory", "TCP", "TLS"} {
		t.Run(over, func(t *testing.T) {
			var connect func() *peer
			switch over {
			case "memory":
				m := serveMemory(t, &http.Server{Handler: mux})
				connect = func() *peer { return m.dial(t) }
			case "TCP":
				addr := serveTCP(t, &http.Server{Handler: mux})
				connect = func() *peer { return dialTCP(t, addr) }
			case "TLS":
				connect = func() *peer { return dialTLS(t, mux) }
			}
			// More than net/http buffers, too.
			for _, size := range []int{0, 5, 4000, 5000, 100_000} {
				text := strings.Repeat("x", size)
				p := connect()
				frames := append(masked(fin|opText, text), masked(fin|opText, "second")...)
				whole := append([]byte(request("/")), frames...)
				go p.nc.Write(whole)
				p.wantUpgraded()
				p.want(fin|opText, text)
				p.want(fin|opText, "second")
				p.hello()
				p.nc.Close()
			}
			p := connect()
			p.send([]byte(request("/") + "GET /secret HTTP/1.1\r\nHost: spout.test\r\n\r\n"))
			p.wantUpgraded()
			p.wantClose(1002)
		})
	}
	if reached.Load() > 0 {
		t.Error("a smuggled request was carried out")
	}
}

// T18: a handshake with a body is refused; the body is neither frames nor a request, and is not
// waited for.
func TestT18Body(t *testing.T) {
	frame := string(masked(fin|opText, "hello"))
	refused, tried := 0, 0
	for _, c := range []struct {
		name, request string
	}{
		{"length", request("/", fmt.Sprintf("Content-Length: %d", len(frame))) + frame},
		{"length of a byte", request("/", "Content-Length: 1") + frame},
		{"length, no body", request("/", "Content-Length: 1000")},
		{"length, half a body", request("/", "Content-Length: 1000") + frame},
		{"chunks", request("/", "Transfer-Encoding: chunked") + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(frame), frame)},
		{"no chunk", request("/", "Transfer-Encoding: chunked") + "0\r\n\r\n"},
		{"chunks without an end", request("/", "Transfer-Encoding: chunked") + "ffff\r\n" + frame},
		{"both", request("/", "Content-Length: 5", "Transfer-Encoding: chunked") + "0\r\n\r\n"},
		{"two lengths", request("/", "Content-Length: 0", "Content-Length: 5") + frame},
		{"negative length", request("/", "Content-Length: -1") + frame},
		{"unknown encoding", request("/", "Transfer-Encoding: identity") + frame},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &recorder{}
				var srv spout.Server
				p := serveMemory(t, &http.Server{Handler: srv.Handler(func(*http.Request) (spout.Handler, error) { return h, nil })}).dial(t)
				start := time.Now()
				go p.nc.Write([]byte(c.request))
				resp := p.response()
				io.Copy(io.Discard, resp.Body)
				tried++
				if resp.StatusCode != 400 && resp.StatusCode != 501 || !resp.Close {
					t.Errorf("answered %s, close %v", resp.Status, resp.Close)
				} else {
					refused++
				}
				if rest, _ := io.ReadAll(p.in); len(rest) > 0 {
					t.Errorf("answered with more: %q", rest)
				}
				took := time.Since(start)
				t.Logf("%s, closed after %v", resp.Status, took)
				if took > 2*time.Second {
					t.Errorf("the body was waited for %v", took)
				}
				h.want(t) // no event
			})
		})
	}
	figureAll(t, refused, tried, "bodies refused, none of them read as frames or requests")
	// A body of no bytes is none.
	serveMemory(t, echoServer(spout.Options{})).dial(t).upgrade("/", "Content-Length: 0")
}

// injections would end a header line, if they came to the wire as they are.
var injections = []string{"a\r\nInjected: yes", "a\nInjected: yes", "a\rInjected: yes", "a\x00b", "\r\n\r\nbody"}

// T19: what a program configures can't end a header line.
func TestT19ServerHeaders(t *testing.T) {
	tried, injected := 0, 0
	for _, bad := range injections {
		for _, c := range []struct {
			name string
			set  func(h http.Header) // by middleware
			err  error               // of open
			sub  string              // chosen subprotocol
		}{
			{name: "value", set: func(h http.Header) { h.Set("X-App", bad) }},
			{name: "name", set: func(h http.Header) { h[bad] = []string{"x"} }},
			{name: "Set-Cookie", set: func(h http.Header) { h.Add("Set-Cookie", bad) }},
			{name: "of a refusal", err: &spout.HandshakeError{Status: 401, Header: http.Header{"X-App": {bad}}}},
			{name: "name of a refusal", err: &spout.HandshakeError{Status: 401, Header: http.Header{bad: {"x"}}}},
			{name: "reason of a refusal", err: &spout.HandshakeError{Status: 401, Reason: bad}},
			{name: "subprotocol", sub: bad},
		} {
			t.Run(fmt.Sprintf("%s %q", c.name, bad), func(t *testing.T) {
				srv := &spout.Server{Options: spout.Options{Logger: silent}}
				if c.sub != "" {
					srv.SelectSubprotocol = func(*http.Request, []string) string { return c.sub }
				}
				upgrade := srv.Handler(func(*http.Request) (spout.Handler, error) { return &recorder{}, c.err })
				p := serveMemory(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if c.set != nil {
						c.set(w.Header())
					}
					upgrade.ServeHTTP(w, r)
				})}).dial(t)
				p.send([]byte(request("/", "Sec-WebSocket-Protocol: a")))
				answer, err := io.ReadAll(p.in)
				if err != nil {
					t.Fatal(err)
				}
				head, _, _ := strings.Cut(string(answer), "\r\n\r\n")
				resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(string(answer))), nil)
				if err != nil {
					t.Fatalf("%v:\n%q", err, answer)
				}
				want := http.StatusInternalServerError
				if c.err != nil {
					want = 401
				}
				if resp.StatusCode != want {
					t.Errorf("answered %s, want %d", resp.Status, want)
				}
				tried++
				for name, values := range resp.Header {
					if strings.Contains(name, "Injected") {
						injected++
						t.Errorf("header %s: %q was injected", name, values)
					}
				}
				if rest := strings.ReplaceAll(head, "\r\n", ""); strings.ContainsAny(rest, "\r\n\x00") {
					t.Errorf("control characters in the head: %q", head)
				}
			})
		}
	}
	figure(t, injected == 0, "0", "%d headers injected by %d settings of a server", injected, tried)
}

// T19: nor can what a client is told to send.
func TestT19ClientHeaders(t *testing.T) {
	refused, tried := 0, 0
	for _, bad := range injections {
		for _, c := range []struct {
			name string
			d    spout.Dialer
			url  string
		}{
			{"value", spout.Dialer{Header: http.Header{"X-App": {bad}}}, "ws://spout.test/"},
			{"name", spout.Dialer{Header: http.Header{bad: {"x"}}}, "ws://spout.test/"},
			{"subprotocol", spout.Dialer{Options: spout.Options{Subprotocols: []string{bad}}}, "ws://spout.test/"},
			{"path", spout.Dialer{}, "ws://spout.test/" + bad},
			{"query", spout.Dialer{}, "ws://spout.test/?" + bad},
			{"host", spout.Dialer{}, "ws://" + bad + "/"},
		} {
			t.Run(fmt.Sprintf("%s %q", c.name, bad), func(t *testing.T) {
				m := newMemory()
				m.Close() // nobody is there, and nobody is needed
				c.d.Client = &http.Client{Transport: &http.Transport{DialContext: m.DialContext}}
				tried++
				conn, err := c.d.Dial(t.Context(), c.url)
				if err == nil {
					conn.CloseNow()
					t.Fatal("dialled")
				}
				t.Log(err)
				refused++
			})
		}
	}
	figureAll(t, refused, tried, "settings of a client refused")
	for _, bad := range injections {
		srv := &spout.Server{Options: spout.Options{Subprotocols: []string{bad}, Logger: silent}}
		p := serveMemory(t, &http.Server{Handler: srv.HandlerFunc(nil)}).dial(t)
		p.send([]byte(request("/")))
		if resp := p.response(); resp.StatusCode != http.StatusInternalServerError {
			t.Errorf("a server with the subprotocol %q answered %s", bad, resp.Status)
		}
	}
}
