package poll

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
)

// Readiness says why a Handler is called.
type Readiness uint32

// The reasons. Several may come together.
const (
	Readable Readiness = 1 << iota // there are bytes to read, or the end, or an error
	HungUp                         // the end, or an error, is among what can be read: read until it comes
	Woken                          // Socket.Wake was called

	queued // the socket waits in the loop's queue, owned, for its next turn
	owned  // a goroutine is calling Ready, or will
	gone   // the socket is closed: nobody calls Ready any more
)

// Handler gets what happens to one socket.
type Handler interface {
	// Ready is called by one goroutine at a time. It reads until there is nothing more, and reports
	// whether it stopped before and wants to go on after others had their turn: then it is called again
	// for the same reasons. buf belongs to it until it returns; it is nil if the goroutine is the
	// socket's own for now. If Ready ends its goroutine, it is called again, in another one, with Woken.
	Ready(why Readiness, buf []byte) (more bool)

	// Writable is called when the socket takes bytes again after Socket.AwaitWritable, also while
	// another goroutine is in Ready. It must not wait for that.
	Writable()

	// Detained is called when Ready has taken so long that another goroutine leads the loop from
	// now on, while it goes on. It is called by a third one, so that Ready may have returned by then; and
	// rarely Ready is yet to begin, since something else has kept its goroutine.
	Detained()
}

// Socket is a socket in an Engine.
type Socket struct {
	handler Handler
	loop    *loop
	route   *Route
	fd      int32 // -1 if it is closed; guarded by ending for those who neither read nor write
	slot    uint32
	state   atomic.Uint32 // what happened and was not yet told, as Readiness, and whether it is owned
	wanted  atomic.Bool   // writability is to be told
}

// endings guard the ends of descriptors. They are shared, since a socket of its own would be larger for it.
var endings [64]sync.Mutex

func (s *Socket) ending() *sync.Mutex { return &endings[s.slot%uint32(len(endings))] }

// ErrAgain says that there is nothing to read now.
var ErrAgain = errors.New("poll: nothing to read now")

// Read reads what is there. Only the owner calls it. The error is ErrAgain if there is nothing.
func (s *Socket) Read(p []byte) (int, error) { return s.loop.sys.read(int(s.fd), p) }

// Write writes what is taken at once, which is no error, whatever it is. One goroutine at a time
// calls it, and none after Close.
func (s *Socket) Write(p []byte) (n int, err error) {
	for n < len(p) {
		m, err := s.loop.sys.write(int(s.fd), p[n:])
		if n += m; err == ErrAgain || err == nil && m == 0 {
			return n, nil
		} else if err != nil {
			return n, err
		}
	}
	return n, nil
}

// WriteBoth is Write for what stands in two places.
func (s *Socket) WriteBoth(head, body []byte) (n int, err error) {
	n, err = s.loop.sys.writev(int(s.fd), head, body)
	switch {
	case err == ErrAgain:
		return 0, nil
	case err != nil || n < len(head):
		return n, err
	}
	m, err := s.Write(body[n-len(head):])
	return n + m, err
}

// AwaitWritable has Writable called when the socket takes bytes again, if on is true. A writer
// calls it before the call of Write after which it waits.
func (s *Socket) AwaitWritable(on bool) { s.wanted.Store(on) }

// Wake has Ready called with Woken, if the socket is not closed. Any goroutine may call it.
func (s *Socket) Wake() {
	if s.take(Woken) {
		go s.run(Woken, nil)
	}
}

// Take makes the caller the owner and reports true, unless there is one.
func (s *Socket) Take() bool { return s.state.CompareAndSwap(0, uint32(owned)) }

// Release gives up the ownership that Adopt or Take gave: from now on Ready is called when there is
// reason to, for the first time perhaps by Release. It must be called.
func (s *Socket) Release() { s.run(s.yield(), nil) }

// Leave is Release for a caller that must not be kept: what is due is done by another goroutine.
func (s *Socket) Leave() {
	if why := s.yield(); why != 0 {
		go s.run(why, nil)
	}
}

// take notes what happened, and reports whether the caller is the owner from now on.
func (s *Socket) take(why Readiness) bool {
	return s.state.CompareAndSwap(0, uint32(owned)) ||
		Readiness(s.state.Or(uint32(why|owned)))&owned == 0
}

// run calls Ready and gives the ownership up. lead is the leader that calls it, nil if the goroutine is
// the socket's own.
func (s *Socket) run(why Readiness, lead *leader) {
	returned := false
	defer func() {
		if !returned { // the handler has ended this goroutine
			go s.run(s.pending()|Woken, nil)
		}
	}()
	for why != 0 && why&gone == 0 {
		var buf []byte
		if lead != nil && lead.clock.Load() != deposed {
			buf = lead.buf[:]
		}
		if more := s.handler.Ready(why&^queued, buf); !more {
			why = s.yield()
			continue
		}
		why &^= queued
		if lead != nil && s.loop.enqueue(lead, s, why) {
			break
		}
		lead = nil
		why |= s.pending()
	}
	returned = true
}

// yield gives the ownership up, or returns what happened meanwhile. After Close it is not given up.
func (s *Socket) yield() Readiness {
	for {
		if s.state.CompareAndSwap(uint32(owned), 0) {
			return 0
		}
		if why := s.pending(); why != 0 {
			return why
		}
	}
}

// pending returns what has happened since the owner looked last.
func (s *Socket) pending() Readiness {
	return Readiness(s.state.And(uint32(owned|gone))) &^ owned
}

// Close closes the descriptor and has the engine forget the socket. The caller must be the owner, or be told by
// it, and nobody may be in Write. Ready is not called again, but once perhaps if the caller is not the owner.
func (s *Socket) Close() error {
	ending := s.ending()
	ending.Lock()
	defer ending.Unlock()
	if s.fd < 0 {
		return net.ErrClosed
	}
	s.state.Or(uint32(owned | gone))
	s.loop.remove(s)
	err := s.loop.sys.close(int(s.fd))
	s.fd = -1
	s.loop.engine.left(s.loop.crew)
	return err
}

// Shutdown ends the reading, the writing or both, as shutdown(2) does. Any goroutine may call it, at
// any time.
func (s *Socket) Shutdown(how int) error {
	return s.Control(func(fd int) error { return s.loop.sys.shutdown(fd, how) })
}

// Control calls f with the descriptor, unless that is closed.
func (s *Socket) Control(f func(fd int) error) error {
	ending := s.ending()
	ending.Lock()
	defer ending.Unlock()
	if s.fd < 0 {
		return net.ErrClosed
	}
	return f(int(s.fd))
}
