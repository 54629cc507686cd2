package spout_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// reckless is a handler any event of which may panic.
type reckless struct {
	spout.Base
	t       *testing.T
	odds    int // one of so many events panics
	panics  *atomic.Int64
	running atomic.Int32
	open    bool
	closed  int
	next    int
	struck  bool // an event has panicked: none but OnClose may follow
	over    chan struct{}
}

func (h *reckless) event(name string) (end func()) {
	if n := h.running.Add(1); n != 1 {
		h.t.Errorf("%s: %d events at once", name, n)
	}
	if h.closed > 0 || h.open != (name != "OnOpen") {
		h.t.Errorf("%s comes out of turn", name)
	}
	if h.struck && name == "OnMessage" {
		h.t.Error("OnMessage after a panic")
	}
	return func() {
		h.running.Add(-1)
		if rand.IntN(h.odds) == 0 {
			h.struck = true
			h.panics.Add(1)
			panic("in " + name)
		}
	}
}

func (h *reckless) OnOpen(*spout.Conn) error {
	defer h.event("OnOpen")()
	h.open = true
	return nil
}

func (h *reckless) OnMessage(c *spout.Conn, m spout.Message) error {
	defer h.event("OnMessage")()
	if m.String() != strconv.Itoa(h.next) {
		h.t.Errorf("message %d is %q", h.next, m)
	}
	h.next++
	return c.Send(m)
}

func (h *reckless) OnPing(*spout.Conn, []byte) { defer h.event("OnPing")() }
func (h *reckless) OnPong(*spout.Conn, []byte) { defer h.event("OnPong")() }

func (h *reckless) OnClose(*spout.Conn, error) {
	defer close(h.over)
	defer h.event("OnClose")()
	defer func() { h.closed++ }()
}

// patient are options with which no deadline comes only because the machine is busy.
var patient = spout.Options{WriteTimeout: time.Minute, CloseTimeout: time.Minute, Logger: silent}

// Handlers panic at random, in any event: each connection still has one OnClose, last, no message after the
// panic, and its client is told by 1011; the log has each panic; connections whose handlers don't panic
// notice nothing.
func TestStressPanics(t *testing.T) {
	const clients, lives, messages, odds = 20, 50, 20, 40
	l := &logged{}
	o := patient
	o.Logger = l.logger()
	srv := &spout.Server{Options: o}
	d := spout.Dialer{Options: patient, Client: &http.Client{Timeout: time.Minute}}
	var panics, told, survived, handled atomic.Int64
	var mu sync.Mutex
	var handlers []*reckless
	mux := http.NewServeMux()
	mux.Handle("/calm", echoServer(patient).Handler)
	mux.Handle("/reckless", srv.Handler(func(*http.Request) (spout.Handler, error) {
		h := &reckless{t: t, odds: odds, panics: &panics, over: make(chan struct{})}
		mu.Lock()
		defer mu.Unlock()
		handlers = append(handlers, h)
		return h, nil
	}))
	addr := serveTCP(t, &http.Server{Handler: mux})
	calm, err := d.Dial(t.Context(), "ws://"+addr+"/calm")
	if err != nil {
		t.Fatal(err)
	}
	// life is one connection to a reckless handler.
	life := func() {
		c, err := d.Dial(context.Background(), "ws://"+addr+"/reckless")
		if err != nil {
			t.Error(err)
			return
		}
		for n := range messages {
			c.Ping([]byte("ping"))
			text := strconv.Itoa(n)
			if err := c.Write(context.Background(), spout.Text(text)); err != nil {
				break
			}
			m, err := c.Read(context.Background())
			if err != nil {
				break
			}
			if m.String() != text {
				t.Errorf("the answer to %s is %q", text, m)
			}
			handled.Add(1)
		}
		c.Close(spout.CloseNormal, "")
		switch end := await(c); {
		case end.Code == spout.CloseInternal && end.Remote:
			told.Add(1)
		case end.Code == spout.CloseNormal && end.Err == nil:
			survived.Add(1)
		default:
			t.Errorf("ended with %v", end)
		}
	}
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for range lives {
				life()
			}
		})
	}
	for n := range clients * lives {
		text := strconv.Itoa(n)
		if err := calm.Write(t.Context(), spout.Text(text)); err != nil {
			t.Fatal(err)
		}
		wantMessage(t, calm, spout.TextMessage, text)
	}
	all.Wait()
	calm.Close(spout.CloseNormal, "")
	for _, h := range handlers {
		<-h.over
		if h.closed != 1 {
			t.Errorf("%d OnClose", h.closed)
		}
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	logs := strings.Count(l.String(), "spout: handler panicked")
	t.Logf("%d connections, %d messages answered, %d panics, %d logged; %d clients were told 1011, %d closed themselves before one, or nothing panicked but OnClose",
		len(handlers), handled.Load(), panics.Load(), logs, told.Load(), survived.Load())
	if int64(logs) != panics.Load() {
		t.Errorf("%d panics, %d of them logged", panics.Load(), logs)
	}
	if len(handlers) != clients*lives || told.Load() == 0 || survived.Load() == 0 {
		t.Errorf("%d connections; %d were told 1011, %d were not", len(handlers), told.Load(), survived.Load())
	}
}
