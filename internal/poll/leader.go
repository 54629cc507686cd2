package poll

import (
	"sync/atomic"
	"time"
)

const (
	maxEvents  = 128
	bufferSize = 68 << 10 // a message of 64 KiB, its header, and what little follows
)

// event is the readiness of one socket, as the system reports it.
type event struct {
	slot, generation uint32
	why              Readiness
	writable         bool
}

// leader is a goroutine that leads a loop: it waits for events and calls handlers. It leads until
// it is deposed, because a handler keeps it.
type leader struct {
	loop *loop

	// clock counts the turns: even while a handler may be under way, odd while the leader waits. So
	// nobody mistakes one turn for another.
	clock atomic.Uint64
	first uint64 // clock before the first of turns

	turns  []turn
	events [maxEvents]event
	buf    [bufferSize]byte
}

// deposed is the clock of a leader that is none any more.
const deposed = ^uint64(0)

// lead is the life of a leader.
func (l *leader) lead() {
	t := uint64(0)
	returned := false
	defer func() {
		if !returned { // a handler has ended this goroutine
			l.loop.depose(l, t)
		}
	}()
	for l.serveAll(&t) && l.await(&t) {
	}
	returned = true
}

// serveAll takes all turns. It returns false if the leader was deposed meanwhile; nothing of it may
// be touched then.
func (l *leader) serveAll(t *uint64) bool {
	for i := range l.turns {
		if !l.clock.CompareAndSwap(*t, *t+2) {
			return false
		}
		*t += 2
		l.serve(&l.turns[i])
	}
	return l.clock.CompareAndSwap(*t, *t+1)
}

// await waits for more turns. It returns false if there won't be any.
func (l *leader) await(t *uint64) bool {
	clear(l.turns)
	n, err := l.loop.sys.wait(l.events[:], !l.loop.hurried())
	if err != nil {
		return false
	}
	l.turns = l.loop.due(l.turns[:0], l.events[:n])
	*t += 2
	l.first = *t
	l.clock.Store(*t)
	l.loop.crew.busy()
	return true
}

// progress returns the turn that was under way when the clock showed t, nil if there was none, and those
// that were not begun. Whoever has deposed the leader calls it.
func (l *leader) progress(t uint64) (kept *turn, left []turn) {
	n := (t - l.first) / 2
	if n > 0 {
		kept = &l.turns[n-1]
	}
	return kept, l.turns[n:]
}

// serve calls the handler of a socket.
func (l *leader) serve(t *turn) {
	s := t.s
	if t.writable && s.wanted.Load() {
		s.handler.Writable()
	}
	switch {
	case t.why == 0:
	case t.why&queued == 0 && !s.take(t.why):
	case s.route.slow():
		go s.runApart(t.why)
	default:
		s.run(t.why, l)
	}
}

// runApart is run in a goroutine of its own.
func (s *Socket) runApart(why Readiness) {
	start := time.Now()
	s.run(why, nil)
	s.route.took(time.Since(start))
}
