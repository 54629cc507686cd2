package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"

	"github.com/spoutws/spout/e2e/peers"
)

// settings are how another library's end is to negotiate permessage-deflate, by the names of the
// parameters, and how it echoes.
type settings struct {
	ServerNoTakeover bool `json:"server_no_context_takeover,omitempty"`
	ClientNoTakeover bool `json:"client_no_context_takeover,omitempty"`
	ServerBits       int  `json:"server_max_window_bits,omitempty"`
	ClientBits       any  `json:"client_max_window_bits,omitempty"` // a number, or true: offered without one
	Fragments        bool `json:"fragments,omitempty"`              // echoes come in several frames
}

// limited reports whether a window is.
func (s settings) limited() bool {
	_, number := s.ClientBits.(int)
	return number || s.ServerBits > 0
}

func (s settings) String() string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// deflater is another library that compresses, and echoes what it receives.
type deflater interface {
	// listen starts a server.
	listen(t *testing.T, s settings) (url string)
	// dial connects a client, one at a time.
	dial(t *testing.T, url string, s settings)
	// ended waits until the connection is closed, and returns the code, 0 if it is not told.
	ended(t *testing.T) int
}

// deflateProcess is a library that runs in a process of its own.
type deflateProcess struct{ *child }

func startDeflater(t *testing.T, p peers.Peer, script string) deflater {
	t.Helper()
	return deflateProcess{start(t, peers.Script(t, p, filepath.Join("testdata", script)))}
}

func (d deflateProcess) do(t *testing.T, what, url string, s settings) {
	t.Helper()
	line, err := json.Marshal(struct {
		Do       string   `json:"do"`
		URL      string   `json:"url"`
		Settings settings `json:"settings"`
	}{what, url, s})
	if err == nil {
		_, err = d.stdin.Write(append(line, '\n'))
	}
	if err != nil {
		t.Fatalf("telling the other end to %s: %v", what, err)
	}
}

func (d deflateProcess) next(t *testing.T, name string) (got event) {
	t.Helper()
	line := d.line(t)
	if err := json.Unmarshal([]byte(line), &got); err != nil || got.Event != name {
		t.Fatalf("%q, want an event %q", line, name)
	}
	return got
}

func (d deflateProcess) listen(t *testing.T, s settings) string {
	t.Helper()
	d.do(t, "listen", "", s)
	return fmt.Sprintf("ws://127.0.0.1:%d", d.next(t, "listening").Port)
}

func (d deflateProcess) dial(t *testing.T, url string, s settings) {
	t.Helper()
	d.do(t, "dial", url, s)
}

func (d deflateProcess) ended(t *testing.T) int {
	t.Helper()
	return d.next(t, "close").Code
}

// deflateGo is a library of Go, in this process. Its functions return the close code.
type deflateGo struct {
	serve  func(w http.ResponseWriter, r *http.Request, s settings) int
	client func(ctx context.Context, url string, s settings) int
	codes  chan int
}

func (d deflateGo) listen(t *testing.T, s settings) string {
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.codes <- d.serve(w, r, s)
	}))
	t.Cleanup(ts.Close)
	return "ws" + strings.TrimPrefix(ts.URL, "http")
}

func (d deflateGo) dial(t *testing.T, url string, s settings) {
	var running sync.WaitGroup
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	running.Go(func() {
		defer cancel()
		d.codes <- d.client(ctx, url, s)
	})
	t.Cleanup(running.Wait)
}

func (d deflateGo) ended(*testing.T) int { return <-d.codes }

func gorillaDeflater() deflater {
	echo := func(c *gorilla.Conn) int {
		defer c.Close()
		for {
			typ, data, err := c.ReadMessage()
			if err == nil {
				err = c.WriteMessage(typ, data)
			}
			if err != nil {
				if e, ok := err.(*gorilla.CloseError); ok {
					return e.Code
				}
				return -1
			}
		}
	}
	return deflateGo{
		func(w http.ResponseWriter, r *http.Request, _ settings) int {
			up := gorilla.Upgrader{EnableCompression: true}
			c, err := up.Upgrade(w, r, nil)
			if err != nil {
				return -1
			}
			return echo(c)
		},
		func(ctx context.Context, url string, _ settings) int {
			d := gorilla.Dialer{EnableCompression: true}
			c, _, err := d.DialContext(ctx, url, nil)
			if err != nil {
				return -1
			}
			return echo(c)
		},
		make(chan int, 1),
	}
}

func coderDeflater() deflater {
	mode := func(s settings) coder.CompressionMode {
		if s.ServerNoTakeover || s.ClientNoTakeover {
			return coder.CompressionNoContextTakeover
		}
		return coder.CompressionContextTakeover
	}
	echo := func(ctx context.Context, c *coder.Conn) int {
		defer c.CloseNow()
		c.SetReadLimit(-1)
		for {
			typ, data, err := c.Read(ctx)
			if err == nil {
				err = c.Write(ctx, typ, data)
			}
			if err != nil {
				return int(coder.CloseStatus(err))
			}
		}
	}
	return deflateGo{
		func(w http.ResponseWriter, r *http.Request, s settings) int {
			c, err := coder.Accept(w, r, &coder.AcceptOptions{CompressionMode: mode(s), CompressionThreshold: 1})
			if err != nil {
				return -1
			}
			return echo(context.Background(), c)
		},
		func(ctx context.Context, url string, s settings) int {
			c, _, err := coder.Dial(ctx, url, &coder.DialOptions{CompressionMode: mode(s), CompressionThreshold: 1})
			if err != nil {
				return -1
			}
			return echo(ctx, c)
		},
		make(chan int, 1),
	}
}
