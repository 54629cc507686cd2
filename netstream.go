package spout

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// netStream is a stream of package net, or any other, with a goroutine of its own that reads.
type netStream struct {
	conn *Conn
	rwc  io.ReadWriteCloser
	raw  syscall.RawConn // the socket, where it can be asked without waiting, or nil

	// Guarded by Conn.mu:
	quiet     instant // since when the goroutine that reads waits
	grown     bool    // its stack may have grown
	shrinking bool    // it is woken to be replaced
}

func newNetStream(rwc io.ReadWriteCloser) *netStream {
	s := &netStream{rwc: rwc}
	if nc, ok := s.transport().(*net.TCPConn); ok {
		limitUnsent(nc)
	}
	switch nc := rwc.(type) {
	case *net.TCPConn:
		s.raw = rawConn(nc)
	case *net.UnixConn:
		s.raw = rawConn(nc)
	}
	return s
}

// net returns the stream as a net.Conn, or nil.
func (s *netStream) net() net.Conn {
	nc, _ := s.rwc.(net.Conn)
	return nc
}

// transport returns the connection under TLS, or else the stream itself.
func (s *netStream) transport() any {
	t, ok := s.rwc.(*tls.Conn)
	if !ok {
		return s.rwc
	}
	nc := t.NetConn()
	if carrier, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = carrier.NetConn()
	}
	return nc
}

// read pushes what arrives until no more is wanted or the stream ends. While a socket waits, no buffer
// is held.
func (s *netStream) read() {
	if s.raw != nil {
		s.rawRead()
		return
	}
	buf := getSmall()
	defer putBuffer(buf)
	for {
		n, err := s.rwc.Read(buf)
		if n > 0 && !s.push(buf[:n]) {
			return
		}
		if err != nil {
			s.broke(err)
			return
		}
	}
}

// try writes what is taken at once, which is nothing where the stream can't tell.
func (s *netStream) try(p []byte) (int, error) {
	if s.raw == nil {
		return 0, nil
	}
	return rawWrite(s.raw, p, false)
}

// tryBoth takes nothing: a copy of both goes out in one call.
func (s *netStream) tryBoth(head, body []byte) (int, error) { return 0, nil }

// tlsRecord is the most that a TLS record holds. A timeout within a Write breaks a TLS connection,
// so the peer's progress is only seen between writes: one record each.
const tlsRecord = 16 << 10

// write waits until at least one byte of p is taken, at most for WriteTimeout. Without deadlines the
// stream is closed then, which the connection is told before the reader can see it.
func (s *netStream) write(p []byte) (n int, err error) {
	timeout := s.conn.cfg.writeTimeout
	nc := s.net()
	if nc == nil {
		if timeout > 0 {
			defer time.AfterFunc(timeout, func() {
				s.broke(errWriteTimeout)
				s.rwc.Close()
			}).Stop()
		}
		return s.rwc.Write(p)
	}
	if timeout > 0 {
		nc.SetWriteDeadline(time.Now().Add(timeout))
		defer nc.SetWriteDeadline(time.Time{})
	}
	if s.raw != nil {
		return rawWrite(s.raw, p, true)
	}
	if _, ok := nc.(*tls.Conn); ok && len(p) > tlsRecord {
		p = p[:tlsRecord]
	}
	n, err = nc.Write(p)
	if n > 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return n, err
}

// closeWrite tells the peer that nothing follows, and reports whether the stream can do that.
func (s *netStream) closeWrite() bool {
	c, ok := s.rwc.(interface{ CloseWrite() error })
	return ok && c.CloseWrite() == nil
}

func (s *netStream) setReadDeadline(t time.Time) {
	if nc := s.net(); nc != nil {
		nc.SetReadDeadline(t)
	}
}

// abort ends all reading and writing from any goroutine, without waiting. A socket is only shut
// down: closing its descriptor is left to the goroutine that reads.
func (s *netStream) abort() {
	if h, ok := s.transport().(interface {
		CloseRead() error
		CloseWrite() error
	}); ok {
		h.CloseWrite()
		h.CloseRead()
		s.setReadDeadline(past) // not every system wakes a read for a shutdown
		return
	}
	go s.rwc.Close()
}

func (s *netStream) close() { s.rwc.Close() }

func (s *netStream) setNoDelay(on bool) error {
	t := s.transport()
	if tcp, ok := t.(interface{ SetNoDelay(bool) error }); ok {
		return tcp.SetNoDelay(on)
	}
	return fmt.Errorf("spout: SetNoDelay on %T: %w", t, errors.ErrUnsupported)
}

func (s *netStream) remoteAddr() net.Addr {
	if nc := s.net(); nc != nil {
		return nc.RemoteAddr()
	}
	return noAddr{}
}
