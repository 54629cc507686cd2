package servers

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"runtime"
	"syscall"

	"github.com/spoutws/spout/bench/wire"
	"golang.org/x/sys/unix"
)

// floor is what the kernel asks for: one thread that waits with epoll, reads
// bytes and writes them back as they are. It knows the opening handshake and nothing else of
// WebSocket.
var floor = &Library{
	Name:  "floor",
	About: "one thread with epoll and raw system calls that sends bytes back unseen",
	can: func(s Setup) error {
		if s.TLS || s.Compression.Compressed() {
			return errors.New("bytes are sent back as they come")
		}
		return nil
	},
	start: func(ln net.Listener, s Setup, _ *tls.Config) (func(), error) { return startFloor(ln, s.Role) },
}

// bytesServer is the floor.
type bytesServer struct {
	role     Role
	epoll    int
	listener int // the descriptor
	stopping int // an eventfd
	conns    map[int]*bytesConn
	buf      []byte
}

// bytesConn is one connection.
type bytesConn struct {
	open    bool   // upgraded
	request []byte // as far as it has come
	rest    []byte // what could not be written yet; nothing is read meanwhile
}

func startFloor(ln net.Listener, role Role) (stop func(), err error) {
	f, err := ln.(*net.TCPListener).File()
	if err != nil {
		return nil, err
	}
	ln.Close()
	s := &bytesServer{role: role, listener: int(f.Fd()), conns: make(map[int]*bytesConn), buf: make([]byte, 256<<10)}
	if err := unix.SetNonblock(s.listener, true); err != nil {
		return nil, err
	}
	if s.stopping, err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
		return nil, err
	}
	if s.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	for _, fd := range []int{s.listener, s.stopping} {
		if err := s.watch(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN); err != nil {
			return nil, err
		}
	}
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1) // one waits all the time
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) - 1)
		s.run()
		for fd := range s.conns {
			unix.Close(fd)
		}
		unix.Close(s.epoll)
		unix.Close(s.stopping)
		f.Close()
	}()
	return func() {
		unix.Write(s.stopping, []byte{1, 0, 0, 0, 0, 0, 0, 0})
		<-done
	}, nil
}

func (s *bytesServer) watch(op, fd int, events uint32) error {
	return unix.EpollCtl(s.epoll, op, fd, &unix.EpollEvent{Fd: int32(fd), Events: events})
}

func (s *bytesServer) run() {
	events := make([]unix.EpollEvent, 256)
	for {
		n, err := wire.EpollWait(s.epoll, events, -1)
		if err != nil {
			log.Print("floor: ", err)
			return
		}
		for _, ev := range events[:n] {
			switch fd := int(ev.Fd); fd {
			case s.stopping:
				return
			case s.listener:
				s.accept()
			default:
				if err := s.serve(fd, s.conns[fd]); err != nil {
					delete(s.conns, fd)
					unix.Close(fd)
				}
			}
		}
	}
}

func (s *bytesServer) accept() {
	for {
		fd, _, err := unix.Accept4(s.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) // as package net has it
		s.conns[fd] = new(bytesConn)
		if err := s.watch(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN); err != nil {
			log.Print("floor: ", err)
		}
	}
}

var errGone = errors.New("the client is gone")

// serve does what an event asks for.
func (s *bytesServer) serve(fd int, c *bytesConn) error {
	if len(c.rest) > 0 {
		rest := c.rest
		c.rest = nil
		if err := s.write(fd, c, rest); err != nil || len(c.rest) > 0 {
			return err
		}
		return s.watch(unix.EPOLL_CTL_MOD, fd, unix.EPOLLIN)
	}
	n, errno := wire.Read(fd, s.buf)
	switch {
	case errno == syscall.EAGAIN:
		return nil
	case errno != 0:
		return errno
	case n == 0:
		return errGone
	case !c.open:
		return s.upgrade(fd, c, s.buf[:n])
	case s.role == Broadcast:
		for fd, c := range s.conns {
			if c.open {
				s.write(fd, c, s.buf[:n])
			}
		}
		return nil
	}
	return s.write(fd, c, s.buf[:n])
}

// write sends p, as far as there is room now.
func (s *bytesServer) write(fd int, c *bytesConn, p []byte) error {
	if len(c.rest) > 0 {
		c.rest = append(c.rest, p...)
		return nil
	}
	n, errno := wire.Write(fd, p)
	if errno != 0 && errno != syscall.EAGAIN {
		return errno
	}
	if n == len(p) {
		return nil
	}
	// It is watched for one thing at a time, so that a client that does not
	// read is not read from.
	c.rest = bytes.Clone(p[n:])
	return s.watch(unix.EPOLL_CTL_MOD, fd, unix.EPOLLOUT)
}

// upgrade reads the request, and answers it once it is there.
func (s *bytesServer) upgrade(fd int, c *bytesConn, p []byte) error {
	c.request = append(c.request, p...)
	if !bytes.HasSuffix(c.request, []byte("\r\n\r\n")) {
		return nil
	}
	_, key, _ := bytes.Cut(c.request, []byte("Sec-WebSocket-Key: ")) // as the client here writes it
	key, _, found := bytes.Cut(key, []byte("\r\n"))
	if !found {
		return errors.New("the request has no key")
	}
	answer := fmt.Appendf(nil, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: %s\r\n\r\n", wire.Accept(string(key)))
	c.open, c.request = true, nil
	if s.role == Broadcast {
		answer = append(answer, 0x82, byte(len(Greeting)))
		answer = append(answer, Greeting...)
	}
	return s.write(fd, c, answer)
}
