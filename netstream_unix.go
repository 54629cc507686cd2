//go:build unix

package spout

import (
	"io"
	"sync"
	"syscall"
)

// rawConn returns the socket of c, to read and write without package net's waiting within a call:
// reading takes a buffer only when there is something to read, writing can be tried.
func rawConn(c syscall.Conn) syscall.RawConn {
	rc, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	return rc
}

// rawRead is read for a socket.
func (s *netStream) rawRead() {
	// The closure is all that a waiting connection has on the heap for this, so it is kept small.
	if err := s.raw.Read(func(fd uintptr) bool { return s.readAll(int(fd)) }); err != nil {
		s.broke(err)
	}
}

// readAll reads until the socket is empty, for which it returns false, or has ended.
func (s *netStream) readAll(fd int) bool {
	buf := getSmall()
	defer func() { putBuffer(buf) }()
	for {
		n, err := syscall.Read(fd, buf)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return false
		case err == nil && n == 0:
			err = io.EOF
		}
		if err != nil {
			s.broke(err)
			return true
		}
		if !s.push(buf[:n]) {
			return true
		}
		if n == smallBuffer {
			putBuffer(buf)
			buf = getLarge()
		}
	}
}

// rawWriter is one write to a socket. It is pooled with its step, so that a write allocates
// nothing.
type rawWriter struct {
	p    []byte
	wait bool
	n    int
	err  error
	step func(fd uintptr) bool
}

var rawWriters = sync.Pool{New: func() any {
	w := new(rawWriter)
	w.step = w.write
	return w
}}

// rawWrite writes to a socket what it takes at once or, if wait says so, waits until it takes
// something.
func rawWrite(rc syscall.RawConn, p []byte, wait bool) (n int, err error) {
	w := rawWriters.Get().(*rawWriter)
	w.p, w.wait, w.n, w.err = p, wait, 0, nil
	err = rc.Write(w.step)
	if w.n > 0 || w.err != nil {
		err = w.err
	}
	n = w.n
	w.p = nil
	rawWriters.Put(w)
	return n, err
}

func (w *rawWriter) write(fd uintptr) bool {
	for {
		n, err := syscall.Write(int(fd), w.p)
		switch err {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			return !w.wait
		}
		w.n, w.err = max(n, 0), err
		return true
	}
}
