package poll

import (
	"errors"
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
	ended  chan string    // what came, and how it ended
	all    []byte
	over   bool
}

func newReader() *reader { return &reader{ended: make(chan string, 1)} }

func (r *reader) Ready(why Readiness, buf []byte) bool {
	if buf == nil {
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

// An end that comes with data is told: before Release, while nothing happens, or while a handler is busy.
func TestEndWithData(t *testing.T) {
	for _, kind := range kinds {
		for _, when := range []string{"before Release", "idle", "busy", "woken"} {
			t.Run(kind.name+" "+when, func(t *testing.T) {
				e := newEngine(1)
				for range 50 {
					r := newReader()
					busy, goOn := make(chan bool, 1), make(chan bool, 1)
					far := connected(t, e, kind.connect, &r.Socket, r)
					want := "data EOF"
					switch when {
					case "before Release":
						far.Write([]byte("data"))
						far.CloseWrite()
						r.Release()
					case "idle":
						r.Release()
						far.Write([]byte("data"))
						far.CloseWrite()
					case "busy":
						want = "first data EOF"
						r.onRead = func(p []byte) {
							if string(p) == "first " {
								busy <- true
								<-goOn
							}
						}
						r.Release()
						far.Write([]byte("first "))
						<-busy
						far.Write([]byte("data"))
						far.CloseWrite()
						goOn <- true
					case "woken":
						r.Release()
						r.Wake()
						far.Write([]byte("data"))
						far.CloseWrite()
						r.Wake()
					}
					if got := r.wait(t); got != want {
						t.Fatalf("got %q, want %q", got, want)
					}
				}
			})
		}
	}
}

// A connection that is reset is told to have ended with an error.
func TestReset(t *testing.T) {
	e := newEngine(1)
	for _, unread := range []bool{false, true} {
		r := newReader()
		far := connected(t, e, tcpPair, &r.Socket, r)
		r.Release()
		if unread { // closing with bytes unread resets
			if _, err := r.Write([]byte("unread")); err != nil {
				t.Fatal(err)
			}
		}
		far.(*net.TCPConn).SetLinger(0)
		far.Close()
		if got, want := r.wait(t), " "+syscall.ECONNRESET.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// After the peer has ended its side, this one still writes; and Shutdown from any goroutine is seen by both.
func TestHalfClose(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			e := newEngine(1)
			r := newReader()
			far := connected(t, e, kind.connect, &r.Socket, r)
			r.Release()
			far.Write([]byte("question"))
			far.CloseWrite()
			if got, want := <-r.ended, "question EOF"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if n, err := r.Write([]byte("answer")); n != 6 || err != nil {
				t.Errorf("Write took %d bytes, %v", n, err)
			}
			if err := r.Shutdown(syscall.SHUT_WR); err != nil {
				t.Error(err)
			}
			if got, err := io.ReadAll(far); string(got) != "answer" || err != nil {
				t.Errorf("the peer got %q, %v", got, err)
			}
			r.Close()

			r = newReader()
			far = connected(t, e, kind.connect, &r.Socket, r)
			r.Release()
			if err := r.Shutdown(syscall.SHUT_RDWR); err != nil {
				t.Error(err)
			}
			if got, want := r.wait(t), " EOF"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if got, err := io.ReadAll(far); len(got) > 0 || err != nil {
				t.Errorf("the peer got %q, %v", got, err)
			}
			if err := r.Shutdown(syscall.SHUT_RDWR); !errors.Is(err, net.ErrClosed) {
				t.Errorf("after Close, Shutdown returned %v", err)
			}
		})
	}
}

// What is written to a connection that was reset is refused with an error; the process gets no signal.
func TestWriteAfterReset(t *testing.T) {
	e := newEngine(1)
	r := newReader()
	far := connected(t, e, tcpPair, &r.Socket, r)
	r.Release()
	far.(*net.TCPConn).SetLinger(0)
	far.Close()
	<-r.ended
	if n, err := r.Write([]byte("x")); n != 0 || !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("Write took %d bytes, %v", n, err)
	}
	r.Close()
}

// Adopt closes what package net had, and the socket goes on; a connection that can't be adopted is as before.
func TestAdopt(t *testing.T) {
	e := newEngine(1)
	near, far, err := tcpPair()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	r := newReader()
	failing := &Engine{newSystem: func() (system, error) { return nil, syscall.EMFILE }, loops: func() int { return 1 }}
	if err := failing.Adopt(&r.Socket, near, r, nil); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("got %v, want %v", err, syscall.EMFILE)
	}
	if _, err := near.Write([]byte("x")); err != nil {
		t.Errorf("the connection that was not adopted: %v", err)
	}
	if err := e.Adopt(&r.Socket, near, r, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := near.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the connection that was adopted: %v", err)
	}
	if err := e.Adopt(&newReader().Socket, near, newReader(), nil); err == nil {
		t.Error("a closed connection was adopted")
	}
	r.Release()
	far.Write([]byte("data"))
	far.CloseWrite()
	if got := r.wait(t); got != "data EOF" {
		t.Errorf("got %q", got)
	}
}

// echoer writes what it reads back, and closes with its peer.
type echoer struct {
	Socket
	closed chan error
}

func (e *echoer) Ready(_ Readiness, buf []byte) bool {
	if buf == nil {
		buf = make([]byte, 4096)
	}
	for {
		n, err := e.Read(buf)
		if err == nil && n == 0 {
			e.closed <- e.Close()
			return false
		}
		if err != nil {
			return false
		}
		e.Write(buf[:n])
	}
}

func (e *echoer) Writable() {}
func (e *echoer) Detained() {}

// An event allocates nothing.
func TestEventAllocations(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			engine := newEngine(1)
			e := &echoer{closed: make(chan error, 1)}
			far := connected(t, engine, kind.connect, &e.Socket, e)
			e.Release()
			far.SetDeadline(time.Time{})
			b := []byte("x")
			n := testing.AllocsPerRun(2000, func() {
				far.Write(b)
				if _, err := far.Read(b); err != nil {
					t.Error(err)
				}
			})
			t.Logf("%v allocations for an event and its answer", n)
			if n > 0 {
				t.Errorf("%v allocations for an event and its answer, want none", n)
			}
			far.Close()
			if err := <-e.closed; err != nil {
				t.Error(err)
			}
		})
	}
}
