package poll

import (
	"slices"
	"sync"
	"sync/atomic"
)

// loop is a set of sockets that are waited for together.
type loop struct {
	engine *Engine
	crew   *crew
	sys    system
	leader atomic.Pointer[leader]
	seen   uint64 // the leader's turn when the monitor looked last
	slow   int    // how many times in a row it saw few turns

	mu    sync.Mutex
	table table
	queue []turn // sockets that want to go on, owned
}

// turn is one call of a socket's handler that is due.
type turn struct {
	s        *Socket
	why      Readiness
	writable bool
}

func (l *loop) add(s *Socket) error {
	l.mu.Lock()
	generation := l.table.add(s)
	l.mu.Unlock()
	err := l.sys.add(int(s.fd), s.slot, generation)
	if err != nil {
		l.remove(s)
	}
	return err
}

func (l *loop) remove(s *Socket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.table.remove(s)
}

// follow has a new goroutine lead the loop, beginning with these turns. l.mu is held.
func (l *loop) follow(turns []turn) {
	next := &leader{loop: l, turns: slices.Clone(turns)}
	l.leader.Store(next)
	go next.lead()
}

// depose has another goroutine lead, if the leader's clock shows t still. It returns the turn that the
// leader is kept with, or has ended with, if there is one. The route of that is slow then, before the
// new leader can call another handler of it.
func (l *loop) depose(lead *leader, t uint64) (kept *turn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !lead.clock.CompareAndSwap(t, deposed) {
		return nil
	}
	kept, left := lead.progress(t)
	if kept != nil {
		kept.s.route.detained()
	}
	l.follow(left)
	return kept
}

// enqueue gives a socket its next turn behind those that are due, and reports whether it has: not if
// the caller leads no longer.
func (l *loop) enqueue(lead *leader, s *Socket, why Readiness) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leader.Load() != lead {
		return false
	}
	l.queue = append(l.queue, turn{s: s, why: why | queued})
	return true
}

// hurried reports whether turns are due that no event announces.
func (l *loop) hurried() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue) > 0
}

// due appends to turns those of n events, and what is queued.
func (l *loop) due(turns []turn, events []event) []turn {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range events {
		if s := l.table.find(&events[i]); s != nil {
			turns = append(turns, turn{s, events[i].why, events[i].writable})
		}
	}
	turns = append(turns, l.queue...)
	clear(l.queue)
	l.queue = l.queue[:0]
	return turns
}
