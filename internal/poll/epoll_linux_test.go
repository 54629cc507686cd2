package poll

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
)

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

// An error of the system ends the waiting, and is told; so does the end of the engine.
func TestWaitFails(t *testing.T) {
	sys, err := newEpoll()
	if err != nil {
		t.Fatal(err)
	}
	events := make([]event, 1)
	sys.(*epoll).fd = -1
	for _, block := range []bool{false, true} {
		if n, err := sys.wait(events, block); n != 0 || !errors.Is(err, syscall.EBADF) {
			t.Errorf("%d events and %v, want %v", n, err, syscall.EBADF)
		}
	}
	sys.end()
	for _, block := range []bool{false, true} {
		if n, err := sys.wait(events, block); n != 0 || err == nil {
			t.Errorf("after the end: %d events and %v", n, err)
		}
	}
}
