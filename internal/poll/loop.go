package poll

import (
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

// enqueue gives a socket its next turn behind those that are due. Its owner calls it.
func (l *loop) enqueue(s *Socket, why Readiness) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = append(l.queue, turn{s: s, why: why | queued})
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
