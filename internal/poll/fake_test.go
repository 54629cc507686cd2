package poll

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
)

// kernel has descriptors in memory and tells of their readiness as epoll does when it is edge-triggered: each
// change once, as the state that is found when it is told.
type kernel struct {
	t testing.TB

	mu      sync.Mutex
	changed sync.Cond // with mu
	files   []*file   // by number; the lowest free number is used next
	refuse  error     // what add returns
	pause   func()    // called, without mu, in each system call
}

// file is an open descriptor, and the peer's side of it.
type file struct {
	k     *kernel
	fd    int
	in    []byte
	ended bool // no more comes in
	out   []byte
	room  int // for what is written
	shut  bool
	gone  bool // closed

	watcher          *fakeSystem
	slot, generation uint32
	listed           bool // something is to be told
}

func newKernel(t testing.TB) *kernel {
	k := &kernel{t: t, pause: func() {}}
	k.changed.L = &k.mu
	return k
}

// engine returns an engine over k.
func (k *kernel) engine(loops int) *Engine {
	return &Engine{
		newSystem: func() (system, error) { return &fakeSystem{k: k}, nil },
		loops:     func() int { return loops },
	}
}

// open returns a new file, whose peer takes so many bytes.
func (k *kernel) open(room int) *file {
	k.mu.Lock()
	defer k.mu.Unlock()
	f := &file{k: k, room: room}
	if f.fd = slices.Index(k.files, nil); f.fd < 0 {
		f.fd = len(k.files)
		k.files = append(k.files, nil)
	}
	k.files[f.fd] = f
	return f
}

// send is what the peer does: bytes, and perhaps the end, in one piece.
func (f *file) send(p []byte, end bool) {
	f.k.mu.Lock()
	defer f.k.mu.Unlock()
	f.in = append(f.in, p...)
	f.ended = f.ended || end
	f.change()
}

// took is what the peer does: it takes what was written, and may have room for more.
func (f *file) took(room int) []byte {
	f.k.mu.Lock()
	defer f.k.mu.Unlock()
	p := f.out
	f.out = nil
	if f.room += room; room > 0 {
		f.change()
	}
	return p
}

// change has the state of f told. k.mu is held.
func (f *file) change() {
	if f.watcher != nil && !f.listed {
		f.listed = true
		f.watcher.list = append(f.watcher.list, f)
		f.k.changed.Broadcast()
	}
}

// of returns the file of a number, which must be open: else somebody uses a descriptor that is closed.
func (k *kernel) of(fd int) *file {
	if fd < 0 || fd >= len(k.files) || k.files[fd] == nil {
		k.t.Errorf("descriptor %d is used, which is not open", fd)
		return &file{k: k, fd: fd, ended: true, room: 1 << 30}
	}
	return k.files[fd]
}

// fakeSystem is the system of a loop.
type fakeSystem struct {
	k     *kernel
	list  []*file // what is to be told
	ended bool
}

var errEnded = errors.New("fake: ended")

func (s *fakeSystem) add(fd int, slot, generation uint32) error {
	s.k.pause()
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	if s.k.refuse != nil {
		return s.k.refuse
	}
	f := s.k.of(fd)
	if f.watcher != nil {
		return fmt.Errorf("fake: descriptor %d is added twice", fd)
	}
	f.watcher, f.slot, f.generation = s, slot, generation
	f.change()
	return nil
}

func (s *fakeSystem) wait(events []event, block bool) (int, error) {
	s.k.pause()
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	for !s.ended && block && len(s.list) == 0 {
		s.k.changed.Wait()
	}
	if s.ended {
		return 0, errEnded
	}
	n := min(len(events), len(s.list))
	for i, f := range s.list[:n] {
		f.listed = false
		// A file that is gone is told of too, as it would be if a process that was just forked had it.
		events[i] = event{slot: f.slot, generation: f.generation, writable: f.room > 0}
		if len(f.in) > 0 || f.ended {
			events[i].why = Readable
		}
		if f.ended {
			events[i].why |= HungUp
		}
	}
	s.list = slices.Delete(s.list, 0, n)
	return n, nil
}

func (s *fakeSystem) end() {
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	s.ended = true
	s.k.changed.Broadcast()
}

func (s *fakeSystem) read(fd int, p []byte) (int, error) {
	s.k.pause()
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	f := s.k.of(fd)
	if len(f.in) == 0 && !f.ended {
		return 0, ErrAgain
	}
	n := copy(p, f.in)
	f.in = f.in[n:]
	return n, nil
}

func (s *fakeSystem) write(fd int, p []byte) (int, error) {
	s.k.pause()
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	f := s.k.of(fd)
	n := min(len(p), f.room)
	if n == 0 {
		return 0, ErrAgain
	}
	f.out = append(f.out, p[:n]...)
	f.room -= n
	return n, nil
}

func (s *fakeSystem) shutdown(fd, _ int) error {
	s.k.pause()
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	f := s.k.of(fd)
	f.shut, f.ended = true, true
	f.change()
	return nil
}

func (s *fakeSystem) close(fd int) error {
	s.k.pause()
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	f := s.k.of(fd)
	f.gone = true
	if fd >= 0 && fd < len(s.k.files) {
		s.k.files[fd] = nil
	}
	return nil
}

func (s *fakeSystem) writev(fd int, head, body []byte) (int, error) {
	return s.write(fd, slices.Concat(head, body))
}
