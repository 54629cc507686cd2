package spout_test

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/spoutws/spout"
)

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
