package hub_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
	"github.com/spoutws/spout/spouttest"
)

// node is a server with a Hub, where clients join as the URL says: /ROOM?position=...&recent=...
type node struct {
	*hub.Hub
	spout.Server
	results chan hub.JoinResult
}

func newNode(h *hub.Hub) *node {
	return &node{Hub: h, results: make(chan hub.JoinResult, 100)}
}

// visitor is a connection to a node: what it sends is published.
type visitor struct {
	spout.Base
	node    *node
	room    string
	options hub.JoinOptions
}

func (v *visitor) OnOpen(c *spout.Conn) error {
	result, err := v.node.JoinWith(v.room, c, v.options)
	if err == nil {
		v.node.results <- result
	}
	return err
}

func (v *visitor) OnMessage(c *spout.Conn, m spout.Message) error {
	return v.node.Publish(c.Context(), v.room, m)
}

// handler has visitors join with o, but for what their URL says.
func (n *node) handler(o hub.JoinOptions) http.Handler {
	return n.Handler(func(r *http.Request) (spout.Handler, error) {
		wanted, err := hub.FromRequest(r)
		if err != nil {
			return nil, err
		}
		own := o
		own.Envelope = own.Envelope || wanted.Envelope
		if !wanted.Since.IsZero() {
			own.Since = wanted.Since
		}
		return &visitor{node: n, room: strings.TrimPrefix(r.URL.Path, "/"), options: own}, nil
	})
}

// join connects a client that is in a room, and returns how it has joined.
func (n *node) join(t *testing.T, path string, o hub.JoinOptions) (*spout.Conn, hub.JoinResult) {
	t.Helper()
	c := spouttest.Dial(t, n.handler(o), path)
	if o.Envelope || strings.Contains(path, "?") {
		return c, hub.JoinResult{} // which has to be read first
	}
	return c, <-n.results
}

// publish publishes a text, or ends the test.
func publish(t *testing.T, h *hub.Hub, room, text string) {
	t.Helper()
	if err := h.Publish(t.Context(), room, spout.Text(text)); err != nil {
		t.Fatal(err)
	}
}

// hears ends the test unless the next messages are these.
func hears(t *testing.T, c *spout.Conn, texts ...string) {
	t.Helper()
	for _, text := range texts {
		m, err := c.Read(context.Background())
		if err != nil || m.String() != text {
			t.Fatalf("heard %q, %v; want %q", m, err, text)
		}
	}
}

// told returns the next envelope.
func told(t *testing.T, c *spout.Conn) hub.Envelope {
	t.Helper()
	m, err := c.Read(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var e hub.Envelope
	if err := m.Decode(&e); err != nil || m.Type != spout.TextMessage {
		t.Fatalf("%q is no envelope: %v", m, err)
	}
	return e
}

// hearsNothing ends the test if a message comes.
func hearsNothing(t *testing.T, c *spout.Conn) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		synctest.Wait()
		cancel()
	}()
	if m, err := c.Read(ctx); err == nil {
		t.Fatalf("heard %q, want nothing", m)
	}
}

// present returns how many connections a room has.
func present(h *hub.Hub, room string) (n int) {
	for range h.Members(room) {
		n++
	}
	return n
}
