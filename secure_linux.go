package spout

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/spoutws/spout/internal/poll"
)

// carrier is what carries a *tls.Conn of Server.Listener: a connection of package net, which waits,
// for the handshake and for net/http; and once that is hijacked a socket, which does not.
type carrier struct {
	net.Conn
	socket atomic.Pointer[secureSocket]
}

// carrying returns what TLS over nc is to use.
func carrying(nc net.Conn) net.Conn {
	if !driven || adoptable(nc) == nil {
		return nc
	}
	return &carrier{Conn: nc}
}

func (t *carrier) NetConn() net.Conn { return t.Conn }

func (t *carrier) Read(p []byte) (int, error) {
	if s := t.socket.Load(); s != nil {
		return s.readSealed(p)
	}
	return t.Conn.Read(p)
}

func (t *carrier) Write(p []byte) (int, error) {
	if s := t.socket.Load(); s != nil {
		return s.writeSealed(p)
	}
	return t.Conn.Write(p)
}

func (t *carrier) Close() error {
	if s := t.socket.Load(); s != nil {
		s.abort()
		return nil
	}
	return t.Conn.Close()
}

// secureSocket is a socket with TLS. The package crypto/tls does all of that; it only takes care
// that nothing waits in there.
type secureSocket struct {
	socket
	tls *tls.Conn

	drained bool // nothing is there to read until the next event, the reader's
	unsure  bool // a short read does not say so

	owing bool // the last byte of what is sealed does not count as taken yet, the holder of the write token's

	mu     sync.Mutex // taken after all others
	sealed []byte     // encrypted, to be written
	sent   int        // bytes of it that were taken
	gather bool       // sealed is written when more is in it
	last   bool       // the writing ends after it
	broken error      // of writing
}

// errNothing says that there is nothing to read now. It is temporary, so that crypto/tls goes on
// where it stopped: other errors it answers for ever.
var errNothing net.Error = nothing{}

type nothing struct{}

func (nothing) Error() string   { return "spout: nothing to read now" }
func (nothing) Timeout() bool   { return true }
func (nothing) Temporary() bool { return true }

// Ready is plainSocket.Ready with TLS.
func (s *secureSocket) Ready(why poll.Readiness, buf []byte) (more bool) {
	returned := false
	defer s.departed(&returned)
	if buf != nil {
		more = s.ready(why, buf, false)
	} else {
		buf = getMedium()
		defer putBuffer(buf)
		for more = true; more; why = poll.HungUp {
			more = s.ready(why, buf, true)
		}
		more = false
	}
	returned = true
	return more
}

func (s *secureSocket) ready(why poll.Readiness, buf []byte, apart bool) (more bool) {
	p, again := s.enter(why, buf, apart)
	s.drained, s.unsure = false, again || why&poll.HungUp != 0
	for share := fairShare; share > 0 && p != nil; {
		n, err := s.readOpen(p)
		share -= n
		if n > 0 {
			p = s.take(p[:n], nil, buf)
		}
		if err == poll.ErrAgain {
			return false
		}
		if err != nil && p != nil { // else it comes again
			p = s.take(nil, err, buf)
		}
	}
	return p != nil
}

func (s *secureSocket) pull(p []byte) int {
	return s.pullBy(func(p []byte) (int, error) {
		s.drained, s.unsure = false, true
		return s.open(p)
	}, p)
}

// readOpen reads what was sent: as many records as there are, so that they are answered in one
// write.
func (s *secureSocket) readOpen(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = s.open(p[n:])
		n += m
	}
	return n, err
}

// open is Socket.Read for what TLS carries.
func (s *secureSocket) open(p []byte) (int, error) {
	n, err := s.tls.Read(p)
	if err == errNothing {
		err = poll.ErrAgain
	}
	return n, err
}

// readSealed reads for crypto/tls.
func (s *secureSocket) readSealed(p []byte) (int, error) {
	if s.drained {
		return 0, errNothing
	}
	n, err := s.Read(p)
	switch {
	case err == poll.ErrAgain:
		s.drained = true
		return 0, errNothing
	case n == 0 && err == nil:
		return 0, io.EOF
	}
	s.drained = n < len(p) && !s.unsure
	return n, err
}

// writeSealed writes for crypto/tls, to which an error would be the end. What the socket does not take
// waits.
func (s *secureSocket) writeSealed(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return 0, s.broken
	}
	if !s.gather && len(s.sealed)-s.sent > largeBuffer {
		s.broken = errors.New("spout: the peer takes nothing of what TLS itself has to send")
		return 0, s.broken
	}
	if s.sealed == nil {
		s.sealed = getBuffer(len(p), largeBuffer)[:0]
	}
	s.sealed = append(s.sealed, p...)
	if !s.gather {
		s.writeOut()
	}
	return len(p), nil
}

// writeOut writes what is sealed, as far as the socket takes it, and has Writable called for the
// rest. s.mu is held.
func (s *secureSocket) writeOut() {
	for try := 0; s.sent < len(s.sealed) && s.broken == nil && try < 2; try++ {
		if try > 0 {
			s.AwaitWritable(true)
		}
		var n int
		n, s.broken = s.Write(s.sealed[s.sent:])
		s.sent += n
	}
	if s.sent < len(s.sealed) && s.broken == nil {
		return
	}
	putBuffer(s.sealed)
	s.sealed, s.sent = nil, 0
	if s.last {
		s.last = false
		s.Shutdown(syscall.SHUT_WR)
	}
}

// flushSealed reports whether something sealed still waits after it was tried to write it.
func (s *secureSocket) flushSealed() (waits bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gather = false
	if s.sealed != nil {
		s.writeOut()
	}
	return s.sealed != nil, s.broken
}

// maxSealing is how much is encrypted for one write; it fits a large buffer then.
const maxSealing = 3 * tlsRecord

// gatherSealed has n bytes written at once when they are encrypted.
func (s *secureSocket) gatherSealed(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gather = true
	if s.sealed == nil {
		s.sealed = getBuffer(n+n/8+256, largeBuffer)[:0] // records begin small
	}
}

func (s *secureSocket) try(p []byte) (int, error) { return s.tryBoth(nil, p) }

// tryBoth encrypts and writes. Nothing more is encrypted while something sealed waits; until that is written,
// its last byte does not count as taken. It comes again then, as the beginning of the rest.
func (s *secureSocket) tryBoth(head, body []byte) (n int, err error) {
	for {
		waits, err := s.flushSealed()
		if waits || err != nil {
			return n, err
		}
		if s.owing {
			s.owing = false
			n++
			body = body[1:]
		}
		if len(body) == 0 {
			return n, nil
		}
		m := min(len(body), maxSealing)
		s.gatherSealed(len(head) + m)
		for _, p := range [][]byte{head, body[:m]} {
			if _, err := s.tls.Write(p); err != nil {
				return n, err
			}
		}
		n += len(head) + m - 1
		head, body = nil, body[m-1:]
		s.owing = true
	}
}

func (s *secureSocket) answer(head []byte) error {
	_, err := s.tls.Write(head)
	return err
}

func (s *secureSocket) writeRest() {
	s.socket.writeRest()
	s.flushSealed() // what the reader has answered for TLS waits for nobody
}

func (s *secureSocket) Writable() {
	s.socket.Writable()
	s.flushSealed()
}

// closeWrite sends TLS's own word for the end before that of TCP.
func (s *secureSocket) closeWrite() bool {
	if s.tls.CloseWrite() != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = true
	s.writeOut()
	return true
}

func (s *secureSocket) close() {
	s.tls.CloseWrite() // which does nothing the second time
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = net.ErrClosed
	s.writeOut()
	s.socket.close()
}
