package poll

import (
	"errors"
	"net"
	"os"
	"runtime"
	"slices"
	"syscall"
	"testing"
)

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
	for _, c := range []duplex{near, new(net.TCPConn)} {
		if err := e.Adopt(&newReader().Socket, c, newReader(), nil); err == nil {
			t.Error("a connection without a descriptor was adopted")
		}
	}
	r.Release()
	far.Write([]byte("data"))
	far.CloseWrite()
	if got := r.wait(t); got != "data EOF" {
		t.Errorf("got %q", got)
	}
}

// free returns the numbers of the next descriptors that are opened: the lowest that are not in use.
func free(t *testing.T, n int) (fds []int) {
	t.Helper()
	for range n {
		fd, err := syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(fd)
		fds = append(fds, fd)
	}
	return fds
}

// scarce calls f while the process may open n descriptors, and no more.
func scarce(t *testing.T, n int, f func()) {
	t.Helper()
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	now := was
	now.Cur = uint64(free(t, n+1)[n]) // which is the first that is too many
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &now); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was)
	f()
}

// Where descriptors run out, for a socket or for any of the loops, the error says at what, the connection is as before,
// and no descriptor is left open.
func TestAdoptWithoutDescriptors(t *testing.T) {
	for working() > 0 { // engines of other tests, which give back descriptors when they have stopped
		runtime.Gosched()
	}
	const loops = 2
	e := newEngine(loops)
	near, far, err := tcpPair()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	r := newReader()
	for n, want := range []string{"fcntl", "epoll_create1", "epoll_create1"} {
		before := free(t, 1+loops)
		scarce(t, n, func() { err = e.Adopt(&r.Socket, near, r, nil) })
		if at, ok := errors.AsType[*os.SyscallError](err); !ok || at.Syscall != want || at.Err != syscall.EMFILE {
			t.Fatalf("with %d descriptors: %v, want %v of %s", n, err, syscall.EMFILE, want)
		}
		if after := free(t, 1+loops); !slices.Equal(before, after) {
			t.Errorf("with %d descriptors: %v were free, then %v", n, before, after)
		}
	}
	if _, err := near.Write([]byte("x")); err != nil {
		t.Errorf("the connection that was not adopted: %v", err)
	}
	scarce(t, 1+loops, func() { err = e.Adopt(&r.Socket, near, r, nil) })
	if err != nil {
		t.Fatal(err)
	}
	r.Release()
	far.Write([]byte("data"))
	far.CloseWrite()
	if got := r.wait(t); got != "data EOF" {
		t.Errorf("got %q", got)
	}
}

// The engine of the process has half as many loops as there are processors, rounded up.
func TestDefault(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, test := range []struct{ processors, loops int }{{1, 1}, {2, 1}, {3, 2}, {8, 4}} {
		runtime.GOMAXPROCS(test.processors)
		r := newReader()
		far := connected(t, Default, tcpPair, &r.Socket, r)
		if n := len(Default.crew.loops); n != test.loops {
			t.Errorf("%d loops with %d processors, want %d", n, test.processors, test.loops)
		}
		r.Release()
		far.Write([]byte("data"))
		far.CloseWrite()
		if got := r.wait(t); got != "data EOF" {
			t.Errorf("got %q", got)
		}
	}
}
