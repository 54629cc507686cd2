package hub

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"sync"
	"time"
)

// Of a History without limits of its own.
const (
	historySize = 100
	historyAge  = time.Hour
)

// memoryLog is a Log of a Memory.
type memoryLog struct {
	size  int
	age   time.Duration
	rooms shards[string, *archive]

	mu       sync.Mutex
	sweeping bool
}

// archive is a room of a Log. What is kept of it stays for its age, with or without subscriptions.
type archive struct {
	channel
	epoch string

	// Guarded by channel.turn:
	kept []kept // oldest first
	top  uint64
	used time.Time // when somebody last asked for it

	forgotten bool // by the Log
}

type kept struct {
	Delivery
	at time.Time
}

// OpenLog implements [HistoryBroker]. The same History has the same rooms, another has others.
func (b *Memory) OpenLog(ctx context.Context, h History) (Log, error) {
	if h.Size <= 0 {
		h.Size = historySize
	}
	if h.Age <= 0 {
		h.Age = historyAge
	}
	l, _ := b.logs.LoadOrStore(h, &memoryLog{size: h.Size, age: h.Age})
	return l.(*memoryLog), ctx.Err()
}

// room returns a room with its turn taken.
func (l *memoryLog) room(name string) *archive {
	for {
		a, ok := l.rooms.get(name)
		if !ok {
			a, _ = l.rooms.getOrMake(name, l.newArchive, func(*archive) {})
		}
		a.turn.Lock()
		if !a.forgotten {
			a.used = time.Now()
			return a
		}
		a.turn.Unlock()
	}
}

func (l *memoryLog) newArchive() *archive {
	l.sweepLater()
	return &archive{epoch: strings.ToLower(rand.Text()[:10])}
}

func (l *memoryLog) Append(ctx context.Context, room string, data []byte) error {
	if err := usable(ctx, room); err != nil {
		return err
	}
	a := l.room(room)
	defer a.turn.Unlock()
	now := time.Now()
	d := Delivery{Data: slices.Clone(data), Position: Position{a.epoch, a.top + 1}, Previous: a.top}
	a.top++
	a.expire(now.Add(-l.age))
	if len(a.kept) == l.size {
		a.kept = slices.Delete(a.kept, 0, 1)
	}
	a.kept = append(a.kept, kept{d, now})
	a.deliver(d)
	return nil
}

// expire forgets what is older. a.turn is held.
func (a *archive) expire(before time.Time) {
	n := 0
	for n < len(a.kept) && !a.kept[n].at.After(before) {
		n++
	}
	a.kept = slices.Delete(a.kept, 0, n)
}

func (l *memoryLog) Subscribe(ctx context.Context, room string, s Subscriber) (top Position, cancel func(), err error) {
	if err := usable(ctx, room); err != nil {
		return Position{}, nil, err
	}
	sub := &subscription{Subscriber: s}
	a := l.room(room)
	defer a.turn.Unlock()
	a.add(sub)
	return Position{a.epoch, a.top}, func() { a.remove(sub) }, nil
}

func (l *memoryLog) Since(ctx context.Context, room string, p Position) (Replay, error) {
	if err := usable(ctx, room); err != nil {
		return Replay{}, err
	}
	a := l.room(room)
	defer a.turn.Unlock()
	a.expire(time.Now().Add(-l.age))
	r := Replay{Top: Position{a.epoch, a.top}}
	first := a.top + 1 - uint64(len(a.kept)) // the offset of the oldest
	switch {
	case p.IsZero():
		p = Position{a.epoch, first - 1}
	case p.Epoch != a.epoch, p.Offset > a.top, p.Offset+1 < first:
		return r, nil
	}
	r.Complete = true
	for _, k := range a.kept[p.Offset+1-first:] {
		r.Missed = append(r.Missed, k.Delivery)
	}
	return r, nil
}

// sweepLater has rooms forgotten that nobody has used for as long as their messages are kept.
func (l *memoryLog) sweepLater() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.sweeping {
		l.sweeping = true
		time.AfterFunc(max(l.age/2, time.Second), l.sweep)
	}
}

func (l *memoryLog) sweep() {
	l.mu.Lock()
	l.sweeping = false
	l.mu.Unlock()
	before := time.Now().Add(-l.age)
	left := false
	l.rooms.prune(func(a *archive) (forget bool) {
		if !a.turn.TryLock() {
			left = true
			return false
		}
		defer a.turn.Unlock()
		a.expire(before)
		a.forgotten = len(a.kept) == 0 && !a.used.After(before) && len(a.list()) == 0
		left = left || !a.forgotten
		return a.forgotten
	})
	if left {
		l.sweepLater()
	}
}
