package poll

import (
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// duplex is a socket of this host: of TCP, or of its own file system.
type duplex interface {
	net.Conn
	syscall.Conn
	CloseWrite() error
}

// kinds are the ways to get two connected sockets.
var kinds = []struct {
	name    string
	connect func() (near, far duplex, err error)
}{
	{"tcp", tcpPair},
	{"unix", unixPair},
}

func tcpPair() (near, far duplex, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer ln.Close()
	f, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	n, err := ln.Accept()
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return n.(*net.TCPConn), f.(*net.TCPConn), nil
}

func unixPair() (near, far duplex, err error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	var ends [2]duplex
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "socketpair")
		c, err := net.FileConn(f)
		f.Close()
		if err != nil {
			return nil, nil, err
		}
		ends[i] = c.(*net.UnixConn)
	}
	return ends[0], ends[1], nil
}

func newEngine(loops int) *Engine {
	return &Engine{newSystem: newEpoll, loops: func() int { return loops }}
}

// reader reads as a server does: a short read is the last, unless the end may follow.
type reader struct {
	Socket
	onRead func(p []byte) // if not nil
	own    []byte         // read into, if not nil
	ended  chan string    // what came, and how it ended
	all    []byte
	over   bool
}

func newReader() *reader { return &reader{ended: make(chan string, 1)} }

func (r *reader) Ready(why Readiness, buf []byte) bool {
	if r.own != nil {
		buf = r.own
	} else if buf == nil {
		buf = make([]byte, 4096)
	}
	for !r.over {
		n, err := r.Read(buf)
		if err == ErrAgain {
			return false
		}
		r.all = append(r.all, buf[:n]...)
		if n > 0 && r.onRead != nil {
			r.onRead(buf[:n])
		}
		if n == 0 {
			if err == nil {
				err = io.EOF
			}
			r.over = true
			r.ended <- fmt.Sprintf("%s %v", r.all, err)
		}
		if n < len(buf) && why&(HungUp|Woken) == 0 {
			return false
		}
	}
	return false
}

func (r *reader) Writable() {}
func (r *reader) Detained() {}

// connected adopts one end of two sockets for r, which is closed when the test ends, and returns the other.
func connected(t testing.TB, e *Engine, connect func() (near, far duplex, err error), s *Socket, h Handler) (far duplex) {
	t.Helper()
	near, far, err := connect()
	if err != nil {
		t.Fatal(err)
	}
	far.SetDeadline(time.Now().Add(time.Minute))
	if err := e.Adopt(s, near, h, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	return far
}

// wait returns what came and how it ended, and closes the socket.
func (r *reader) wait(t testing.TB) string {
	t.Helper()
	select {
	case s := <-r.ended:
		r.Close()
		return s
	case <-time.After(time.Minute):
		t.Fatal("the end of the stream was not told")
		return ""
	}
}
