package natsbroker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spoutws/spout/hub"
)

// limit is how long anything may take here. What takes less is printed, where it is of interest.
const limit = 30 * time.Second

// listener records what comes: messages as they are, and "lost" for a gap.
type listener struct {
	t *testing.T

	mu   sync.Mutex
	got  []string
	last hub.Position // of the last delivery
	hold chan struct{}
}

func (l *listener) Deliver(d hub.Delivery) {
	if l.hold != nil {
		<-l.hold
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got = append(l.got, string(d.Data))
	l.last = d.Position
}

func (l *listener) Lost(reason error) {
	l.t.Logf("lost: %v", reason)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got = append(l.got, "lost")
}

func (l *listener) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.got)
}

func (l *listener) await(what string, is func(got []string) bool) []string {
	l.t.Helper()
	var got []string
	await(l.t, what, func() error {
		if got = l.all(); !is(got) {
			return fmt.Errorf("got %.500q", got)
		}
		return nil
	})
	return got
}

// await waits until f returns nil, and returns how long that took.
func await(t *testing.T, what string, f func() error) time.Duration {
	t.Helper()
	for begun := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		err := f()
		if err == nil {
			return time.Since(begun)
		}
		if time.Since(begun) > limit {
			t.Fatalf("%s: not within %v: %v", what, limit, err)
		}
	}
}

func listen(t *testing.T, b *Broker, room string) *listener {
	t.Helper()
	l := &listener{t: t}
	ctx, end := context.WithTimeout(context.Background(), limit)
	defer end()
	cancel, err := b.Subscribe(ctx, room, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cancel)
	return l
}

func has(texts ...string) func(got []string) bool {
	return func(got []string) bool {
		for _, text := range texts {
			if !slices.Contains(got, text) {
				return false
			}
		}
		return true
	}
}

// publish publishes once.
func publish(b hub.Broker, room, text string) error {
	ctx, end := context.WithTimeout(context.Background(), limit)
	defer end()
	return b.Publish(ctx, room, []byte(text))
}

// keepPublishing publishes until it succeeds, and returns how long that took.
func keepPublishing(t *testing.T, b hub.Broker, room, text string) time.Duration {
	t.Helper()
	return await(t, "publishing", func() error { return publish(b, room, text) })
}

// follower follows a room with history as package hub does: what is missing it reads.
type follower struct {
	t   *testing.T
	log hub.Log

	mu     sync.Mutex
	last   hub.Position
	got    []string
	gaps   int
	behind bool
	wake   chan struct{}
}

func follow(t *testing.T, l hub.Log, room string) *follower {
	t.Helper()
	f := &follower{t: t, log: l, wake: make(chan struct{}, 1)}
	ctx, end := context.WithTimeout(context.Background(), limit)
	defer end()
	f.mu.Lock()
	top, cancel, err := l.Subscribe(ctx, room, f)
	if err != nil {
		t.Fatal(err)
	}
	f.last = top
	f.mu.Unlock()
	var all sync.WaitGroup
	stop, stopped := context.WithCancel(context.Background())
	all.Go(func() { f.run(stop, room) })
	t.Cleanup(func() { cancel(); stopped(); all.Wait() })
	return f
}

func (f *follower) Deliver(d hub.Delivery) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.behind || d.Position.Epoch != f.last.Epoch || d.Previous != f.last.Offset {
		f.miss()
		return
	}
	f.take(d)
}

func (f *follower) take(d hub.Delivery) {
	f.got = append(f.got, string(d.Data))
	f.last = d.Position
}

func (f *follower) Lost(reason error) {
	f.t.Logf("lost: %v", reason)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.miss()
}

func (f *follower) miss() {
	f.behind = true
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *follower) run(ctx context.Context, room string) {
	for {
		select {
		case <-f.wake:
		case <-ctx.Done():
			return
		}
		f.mu.Lock()
		last := f.last
		f.behind = false // what comes now is not in order yet, or will be read again
		f.mu.Unlock()
		r, err := f.log.Since(ctx, room, last)
		f.mu.Lock()
		switch {
		case err != nil:
			f.miss()
		case f.last != last: // it went on by itself
		case !r.Complete:
			f.gaps++
			f.last = r.Top
		default:
			for _, d := range r.Missed {
				f.take(d)
			}
		}
		f.mu.Unlock()
	}
}

func (f *follower) state() (got []string, gaps int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.got), f.gaps
}

// wantAll demands that all of these came once, in this order among themselves, and no gap.
func (f *follower) wantAll(texts []string) {
	f.t.Helper()
	await(f.t, "following", func() error {
		if got, _ := f.state(); !has(texts...)(got) {
			return fmt.Errorf("%d of %d messages", len(got), len(texts))
		}
		return nil
	})
	got, gaps := f.state()
	seen := map[string]int{}
	for _, text := range got {
		seen[text]++
	}
	for _, text := range texts {
		if seen[text] != 1 {
			f.t.Errorf("%q came %d times", text, seen[text])
		}
	}
	if gaps != 0 {
		f.t.Errorf("%d gaps", gaps)
	}
	got = slices.DeleteFunc(got, func(text string) bool { return !slices.Contains(texts, text) })
	if !slices.Equal(got, texts) {
		f.t.Errorf("they came in the order %.1000s", strings.Join(got, " "))
	}
}

func openLog(t *testing.T, b *Broker, h hub.History) hub.Log {
	t.Helper()
	ctx, end := context.WithTimeout(context.Background(), limit)
	defer end()
	l, err := b.OpenLog(ctx, h)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func appendTo(l hub.Log, room, text string) error {
	ctx, end := context.WithTimeout(context.Background(), limit)
	defer end()
	return l.Append(ctx, room, []byte(text))
}

func readSince(t *testing.T, l hub.Log, room string, p hub.Position) hub.Replay {
	t.Helper()
	ctx, end := context.WithTimeout(context.Background(), limit)
	defer end()
	r, err := l.Since(ctx, room, p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
