package natsbroker

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spoutws/spout/brokers/nats/natstest"
	"github.com/spoutws/spout/hub"
)

// counter counts what comes.
type counter struct{ n *atomic.Int64 }

func (c counter) Deliver(hub.Delivery) { c.n.Add(1) }
func (c counter) Lost(error)           { c.n.Add(1 << 32) }

// Many rooms need no goroutine each, and who subscribes to them at a time waits for few round trips.
func TestManyRooms(t *testing.T) {
	const rooms = 10_000
	s := natstest.Start(t)
	o := Options{URL: s.URL, Prefix: prefix()}
	a, b := open(t, o), open(t, o)
	before := runtime.NumGoroutine()
	var n atomic.Int64
	var all sync.WaitGroup
	begun := time.Now()
	cancels := make([]func(), rooms)
	for part := range 100 {
		all.Go(func() {
			for i := part; i < rooms; i += 100 {
				cancel, err := b.Subscribe(context.Background(), strconv.Itoa(i), counter{&n})
				if err != nil {
					t.Error(err)
					return
				}
				cancels[i] = cancel
			}
		})
	}
	all.Wait()
	t.Logf("subscribed to %d rooms in %v", rooms, time.Since(begun))
	if more := runtime.NumGoroutine() - before; more > 100 {
		t.Errorf("%d goroutines for %d rooms", more, rooms)
	}
	begun = time.Now()
	for part := range 100 {
		all.Go(func() {
			for i := part; i < rooms; i += 100 {
				if err := publish(a, strconv.Itoa(i), "x"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	await(t, "a message in each room", func() error {
		if got := n.Load(); got < rooms {
			return fmt.Errorf("%d came", got)
		}
		return nil
	})
	t.Logf("published in each in %v", time.Since(begun))
	begun = time.Now()
	for _, cancel := range cancels {
		cancel()
	}
	await(t, "nothing is left", func() error {
		b.rooms.mu.RLock()
		defer b.rooms.mu.RUnlock()
		if left := len(b.rooms.byKey); left > 0 {
			return fmt.Errorf("%d rooms", left)
		}
		return nil
	})
	t.Logf("left them in %v", time.Since(begun))
	if got := n.Load(); got != rooms {
		t.Errorf("%d messages came and %d gaps were told, want %d and none", got&(1<<32-1), got>>32, rooms)
	}
}

func BenchmarkPublish(b *testing.B) {
	s := natstest.Start(b)
	for _, publishers := range []int{1, 64} {
		b.Run(fmt.Sprintf("publishers=%d", publishers), func(b *testing.B) {
			broker := open(b, Options{URL: s.URL, Prefix: prefix()})
			benchmark(b, publishers, func(ctx context.Context, data []byte) error { return broker.Publish(ctx, "room", data) })
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	s := natstest.Start(b)
	for _, publishers := range []int{1, 64} {
		b.Run(fmt.Sprintf("publishers=%d", publishers), func(b *testing.B) {
			l, err := open(b, Options{URL: s.URL, Prefix: prefix()}).OpenLog(context.Background(), hub.History{})
			if err != nil {
				b.Fatal(err)
			}
			benchmark(b, publishers, func(ctx context.Context, data []byte) error { return l.Append(ctx, "room", data) })
		})
	}
}

func benchmark(b *testing.B, publishers int, publish func(ctx context.Context, data []byte) error) {
	data := make([]byte, 100)
	b.ReportAllocs()
	b.ResetTimer()
	var all sync.WaitGroup
	var next atomic.Int64
	for range publishers {
		all.Go(func() {
			for next.Add(1) <= int64(b.N) {
				if err := publish(context.Background(), data); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// verifier asks what it has missed when it may have missed something.
type verifier struct {
	log  hub.Log
	room string
	top  hub.Position
	all  *sync.WaitGroup
	done *atomic.Int64
}

func (v *verifier) Deliver(hub.Delivery) {}
func (v *verifier) Lost(error) {
	v.all.Go(func() {
		if r, err := v.log.Since(context.Background(), v.room, v.top); err == nil && r.Complete && len(r.Missed) == 0 {
			v.done.Add(1)
		}
	})
}

// When the connection breaks, all rooms with history ask what they have missed, at once, and get an answer.
func TestManyRoomsVerify(t *testing.T) {
	const rooms = 2_000
	s := natstest.Start(t)
	b := open(t, Options{URL: s.URL, Prefix: prefix()})
	l := openLog(t, b, hub.History{})
	var verifying, all sync.WaitGroup
	defer verifying.Wait()
	var done atomic.Int64
	begun := time.Now()
	for part := range 100 {
		all.Go(func() {
			for i := part; i < rooms; i += 100 {
				room := strconv.Itoa(i)
				if err := appendTo(l, room, "kept"); err != nil {
					t.Error(err)
					return
				}
				v := &verifier{log: l, room: room, all: &verifying, done: &done}
				top, cancel, err := l.Subscribe(context.Background(), room, v)
				if err != nil {
					t.Error(err)
					return
				}
				v.top = top
				t.Cleanup(cancel)
			}
		})
	}
	all.Wait()
	t.Logf("appended to %d rooms and subscribed to them in %v", rooms, time.Since(begun))
	s.Stop()
	s.Restart()
	took := await(t, "all rooms verified", func() error {
		if n := done.Load(); n < rooms {
			return fmt.Errorf("%d of %d", n, rooms)
		}
		return nil
	})
	t.Logf("verified after %v", took)
}
