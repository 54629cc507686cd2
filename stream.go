package spout

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// stream is the byte stream under a Conn, with what a Conn needs beyond reading and writing: a
// try that does not wait, an end from another goroutine, a half-close. One goroutine reads; the
// holder of the write token writes.
type stream struct {
	rwc io.ReadWriteCloser
	nc  net.Conn // rwc, if it is one
	raw *rawConn // the socket below, where it can be asked without waiting
	cut int      // the most that is written in one call, 0 for all
}

func newStream(rwc io.ReadWriteCloser) stream {
	s := stream{rwc: rwc}
	s.nc, _ = rwc.(net.Conn)
	switch nc := rwc.(type) {
	case *net.TCPConn:
		s.raw = newRawConn(nc)
	case *net.UnixConn:
		s.raw = newRawConn(nc)
	case *tls.Conn:
		// A timeout within a Write breaks a TLS connection, so progress is only seen between
		// writes: one record each.
		s.cut = 16 << 10
	}
	return s
}

// socket returns the kernel's connection under nc, or nil.
func socket(nc net.Conn) halfCloser {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	h, _ := nc.(halfCloser)
	return h
}

type halfCloser interface {
	CloseRead() error
	CloseWrite() error
}

// read passes what arrives to push until that returns false or the stream ends. Between two
// calls of push, waiting tells that nothing is there; while a socket waits, no buffer is held.
func (s *stream) read(push func([]byte) bool) error {
	if s.raw != nil {
		return s.raw.read(push)
	}
	buf := getSmall()
	defer putBuffer(buf)
	for {
		n, err := s.rwc.Read(buf)
		if n > 0 && !push(buf[:n]) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// try writes what is taken at once, which is nothing where the stream can't tell.
func (s *stream) try(p []byte) (int, error) {
	if s.raw == nil {
		return 0, nil
	}
	return s.raw.write(p, false)
}

// write waits until at least one byte of p is taken, at most for the timeout, 0 for ever.
func (s *stream) write(p []byte, timeout time.Duration) (n int, err error) {
	if s.nc == nil {
		if timeout > 0 {
			defer time.AfterFunc(timeout, func() { s.rwc.Close() }).Stop()
		}
		return s.rwc.Write(p)
	}
	var deadline time.Time
	if timeout > 0 {
		deadline = time.Now().Add(timeout)
	}
	s.nc.SetWriteDeadline(deadline)
	if s.raw != nil {
		return s.raw.write(p, true)
	}
	if s.cut > 0 && len(p) > s.cut {
		p = p[:s.cut]
	}
	n, err = s.nc.Write(p)
	if n > 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return n, err
}

// closeWrite tells the peer that nothing follows, and reports whether the stream can do that.
func (s *stream) closeWrite() bool {
	c, ok := s.rwc.(interface{ CloseWrite() error })
	return ok && c.CloseWrite() == nil
}

func (s *stream) setReadDeadline(t time.Time) {
	if s.nc != nil {
		s.nc.SetReadDeadline(t)
	}
}

// abort ends all reading and writing from any goroutine. A socket is only shut down: closing
// its descriptor is left to the goroutine that reads.
func (s *stream) abort() {
	if h := socket(s.nc); h != nil {
		h.CloseWrite()
		h.CloseRead()
		return
	}
	s.rwc.Close()
}

func (s *stream) remoteAddr() net.Addr {
	if s.nc != nil {
		return s.nc.RemoteAddr()
	}
	return noAddr{}
}

// noAddr is the address of a stream that has none.
type noAddr struct{}

func (noAddr) Network() string { return "none" }
func (noAddr) String() string  { return "unknown" }
