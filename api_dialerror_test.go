package spout_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/spouttest"
)

// A refusal carries what the server said: status, header, and up to 4 KiB of the body.
func TestHandshakeErrorOfDial(t *testing.T) {
	for _, size := range []int{0, 100, 4 << 10, 5 << 10, 1 << 20} {
		synctest.Test(t, func(t *testing.T) {
			d := spouttest.Dialer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", "120")
				w.WriteHeader(http.StatusTooManyRequests)
				io.WriteString(w, strings.Repeat("x", size))
			}))
			c, err := d.Dial(t.Context(), spouttest.URL("/"))
			e, ok := errors.AsType[*spout.HandshakeError](err)
			if !ok || c != nil {
				t.Fatalf("got %v, %v", c, err)
			}
			if e.Status != 429 || e.Header.Get("Retry-After") != "120" || len(e.Body) != min(size, 4<<10) || strings.Trim(string(e.Body), "x") != "" {
				t.Errorf("status %d, header %v, %d bytes of body", e.Status, e.Header, len(e.Body))
			}
			if !strings.Contains(e.Error(), "429") || e.Reason == "" {
				t.Errorf("its text is %q", e)
			}
		})
	}
}

// URLs and headers that can't be used are refused before anything is sent.
func TestMisuseOfDial(t *testing.T) {
	d := spout.Dialer{Client: &http.Client{Transport: refusing{}}}
	for rawURL, what := range map[string]string{
		"ftp://spout.test/":      "scheme",
		"//spout.test/":          "scheme",
		"spout.test:80":          "scheme",
		"localhost":              "scheme",
		"":                       "scheme",
		"ws:///path":             "host",
		"ws:opaque":              "host",
		"ws://spout.test/#there": "fragment",
	} {
		_, err := d.Dial(t.Context(), rawURL)
		if rawURL == "spout.test:80" && err != nil && strings.Contains(err.Error(), "first path segment") {
			continue // package url has its own word for it
		}
		wantUsage(t, err, what)
	}
	for _, rawURL := range []string{"ws://spout.test:port/", "ws://[::1", "ws://spout.test/%zz", "ws://a b/"} {
		if _, err := d.Dial(t.Context(), rawURL); err == nil || strings.Contains(err.Error(), "a request was made") {
			t.Errorf("%q: %v", rawURL, err)
		}
	}
	for name, what := range map[string]string{"Upgrade": "Upgrade", "connection": "Connection", "Sec-WebSocket-Key": "Key",
		"sec-websocket-version": "Version", "Sec-WebSocket-Extensions": "Extensions", "Sec-WebSocket-Protocol": "Options.Subprotocols"} {
		d.Header = http.Header{name: {"x"}}
		_, err := d.Dial(t.Context(), "ws://spout.test/")
		wantUsage(t, err, what)
	}
	d.Header = nil
	if _, err := d.Dial(t.Context(), "ws://user:secret@spout.test/"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("the error shows the password: %v", err)
	}
}

// The context bounds the dialling, and only that; so does the Client's timeout. The Client itself stays
// as it is.
func TestBoundsOfDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := spouttest.Dialer(t, echoServer(spout.Options{PingInterval: -1}).Handler)
		d.Client.Timeout = time.Second
		d.PingInterval = -1
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		c, err := d.Dial(ctx, spouttest.URL("/"))
		cancel()
		time.Sleep(time.Hour)
		echoes(t, c, err)
		if d.Client.Timeout != time.Second || d.Client.CheckRedirect != nil {
			t.Error("the Client was changed")
		}
	})
	never := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	for name, bound := range map[string]struct {
		client, ctx, want time.Duration
	}{
		"context":           {0, 3 * time.Second, 3 * time.Second},
		"Client":            {4 * time.Second, 0, 4 * time.Second},
		"both":              {4 * time.Second, 3 * time.Second, 3 * time.Second},
		"neither":           {0, 0, 10 * time.Second},
		"long context":      {0, time.Minute, time.Minute},
		"long Client":       {time.Minute, 0, time.Minute},
		"Client is shorter": {2 * time.Second, 3 * time.Second, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := spouttest.Dialer(t, never)
				d.Client.Timeout = bound.client
				ctx := context.Background()
				if bound.ctx > 0 {
					var cancel func()
					ctx, cancel = context.WithTimeout(ctx, bound.ctx)
					defer cancel()
				}
				watch := startWatch(t)
				_, err := d.Dial(ctx, spouttest.URL("/"))
				watch.want(bound.want)
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

// A server that is not there: the error says to whom.
func TestDialNobody(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	_, err = spout.Dial(t.Context(), "ws://"+ln.Addr().String()+"/x")
	if _, ok := errors.AsType[*net.OpError](err); !ok || !strings.Contains(err.Error(), "ws://"+ln.Addr().String()+"/x") {
		t.Errorf("got %v", err)
	}
}
