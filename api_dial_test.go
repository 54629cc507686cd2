package spout_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/spouttest"
)

// The request that a client sends, line by line.
func TestDialRequestOnTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := make(map[string]bool)
		for range 2 {
			d := &spout.Dialer{Options: spout.Options{Subprotocols: []string{"b", "a"}}, Header: http.Header{"x-mine": {"1"}}}
			p, dialled := dialPeer(t, d, "ws://user:secret@spout.test:8080/chat%2Froom?x=1&y=%20")
			var raw bytes.Buffer
			p.in.Reset(io.TeeReader(p.nc, &raw))
			r := p.accept("Sec-WebSocket-Protocol: a")
			c, err := dialled()
			if err != nil {
				t.Fatal(err)
			}
			key := r.Header.Get("Sec-WebSocket-Key")
			if b, err := base64.StdEncoding.DecodeString(key); err != nil || len(b) != 16 || keys[key] {
				t.Errorf("key %q", key)
			}
			keys[key] = true
			lines := strings.Split(strings.TrimSuffix(raw.String(), "\r\n\r\n"), "\r\n")
			if lines[0] != "GET /chat%2Froom?x=1&y=%20 HTTP/1.1" {
				t.Errorf("request line %q", lines[0])
			}
			lines = lines[1:]
			slices.Sort(lines)
			want := []string{"Accept-Encoding: gzip", "Authorization: Basic dXNlcjpzZWNyZXQ=", "Connection: Upgrade", "Host: spout.test:8080",
				"Sec-WebSocket-Key: " + key, "Sec-WebSocket-Protocol: b, a", "Sec-WebSocket-Version: 13", "Upgrade: websocket",
				"User-Agent: Go-http-client/1.1", "X-Mine: 1"}
			if !slices.Equal(lines, want) {
				t.Errorf("request:\n%s\nwant:\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
			}
			if c.Subprotocol() != "a" {
				t.Errorf("subprotocol %q", c.Subprotocol())
			}
			c.CloseNow()
		}
	})
}

// seen is a server that notes the requests and echoes.
func seen(requests *[]*http.Request) http.Handler {
	echo := echoServer(spout.Options{}).Handler
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*requests = append(*requests, r)
		http.SetCookie(w, &http.Cookie{Name: "visits", Value: r.URL.Path[1:]})
		echo.ServeHTTP(w, r)
	})
}

// echoes sends a message and reads the echo, and closes.
func echoes(t *testing.T, c *spout.Conn, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Write(t.Context(), spout.Text("hello")); err != nil {
		t.Fatal(err)
	}
	wantMessage(t, c, spout.TextMessage, "hello")
	c.Close(spout.CloseNormal, "")
	if end := await(c); end.Code != spout.CloseNormal || end.Err != nil {
		t.Errorf("ended with %v", end)
	}
}

// DialRequest takes the URL, the Host, the context and the Header of a request, which goes before
// the Dialer's.
func TestDialRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests []*http.Request
		d := spouttest.Dialer(t, seen(&requests))
		d.Header = http.Header{"X-A": {"dialer"}, "x-b": {"dialer"}}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, spouttest.URL("/room"), strings.NewReader("a body"))
		if err != nil {
			t.Fatal(err)
		}
		r.Host, r.Header = "virtual.test", http.Header{"X-B": {"request", "twice"}}
		c, err := d.DialRequest(r)
		echoes(t, c, err)
		got := requests[0]
		if got.Host != "virtual.test" || got.URL.Path != "/room" || got.Method != http.MethodGet || got.ContentLength != 0 {
			t.Errorf("request %s %s of %s", got.Method, got.URL, got.Host)
		}
		if got.Header.Get("X-A") != "dialer" || !slices.Equal(got.Header["X-B"], []string{"request", "twice"}) {
			t.Errorf("header %v", got.Header)
		}
		if len(d.Header) != 2 || len(r.Header) != 1 {
			t.Errorf("the headers were changed: %v, %v", d.Header, r.Header)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errTest)
		if _, err := d.DialRequest(r.WithContext(ctx)); !errors.Is(err, context.Canceled) && !errors.Is(err, errTest) {
			t.Errorf("with a context that has ended: %v", err)
		}
		if len(requests) != 1 {
			t.Errorf("%d requests", len(requests))
		}
	})
}

// Cookies are the Client's: its jar gets those of a handshake, accepted or not, and sends them.
func TestDialWithCookies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests []*http.Request
		d := spouttest.Dialer(t, seen(&requests))
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		d.Client.Jar = jar
		d.Header = http.Header{"Cookie": {"own=1"}}
		for _, path := range []string{"/a", "/b"} {
			c, err := d.Dial(t.Context(), spouttest.URL(path))
			echoes(t, c, err)
		}
		if got := requests[1].Header.Get("Cookie"); got != "own=1; visits=a" {
			t.Errorf("the second request had %q", got)
		}
		u, _ := url.Parse("http://spout.test/")
		if got := jar.Cookies(u); len(got) != 1 || got[0].Value != "b" {
			t.Errorf("the jar has %v", got)
		}
	})
}

// Over TCP, over TLS with the Client's configuration, and over a unix socket with its dialer; http and
// https stand for ws and wss.
func TestDialOverSockets(t *testing.T) {
	var requests []*http.Request
	handler := seen(&requests)
	t.Run("TCP", func(t *testing.T) {
		addr := serveTCP(t, &http.Server{Handler: handler})
		for _, scheme := range []string{"ws://", "http://", "WS://"} {
			c, err := spout.Dial(t.Context(), scheme+addr+"/tcp")
			if err != nil {
				t.Fatal(err)
			}
			if c.RemoteAddr().String() != addr {
				t.Errorf("its address is %v", c.RemoteAddr())
			}
			if err := errors.Join(c.SetNoDelay(false), c.SetNoDelay(true)); err != nil {
				t.Error(err)
			}
			echoes(t, c, err)
		}
	})
	t.Run("TLS", func(t *testing.T) {
		s := httptest.NewUnstartedServer(handler)
		s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0) // one client does not trust it
		s.StartTLS()
		defer s.Close()
		d := spout.Dialer{Client: s.Client()}
		for _, scheme := range []string{"wss://", "https://"} {
			c, err := d.Dial(t.Context(), scheme+s.Listener.Addr().String()+"/tls")
			if err == nil {
				err = c.SetNoDelay(true)
			}
			echoes(t, c, err)
			if r := requests[len(requests)-1]; r.TLS == nil || r.ProtoMajor != 1 {
				t.Errorf("the request came over %s, TLS %v", r.Proto, r.TLS)
			}
		}
		if _, err := spout.Dial(t.Context(), "wss://"+s.Listener.Addr().String()); err == nil || !strings.Contains(err.Error(), "x509") {
			t.Errorf("without its certificate: %v", err)
		}
	})
	t.Run("unix", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s")
		ln, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		serveOn(t, &http.Server{Handler: handler}, ln)
		d := spout.Dialer{Client: &http.Client{Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", path)
			},
		}}}
		c, err := d.Dial(t.Context(), "ws://whatever/unix")
		if err == nil {
			if err := c.SetNoDelay(true); !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("SetNoDelay: %v", err)
			}
		}
		echoes(t, c, err)
		if got := requests[len(requests)-1].Host; got != "whatever" {
			t.Errorf("Host %q", got)
		}
	})
	if len(requests) != 6 {
		t.Errorf("%d requests", len(requests))
	}
}
