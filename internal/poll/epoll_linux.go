package poll

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"
)

// Default is the engine of the process, over epoll(7). Half of the processors lead loops; the others
// are for handlers that block, for connections that begin, and for the garbage collector.
var Default = &Engine{newSystem: newEpoll, loops: func() int { return (runtime.GOMAXPROCS(0) + 1) / 2 }}

// Adopt makes s the socket under c, which is closed without an effect on the socket: what package
// net holds for it is let go. The caller is the owner of s until it calls Release, and h hears of nothing
// before, but that the socket is writable.
//
// If there is an error, c is as before.
func (e *Engine) Adopt(s *Socket, c interface {
	net.Conn
	syscall.Conn
}, h Handler, r *Route) error {
	rc, err := c.SyscallConn()
	if err != nil {
		return err
	}
	fd := -1
	var dup syscall.Errno
	err = rc.Control(func(old uintptr) {
		var n uintptr
		if n, _, dup = syscall.Syscall(syscall.SYS_FCNTL, old, syscall.F_DUPFD_CLOEXEC, 0); dup == 0 {
			fd = int(n)
		}
	})
	if err == nil && dup != 0 {
		err = os.NewSyscallError("fcntl", dup)
	}
	if err != nil {
		return err
	}
	if err := e.adopt(s, fd, h, r); err != nil {
		syscall.Close(fd)
		return err
	}
	c.Close()
	return nil
}

// epoll waits for events of its sockets as one descriptor among those that package runtime waits for:
// so waiting occupies no thread.
type epoll struct {
	file *os.File
	raw  syscall.RawConn
	fd   int

	// try is called with the descriptor in RawConn.Read. What it uses stands here, so that waiting
	// allocates nothing.
	try    func(uintptr) bool
	block  bool
	got    int
	failed error
	system []syscall.EpollEvent
}

func newEpoll() (system, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil { // which tells os.NewFile that it can be waited for
		syscall.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	p := &epoll{file: os.NewFile(uintptr(fd), "epoll"), fd: fd, system: make([]syscall.EpollEvent, maxEvents)}
	p.try = p.look
	if p.raw, err = p.file.SyscallConn(); err != nil {
		p.file.Close()
		return nil, err
	}
	return p, nil
}

func (p *epoll) add(fd int, slot, generation uint32) error {
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{
		Events: syscall.EPOLLIN | syscall.EPOLLOUT | syscall.EPOLLRDHUP | edgeTriggered,
		Fd:     int32(slot), Pad: int32(generation),
	}))
}

const edgeTriggered = 1 << 31 // EPOLLET, which package syscall has with a sign

func (p *epoll) wait(events []event, block bool) (int, error) {
	p.block = block
	if err := p.raw.Read(p.try); err != nil {
		return 0, err
	}
	if p.failed != nil {
		return 0, fmt.Errorf("epoll_wait: %w", p.failed)
	}
	for i := range events[:p.got] {
		events[i] = translate(&p.system[i])
	}
	return p.got, nil
}

func (p *epoll) look(uintptr) bool {
	n, err := epollWait(p.fd, p.system)
	if err == syscall.EINTR {
		n, err = 0, nil
	}
	p.got, p.failed = n, err
	return n > 0 || err != nil || !p.block
}

func translate(ev *syscall.EpollEvent) event {
	const over = syscall.EPOLLRDHUP | syscall.EPOLLHUP | syscall.EPOLLERR
	e := event{slot: uint32(ev.Fd), generation: uint32(ev.Pad)}
	if ev.Events&(syscall.EPOLLIN|over) != 0 {
		e.why = Readable
	}
	if ev.Events&over != 0 {
		e.why |= HungUp
	}
	e.writable = ev.Events&(syscall.EPOLLOUT|syscall.EPOLLHUP|syscall.EPOLLERR) != 0
	return e
}

func (p *epoll) end() { p.file.Close() }

func (p *epoll) read(fd int, b []byte) (int, error) { return retry(readSocket, fd, b) }

func (p *epoll) write(fd int, b []byte) (int, error) { return retry(writeSocket, fd, b) }

func (p *epoll) writev(fd int, head, body []byte) (int, error) {
	return retry(func(fd int, head []byte) (int, syscall.Errno) { return writeBoth(fd, head, body) }, fd, head)
}

// retry makes a system call until no signal interrupts it.
func retry(call func(fd int, p []byte) (int, syscall.Errno), fd int, p []byte) (int, error) {
	for {
		switch n, err := call(fd, p); err {
		case 0:
			return n, nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, ErrAgain
		default:
			return 0, err
		}
	}
}

func (p *epoll) shutdown(fd, how int) error { return syscall.Shutdown(fd, how) }

func (p *epoll) close(fd int) error { return syscall.Close(fd) }
