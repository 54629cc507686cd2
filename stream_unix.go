//go:build unix

package spout

import (
	"io"
	"syscall"
)

// rawConn reads and writes a socket without package net's copy of a waiting buffer: reading
// takes a buffer only when there is something to read, writing can be tried without waiting.
type rawConn struct {
	rc syscall.RawConn

	// The write under way. The holder of the write token has them.
	out  []byte
	n    int
	err  error
	wait bool
	step func(fd uintptr) bool // made once, so that a write allocates nothing
}

func newRawConn(c syscall.Conn) *rawConn {
	rc, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	r := &rawConn{rc: rc}
	r.step = r.writeStep
	return r
}

func (r *rawConn) read(push func([]byte) bool) (err error) {
	waitErr := r.rc.Read(func(fd uintptr) bool {
		buf := getSmall()
		defer func() { putBuffer(buf) }()
		for {
			var n int
			n, err = syscall.Read(int(fd), buf)
			switch {
			case err == syscall.EINTR:
				continue
			case err == syscall.EAGAIN:
				err = nil
				return false
			case err != nil:
				return true
			case n == 0:
				err = io.EOF
				return true
			}
			if !push(buf[:n]) {
				return true
			}
			if n == smallBuffer {
				putBuffer(buf)
				buf = getLarge()
			}
		}
	})
	if err == nil {
		err = waitErr
	}
	return err
}

func (r *rawConn) write(p []byte, wait bool) (int, error) {
	r.out, r.n, r.err, r.wait = p, 0, nil, wait
	err := r.rc.Write(r.step)
	r.out = nil
	if r.err == nil && r.n == 0 {
		r.err = err
	}
	return r.n, r.err
}

func (r *rawConn) writeStep(fd uintptr) bool {
	for {
		n, err := syscall.Write(int(fd), r.out)
		switch err {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			return !r.wait
		}
		r.n, r.err = max(n, 0), err
		return true
	}
}
