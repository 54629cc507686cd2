package natsbroker

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/spoutws/spout/brokers/nats/internal/wire"
)

// What a room makes of what comes: "lost" where something is missing.
func TestLive(t *testing.T) {
	const a, b = 1, 2
	message := func(node, incarnation, number uint64, age time.Duration) wire.Frame {
		return wire.Frame{Node: node, Incarnation: incarnation, Number: number, Age: age}
	}
	mark := func(node, incarnation, number uint64, age time.Duration) wire.Frame {
		return wire.Frame{Mark: true, Node: node, Incarnation: incarnation, Number: number, Age: age}
	}
	const long = time.Hour // before this node listened
	for _, test := range []struct {
		name   string
		frames []wire.Frame
		want   string
	}{
		{"in order", []wire.Frame{message(a, 1, 1, 0), message(a, 1, 2, 0), message(a, 1, 3, 0)}, "1 2 3"},
		{"one missing", []wire.Frame{message(a, 1, 1, 0), message(a, 1, 3, 0), message(a, 1, 4, 0)}, "1 lost 3 4"},
		{"twice", []wire.Frame{message(a, 1, 1, 0), message(a, 1, 1, 0), message(a, 1, 2, 0)}, "1 2"},
		{"late", []wire.Frame{message(a, 1, 2, long), message(a, 1, 1, 0), message(a, 1, 3, 0)}, "2 3"},
		{"two publishers", []wire.Frame{message(a, 1, 1, 0), message(b, 1, 1, 0), message(a, 1, 2, 0), message(b, 1, 3, 0)}, "1 1 2 lost 3"},
		{"published before this node listened", []wire.Frame{message(a, 1, 7, long), message(a, 1, 8, 0)}, "7 8"},
		{"the first ones missing", []wire.Frame{message(a, 1, 7, time.Second)}, "lost 7"},
		{"a mark where all came", []wire.Frame{message(a, 1, 1, 0), mark(a, 1, 1, time.Second), mark(a, 1, 1, time.Second), message(a, 1, 2, 0)}, "1 2"},
		{"a mark where the last is missing", []wire.Frame{message(a, 1, 1, 0), mark(a, 1, 2, time.Second), message(a, 1, 3, 0)}, "1 lost 3"},
		{"a mark of the only ones", []wire.Frame{mark(a, 1, 2, time.Second)}, "lost"},
		{"a mark of old ones", []wire.Frame{mark(a, 1, 2, long), message(a, 1, 3, 0)}, "3"},
		{"what a mark gave up", []wire.Frame{mark(a, 1, 2, time.Second), message(a, 1, 2, 0)}, "lost"},
		{"begun anew", []wire.Frame{message(a, 1, 9, long), message(a, 2, 1, 0)}, "9 1"},
		{"begun anew, and the first is missing", []wire.Frame{message(a, 1, 9, long), message(a, 2, 2, 0)}, "9 lost 2"},
		{"begun anew, and only a mark came", []wire.Frame{message(a, 1, 9, long), mark(a, 2, 2, 0)}, "9 lost"},
		{"an old one after it began anew", []wire.Frame{message(a, 2, 1, 0), message(a, 1, 9, 0), mark(a, 1, 9, 0)}, "1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				feed := &live{publishers: map[uint64]*progress{}, bad: func(_ string, err error) { t.Error(err) }}
				l := &listener{t: t}
				r := &room{worker: newWorker(0), feed: feed}
				r.add(&subscription{Subscriber: l})
				time.Sleep(10 * time.Second) // what is younger was published since
				for _, f := range test.frames {
					data := f.AppendTo(nil)
					if !f.Mark {
						data = append(data, byte('0'+f.Number))
					}
					r.receive(&nats.Msg{Data: data})
				}
				if got := strings.Join(l.all(), " "); got != test.want {
					t.Errorf("got %q, want %q", got, test.want)
				}
			})
		})
	}
}

// What is known of publishers does not grow for ever.
func TestLiveForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		feed := &live{publishers: map[uint64]*progress{}}
		r := &room{worker: newWorker(0), feed: feed}
		r.add(&subscription{Subscriber: &listener{t: t}})
		for node := range uint64(1000) {
			r.receive(&nats.Msg{Data: wire.Frame{Node: node, Incarnation: 1, Number: 1}.AppendTo(nil)})
			time.Sleep(time.Second)
		}
		if n := len(feed.publishers); n > int((listenerIdle+publisherIdle)/time.Second)+1 {
			t.Errorf("%d publishers are known", n)
		}
	})
}

// After doubts a room is told before anything else is delivered, and when the doubts are over.
func TestDoubts(t *testing.T) {
	message := func(number uint64) *nats.Msg {
		return &nats.Msg{Data: append(wire.Frame{Node: 1, Incarnation: 1, Number: number}.AppendTo(nil), byte('0'+number))}
	}
	for _, test := range []struct {
		clustered bool
		comes     bool
		want      []string
	}{
		{false, false, []string{"1", "lost", "4"}},
		{false, true, []string{"1", "lost", "3", "4"}},
		{true, false, []string{"1", "lost", "4"}},
		{true, true, []string{"1", "lost", "3", "lost", "4"}}, // between 3 and the end of the doubts something may be missing
	} {
		l := &listener{t: t}
		r := &room{worker: newWorker(0), feed: &live{publishers: map[uint64]*progress{}}}
		r.add(&subscription{Subscriber: l})
		r.receive(message(1))
		r.worker.doubts, r.worker.reason = 1, errBroken
		if test.comes {
			r.receive(message(3))
		}
		r.resolve(test.clustered)
		r.resolve(test.clustered)
		r.receive(message(4))
		if got := l.all(); !slices.Equal(got, test.want) {
			t.Errorf("clustered %t, a message before the end %t: got %q, want %q", test.clustered, test.comes, got, test.want)
		}
	}
}

// What is too much for a worker is told once where it is missing.
func TestWorkerLimit(t *testing.T) {
	l := &listener{t: t}
	w := newWorker(3 * (itemWeight + 20))
	r := &room{worker: w, feed: &live{publishers: map[uint64]*progress{}}}
	r.add(&subscription{Subscriber: l})
	var number uint64
	push := func(n int) {
		for range n {
			number++
			w.push(item{room: r, msg: &nats.Msg{Data: append(wire.Frame{Node: 1, Incarnation: 1, Number: number}.AppendTo(nil), byte('a'+number-1))}})
		}
	}
	handle := func(n int) {
		for range n {
			w.handle(w.queue[0])
			w.queue = w.queue[1:]
		}
	}
	push(5) // a b c, and d e are too much
	handle(1)
	push(3) // f, and g h are too much
	handle(len(w.queue))
	push(1)
	handle(1)
	want := []string{"a", "b", "c", "lost", "f", "lost", "i"}
	if got := l.all(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if w.waiting != 0 {
		t.Errorf("%d bytes are still counted", w.waiting)
	}
}
