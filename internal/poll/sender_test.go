package poll

import "sync"

// sender is a socket to which a program writes from any goroutine: whoever finds nobody writing does so until nothing
// is left, or taken; then Writable goes on.
type sender struct {
	Socket
	stopped func(err error) // called with mu when nothing is left, and after an error

	mu       sync.Mutex
	queue    []byte
	writing  bool
	stalled  bool // nobody writes, though something is left
	writable bool // something may be taken again, since the last call of Write began
	dead     bool // nothing more is to be written
}

// send queues bytes and writes what is taken. s.mu is held.
func (s *sender) send(p []byte) {
	s.queue = append(s.queue, p...)
	if !s.writing && !s.dead {
		s.writing = true
		s.flush()
	}
}

// flush writes what is taken. s.mu is held, but not while writing.
func (s *sender) flush() {
	s.AwaitWritable(true)
	s.stalled = false
	var err error
	for !s.dead && len(s.queue) > 0 {
		s.writable = false
		p := s.queue
		s.mu.Unlock()
		var n int
		n, err = s.Write(p)
		s.mu.Lock()
		s.queue = s.queue[n:]
		if err != nil {
			s.dead = true
		} else if n < len(p) && !s.writable && !s.dead {
			s.stalled = true
			return
		}
	}
	s.AwaitWritable(false)
	s.writing = false
	s.stopped(err)
}

func (s *sender) Writable() {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.stalled:
		s.writable = true
	case !s.dead:
		s.flush()
	}
}
