package brokertest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spoutws/spout/hub"
)

// How long a broker may take for what it must do.
var patience = 10 * time.Second

// A recorder is a subscription. What is wrong with its deliveries whatever the test, it tells when the
// test ends.
type recorder struct {
	t         testing.TB
	room      string
	cancel    func()
	onDeliver func() // before the delivery is recorded

	under atomic.Int32

	mu    sync.Mutex
	top   *hub.Position // of the Log that it is a subscription of
	got   []hub.Delivery
	texts []string // Data when it came
	wrong []string
	more  chan struct{} // closed with the next delivery
}

// subscribe adds a subscription, until the test ends or cancel is called.
func subscribe(t testing.TB, b hub.Broker, room string) *recorder {
	t.Helper()
	r := &recorder{t: t, room: room, more: make(chan struct{})}
	r.start(b)
	return r
}

func (r *recorder) start(b hub.Broker) {
	r.t.Helper()
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done() // a subscription outlives the context of Subscribe
	cancel, err := b.Subscribe(ctx, r.room, r)
	if err != nil {
		r.t.Fatalf("Subscribe(%q): %v", r.room, err)
	}
	r.cancel = sync.OnceFunc(cancel)
	r.t.Cleanup(func() {
		r.cancel()
		r.report()
	})
}

func (r *recorder) Deliver(d hub.Delivery) {
	if r.under.Add(1) > 1 {
		r.note("Deliver was called while a call was under way")
	}
	defer r.under.Add(-1)
	if r.onDeliver != nil {
		r.onDeliver()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, d)
	r.texts = append(r.texts, string(d.Data))
	close(r.more)
	r.more = make(chan struct{})
}

func (r *recorder) Lost(reason error) { r.note("Lost: %v", reason) }

func (r *recorder) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wrong = append(r.wrong, fmt.Sprintf(format, args...))
}

// report tells what may never be.
func (r *recorder) report() {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.wrong {
		r.t.Errorf("subscription of %q: %s", r.room, w)
	}
	for i, d := range r.got {
		if string(d.Data) != r.texts[i] {
			r.t.Errorf("subscription of %q: the data of delivery %d changed after Deliver", r.room, i)
		}
		if r.top == nil && (!d.Position.IsZero() || d.Previous != 0) {
			r.t.Errorf("subscription of %q: a room without history gave the position %v after %d", r.room, d.Position, d.Previous)
		}
	}
	if r.top != nil {
		checkChain(r.t, fmt.Sprintf("subscription of %q", r.room), *r.top, r.got)
	}
}

// checkChain wants deliveries to follow one another, the first one after p.
func checkChain(t testing.TB, who string, p hub.Position, deliveries []hub.Delivery) {
	t.Helper()
	for i, d := range deliveries {
		if d.Position.Epoch != p.Epoch || d.Position.Offset <= p.Offset || d.Previous != p.Offset {
			t.Errorf("%s: delivery %d has the position %v with %d as the one before it; it follows %v", who, i, d.Position, d.Previous, p)
			return
		}
		p = d.Position
	}
}

// until waits for the texts to be as is says, and returns them.
func (r *recorder) until(what string, is func(texts []string) bool) []string {
	r.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		r.mu.Lock()
		texts, more := slices.Clip(r.texts), r.more
		r.mu.Unlock()
		if is(texts) {
			return texts
		}
		select {
		case <-more:
		case <-deadline.C:
			r.t.Fatalf("subscription of %q: %d deliveries after %v, want %s:\n%.1000q", r.room, len(texts), patience, what, texts)
		}
	}
}

func (r *recorder) wait(n int) []string {
	r.t.Helper()
	return r.until(fmt.Sprintf("%d", n), func(texts []string) bool { return len(texts) >= n })
}

// want waits for these messages, and wants no others to have come.
func (r *recorder) want(texts ...string) {
	r.t.Helper()
	if got := r.wait(len(texts)); !slices.Equal(got, texts) {
		r.t.Fatalf("subscription of %q received %.1000q, want %.1000q", r.room, got, texts)
	}
}

func (r *recorder) deliveries() []hub.Delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// publish publishes and spoils its memory at once: a broker keeps no reference to it. It is fit for
// other goroutines than the test's own.
func publish(t testing.TB, b hub.Broker, room, text string) {
	t.Helper()
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done()
	data := []byte(text)
	if err := b.Publish(ctx, room, data); err != nil {
		t.Errorf("Publish(%q, %.40q): %v", room, text, err)
	}
	copy(data, bytes.Repeat([]byte{'!'}, len(data)))
}

// eventually waits until is says "".
func eventually(t testing.TB, is func() string) {
	t.Helper()
	for begun := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		not := is()
		if not == "" {
			return
		}
		if time.Since(begun) > patience {
			t.Fatalf("after %v: %s", patience, not)
		}
	}
}
