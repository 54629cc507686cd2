package poll

import (
	"sync"
	"sync/atomic"
)

// Engine has sockets and calls their handlers. It starts with its first socket and stops with its
// last.
type Engine struct {
	newSystem func() (system, error)
	loops     func() int // how many there are to be

	mu   sync.Mutex
	crew *crew // nil while there is no socket
	next int   // the loop that gets the next socket
}

// crew is the loops of an engine from its start to its stop.
type crew struct {
	loops   []*loop
	sockets int // guarded by Engine.mu

	watching atomic.Bool   // the monitor is not waiting for alert
	alert    chan struct{} // a loop has something to do
	done     chan struct{} // closed at the stop
}

// system is what the engine needs of the operating system, for one loop.
type system interface {
	// add has the readiness of a descriptor reported, each change once.
	add(fd int, slot, generation uint32) error
	// wait returns what has happened; it waits for something to happen if block is true.
	wait(events []event, block bool) (int, error)
	// end makes wait return an error, now and from then on.
	end()

	read(fd int, p []byte) (int, error)
	write(fd int, p []byte) (int, error)
	writev(fd int, head, body []byte) (int, error)
	shutdown(fd, how int) error
	close(fd int) error
}

// adopt makes s the socket of a descriptor, which belongs to the engine from then on. The caller is the owner
// of the socket until it calls Release.
func (e *Engine) adopt(s *Socket, fd int, h Handler, r *Route) error {
	e.mu.Lock()
	if e.crew == nil {
		c, err := e.start()
		if err != nil {
			e.mu.Unlock()
			return err
		}
		e.crew = c
	}
	c := e.crew
	c.sockets++
	e.next++
	l := c.loops[e.next%len(c.loops)]
	e.mu.Unlock()

	s.handler, s.loop, s.route, s.fd = h, l, r, int32(fd)
	s.state.Store(uint32(owned))
	if err := l.add(s); err != nil {
		e.left(c)
		return err
	}
	return nil
}

// start begins the work. e.mu is held.
func (e *Engine) start() (*crew, error) {
	c := &crew{alert: make(chan struct{}, 1), done: make(chan struct{})}
	for range e.loops() {
		sys, err := e.newSystem()
		if err != nil {
			c.stop()
			return nil, err
		}
		c.loops = append(c.loops, &loop{engine: e, crew: c, sys: sys})
	}
	for _, l := range c.loops {
		l.follow(nil)
	}
	c.watching.Store(true)
	go c.watch()
	return c, nil
}

// left counts a socket that is gone, and stops with the last.
func (e *Engine) left(c *crew) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c.sockets--; c.sockets == 0 {
		e.crew = nil
		c.stop()
	}
}

func (c *crew) stop() {
	for _, l := range c.loops {
		l.sys.end()
	}
	close(c.done)
}
