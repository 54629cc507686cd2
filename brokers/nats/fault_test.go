package natsbroker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spoutws/spout/brokers/nats/natstest"
	"github.com/spoutws/spout/hub"
)

// While the server is away publishing is an error; when it is back, it is told that something may be missing.
func TestRestart(t *testing.T) {
	s := natstest.Start(t)
	o := Options{URL: s.URL, Prefix: prefix()}
	a, b := open(t, o), open(t, o)
	l, idle := listen(t, b, "room"), listen(t, b, "idle")
	if err := publish(a, "room", "before"); err != nil {
		t.Fatal(err)
	}
	l.await("the first message", has("before"))

	s.Stop()
	await(t, "an error", func() error {
		if err := publish(a, "room", "meanwhile"); err == nil {
			return errors.New("published without a server")
		}
		return nil
	})
	if err := publish(a, "room", "meanwhile"); err == nil || errors.Is(err, hub.ErrUncertain) {
		t.Errorf("publishing without a connection: %v, want an error that is certain", err)
	}
	s.Restart()
	t.Logf("published again after %v", keepPublishing(t, a, "room", "after"))
	// Both are back, and who has not been is told so.
	await(t, "the second message", func() error {
		if err := publish(a, "room", "again"); err != nil {
			return err
		}
		if got := l.all(); !has("again")(got) {
			return fmt.Errorf("got %q", got)
		}
		return nil
	})
	idle.await("the news of a gap in an idle room", has("lost"))
	got := l.await("the news of a gap", has("lost"))
	if got[0] != "before" || got[1] != "lost" {
		t.Errorf("got %q: a gap must be told before what follows it", got)
	}
}

// What JetStream acknowledged is there when the server is back; what is appended meanwhile waits for it, and
// comes once.
func TestRestartWithHistory(t *testing.T) {
	s := natstest.Start(t)
	o := Options{URL: s.URL, Prefix: prefix()}
	a, b := openLog(t, open(t, o), hub.History{}), openLog(t, open(t, o), hub.History{})
	f := follow(t, b, "room")
	var texts []string
	for i := range 20 {
		text := fmt.Sprint(i)
		texts = append(texts, text)
		done := make(chan error, 1)
		go func() { done <- appendTo(a, "room", text) }()
		if i%7 == 3 {
			s.Stop()
			s.Restart()
		}
		if err := <-done; err != nil {
			t.Fatalf("appending %s: %v", text, err)
		}
	}
	f.wantAll(texts)
	r := readSince(t, b, "room", hub.Position{})
	if len(r.Missed) != len(texts) {
		t.Errorf("%d messages are kept, want %d", len(r.Missed), len(texts))
	}
}

// A server that comes back without what it had acknowledged begins a new epoch.
func TestLostTail(t *testing.T) {
	s := natstest.Start(t)
	o := Options{URL: s.URL, Prefix: prefix()}
	a, b := openLog(t, open(t, o), hub.History{}), openLog(t, open(t, o), hub.History{})
	fill := func(from, to int) {
		t.Helper()
		for i := from; i < to; i++ {
			if err := appendTo(a, "room", fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill(0, 5)
	s.Stop()
	saved := t.TempDir()
	if err := os.CopyFS(saved, os.DirFS(s.Dir())); err != nil {
		t.Fatal(err)
	}
	s.Restart()
	f := follow(t, b, "room")
	fill(5, 10)
	f.wantAll([]string{"5", "6", "7", "8", "9"})
	top := readSince(t, b, "room", hub.Position{}).Top

	s.Stop()
	if err := os.RemoveAll(s.Dir()); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(s.Dir(), os.DirFS(saved)); err != nil {
		t.Fatal(err)
	}
	s.Restart()
	took := await(t, "the gap", func() error {
		if _, gaps := f.state(); gaps == 0 {
			return errors.New("none was told")
		}
		return nil
	})
	t.Logf("told after %v", took)
	fill(10, 20) // more than was lost: the offsets are the same again
	r := readSince(t, b, "room", top)
	if r.Complete || r.Top.Epoch == top.Epoch {
		t.Errorf("Since(%v) gave %d messages, complete: %t, top %v", top, len(r.Missed), r.Complete, r.Top)
	}
	if kept := readSince(t, b, "room", hub.Position{}); len(kept.Missed) != 15 {
		t.Errorf("%d messages are kept, want 5 and 10", len(kept.Missed))
	}
}

// So does one that comes back with nothing.
func TestLostStream(t *testing.T) {
	s := natstest.Start(t)
	o := Options{URL: s.URL, Prefix: prefix()}
	a := openLog(t, open(t, o), hub.History{})
	f := follow(t, a, "room")
	if err := appendTo(a, "room", "gone"); err != nil {
		t.Fatal(err)
	}
	f.wantAll([]string{"gone"})
	before := readSince(t, a, "room", hub.Position{}).Top
	s.Stop()
	if err := os.RemoveAll(s.Dir()); err != nil {
		t.Fatal(err)
	}
	s.Restart()
	if err := appendTo(a, "room", "new"); err != nil {
		t.Fatal(err)
	}
	if r := readSince(t, a, "room", before); r.Complete || r.Top.Epoch == before.Epoch {
		t.Errorf("Since(%v): %+v", before, r)
	}
	await(t, "the gap", func() error {
		if _, gaps := f.state(); gaps == 0 {
			return errors.New("none was told")
		}
		return nil
	})
}

// health returns what ServeHTTP answers.
func health(b *Broker) (status int, healthy bool, reason string) {
	w := httptest.NewRecorder()
	b.ServeHTTP(w, httptest.NewRequest("GET", "/health", nil))
	var answer struct {
		Healthy bool
		Reason  string
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		return 0, false, err.Error()
	}
	return w.Code, answer.Healthy, answer.Reason
}

func awaitHealth(t *testing.T, b *Broker, want bool) {
	t.Helper()
	var reason string
	took := await(t, "health", func() error {
		status, healthy, why := health(b)
		reason = why
		if healthy != want || (status == 200) != want || (status == 503) == want || (why == "") != want {
			return fmt.Errorf("status %d, healthy %t, reason %q", status, healthy, why)
		}
		return nil
	})
	t.Logf("healthy: %t after %v %s", want, took, reason)
}

// A network that swallows all is noticed, and when it is whole again every room is told.
func TestPartition(t *testing.T) {
	s := natstest.Start(t)
	p := newProxy(t, s.URL)
	o := Options{Prefix: prefix()}
	o.URL = s.URL
	a := open(t, o)
	o.URL = p.url
	b := open(t, o)
	logA, logB := openLog(t, a, hub.History{}), openLog(t, b, hub.History{})
	l, f := listen(t, b, "room"), follow(t, logB, "room")
	awaitHealth(t, b, true)

	p.part()
	begun := time.Now()
	var kept []string
	for i := range 10 {
		text := fmt.Sprint(i)
		kept = append(kept, text)
		if err := errors.Join(publish(a, "room", text), appendTo(logA, "room", text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := publish(b, "room", "into nothing"); !errors.Is(err, hub.ErrUncertain) {
		t.Errorf("publishing into a partition: %v, want ErrUncertain", err)
	}
	t.Logf("noticed after %v", time.Since(begun))
	awaitHealth(t, b, false)
	awaitHealth(t, a, true)
	p.heal()
	awaitHealth(t, b, true)
	l.await("the news of a gap", has("lost"))
	f.wantAll(kept)
	if err := publish(a, "room", "whole"); err != nil {
		t.Fatal(err)
	}
	l.await("what follows", has("whole"))
}

// A server that has forgotten the subscriptions of a connection which looks well is noticed, too.
func TestDeadSubscriptions(t *testing.T) {
	s := natstest.Start(t)
	p := newProxy(t, s.URL)
	b := open(t, Options{URL: p.url, Prefix: prefix()})
	l := listen(t, b, "room")
	awaitHealth(t, b, true)
	var forget strings.Builder
	for sid := range 100 {
		fmt.Fprintf(&forget, "UNSUB %d\r\n", sid)
	}
	p.inject(forget.String())
	if err := publish(b, "room", "lost"); err != nil { // by a connection that works
		t.Fatal(err)
	}
	awaitHealth(t, b, false)
	awaitHealth(t, b, true)
	l.await("the news of a gap", has("lost"))
	keepPublishing(t, b, "room", "after")
	l.await("what follows", has("after"))
}

// A Subscriber that does not return holds up what its worker delivers. What that costs is bounded, and told.
func TestSlow(t *testing.T) {
	s := natstest.Start(t)
	o := Options{URL: s.URL, Prefix: prefix()}
	a, b := open(t, o), open(t, o)
	for _, w := range b.inbox.workers {
		w.mu.Lock()
		w.limit = 1 << 20
		w.mu.Unlock()
	}
	l := &listener{t: t, hold: make(chan struct{})}
	cancel, err := b.Subscribe(context.Background(), "room", l)
	if err != nil {
		t.Fatal(err)
	}
	defer cancel()
	text := strings.Repeat("x", 10_000)
	const messages = 1000
	for range messages {
		if err := publish(a, "room", text); err != nil {
			t.Fatal(err)
		}
	}
	awaitHealth(t, b, false)
	w := b.inbox.worker("room.room")
	w.mu.Lock()
	waiting := w.waiting
	w.mu.Unlock()
	if waiting > 1<<20 {
		t.Errorf("%d bytes wait, limit is 1 MiB", waiting)
	}
	close(l.hold)
	awaitHealth(t, b, true)
	if err := publish(a, "room", "end"); err != nil {
		t.Fatal(err)
	}
	got := l.await("the end", has("end"))
	if len(got) >= messages || !has("lost")(got) {
		t.Errorf("%d of %d messages came, and no gap was told", len(got), messages)
	}
}

// awaitNode waits until a node knows another one.
func awaitNode(t *testing.T, b, other *Broker) {
	t.Helper()
	await(t, "hearing of a node", func() error {
		if !b.nodes.lives(other.nodes.self) {
			return errors.New("it is not known")
		}
		return nil
	})
}

func TestTooLarge(t *testing.T) {
	s := natstest.Start(t)
	b := open(t, Options{URL: s.URL, Prefix: prefix()})
	l := openLog(t, b, hub.History{})
	large := strings.Repeat("x", 1<<20)
	for _, err := range []error{
		publish(b, "room", large),
		appendTo(l, "room", large),
		b.Enter(context.Background(), "room", hub.Member{ID: "ann", Data: json.RawMessage(`"` + large + `"`)}),
	} {
		if err == nil || !strings.Contains(err.Error(), "max_payload") || !strings.Contains(err.Error(), `"room"`) || errors.Is(err, hub.ErrUncertain) {
			t.Errorf("%v", err)
		}
	}
}

func TestClosed(t *testing.T) {
	s := natstest.Start(t)
	b := open(t, Options{URL: s.URL, Prefix: prefix()})
	l := openLog(t, b, hub.History{})
	cancel, err := b.Subscribe(context.Background(), "room", &listener{t: t})
	if err != nil {
		t.Fatal(err)
	}
	var closer io.Closer = b
	if err := errors.Join(closer.Close(), closer.Close()); err != nil {
		t.Error(err)
	}
	cancel()
	ctx := context.Background()
	_, subscribeErr := b.Subscribe(ctx, "room", &listener{t: t})
	_, membersErr := b.Members(ctx, "room")
	_, sinceErr := l.Since(ctx, "room", hub.Position{})
	_, openErr := b.OpenLog(ctx, hub.History{})
	_, watchErr := b.Watch(ctx, "room", func(hub.PresenceEvent) {})
	for what, err := range map[string]error{
		"Publish": b.Publish(ctx, "room", nil), "Subscribe": subscribeErr, "Append": l.Append(ctx, "room", nil), "Since": sinceErr,
		"Members": membersErr, "OpenLog": openErr, "Watch": watchErr, "Health": b.Health(),
	} {
		if err == nil {
			t.Errorf("%s of a closed broker: no error", what)
		}
	}
}

func TestNoServer(t *testing.T) {
	addrs, err := natstest.FreeAddrs(1)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := Connect(context.Background(), Options{URL: "nats://" + addrs[0]}); err == nil {
		b.Close()
		t.Error("connected to nothing")
	} else if !strings.Contains(err.Error(), addrs[0]) {
		t.Errorf("%v does not tell where nothing is", err)
	}
}

func TestOtherLimits(t *testing.T) {
	s := natstest.Start(t)
	o := Options{URL: s.URL, Prefix: prefix()}
	a, b := open(t, o), open(t, o)
	l := openLog(t, a, hub.History{Size: 10})
	if _, err := a.OpenLog(context.Background(), hub.History{Size: 20}); err == nil || !strings.Contains(err.Error(), "Options.Prefix") {
		t.Errorf("the same broker with another limit: %v", err)
	}
	before := readSince(t, l, "room", hub.Position{}).Top
	for i := range 30 {
		if err := appendTo(l, "room", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	// Another node, as in a rolling deploy, changes it for all; what is kept stays.
	larger := openLog(t, b, hub.History{Size: 20})
	kept := readSince(t, larger, "room", hub.Position{})
	if len(kept.Missed) != 11 || kept.Top.Epoch != before.Epoch {
		t.Errorf("%d messages at %v, after %v", len(kept.Missed), kept.Top, before)
	}
	// That there is room for more now does not mean that nothing was removed before.
	for _, l := range []hub.Log{l, larger} {
		if r := readSince(t, l, "room", before); r.Complete {
			t.Errorf("%d messages are told to be all 30", len(r.Missed))
		}
		if r := readSince(t, l, "room", kept.Missed[0].Position); !r.Complete || len(r.Missed) != 10 {
			t.Errorf("%d messages, complete: %t; want 10 that are all", len(r.Missed), r.Complete)
		}
	}
}
