package spout

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"

	"github.com/spoutws/spout/internal/poll"
)

// plainSocket is a socket whose bytes are those of WebSocket.
type plainSocket struct{ socket }

// run needs no goroutine where there is no event that might take long.
func (s *plainSocket) run(early []byte, served bool) {
	c := &s.conn
	if _, plain := c.handler.(HandlerFunc); len(early) > 0 || served && !plain {
		s.socket.run(early, served)
		return
	}
	s.begun = true
	c.begin(served)
	c.mu.Lock()
	if !s.decoded(c.resume(nil)) {
		s.Wake() // it has ended already
	}
	c.mu.Unlock()
	s.Leave()
}

// socket is a stream that the event engine drives, but for what depends on what its bytes are: that
// is not promoted to a secureSocket.
type socket struct {
	conn Conn
	poll.Socket

	// The address of the peer in few bytes, unless it is not of TCP, or has a zone: then it is
	// rare.remote. The system forgets it when the peer resets the connection.
	ip   [16]byte
	port uint16 // 0 if it is there

	// These belong to the reader.
	served    bool // OnOpen is due
	begun     bool
	pausing   bool // there is something to decode, which has to wait
	left      bool // an event has ended its goroutine
	lingering bool // what comes is forgotten
	over      bool // nothing comes any more
}

func (s *socket) run(early []byte, served bool) {
	s.served = served
	s.keep(early)
	s.Wake()
	go s.Release()
}

func (s *socket) resume()    { s.Wake() }
func (s *socket) interrupt() { s.Wake() }

// fairShare is how many bytes are read before other connections have their turn.
const fairShare = 256 << 10

// Ready reads what has come, and does what follows from it.
func (s *plainSocket) Ready(why poll.Readiness, buf []byte) (more bool) {
	returned := false
	defer s.departed(&returned)
	if buf != nil {
		more = s.ready(why, buf, false)
	} else {
		more = s.readyApart(why)
	}
	returned = true
	return more
}

// departed is deferred by Ready, and notes that an event has ended the goroutine unless Ready has returned.
func (s *socket) departed(returned *bool) {
	if !*returned {
		s.left = true
	}
}

func (s *plainSocket) readyApart(why poll.Readiness) (more bool) {
	buf := getSmall()
	defer func() { putBuffer(buf) }()
	for more = true; more; why = poll.HungUp {
		more = s.ready(why, buf, true)
		if more && len(buf) == smallBuffer {
			putBuffer(buf)
			buf = getLarge()
		}
	}
	return false
}

// enter begins a turn; apart says that this goroutine keeps no other connection waiting. It returns where to
// read to, as place does, and whether there may be something to read that is not told.
func (s *socket) enter(why poll.Readiness, buf []byte, apart bool) (p []byte, again bool) {
	c := &s.conn
	if !s.begun {
		s.begun = true
		c.begin(s.served)
	}
	c.mu.Lock()
	switch {
	case apart, c.apart == detained: // perhaps just before
		c.apart = alone
	default:
		c.apart = together
	}
	again = why&poll.Woken != 0 && !s.over
	if again && !s.goOn() {
		s.finish()
	}
	p = s.place(buf)
	c.mu.Unlock()
	return p, again
}

// ready reads into buf.
func (s *plainSocket) ready(why poll.Readiness, buf []byte, apart bool) (more bool) {
	p, again := s.enter(why, buf, apart)
	share := max(fairShare, len(buf))
	if len(buf) == smallBuffer { // a larger one follows
		share = smallBuffer
	}
	for p != nil && share > 0 {
		n, err := s.Read(p)
		if err == poll.ErrAgain {
			return false
		}
		// What has come while it was not asked for is not told again.
		drained := n < len(p) && why&poll.HungUp == 0 && !again
		share -= n
		if p = s.take(p[:n], err, buf); drained {
			return false
		}
	}
	return p != nil
}

// goOn does what the reader was woken for. It returns false at the end. Conn.mu is held.
func (s *socket) goOn() bool {
	c := &s.conn
	if s.left {
		s.left = false
		return false
	}
	if !s.lingering && (c.killed || c.failed) {
		return false
	}
	if !s.pausing || c.paused {
		return true
	}
	var rest []byte
	if r := c.rare; r != nil {
		rest, r.rest = r.rest, nil
	}
	s.pausing = false
	return s.decoded(c.resume(rest))
}

// take takes what was read, and returns where to read what follows.
func (s *socket) take(p []byte, err error, buf []byte) (next []byte) {
	c := &s.conn
	c.mu.Lock() // not deferred: an event, during which it is not held, may end the goroutine
	more := len(p) > 0
	switch {
	case s.lingering:
		r := c.rarely()
		r.lingered += len(p)
		more = more && r.lingered < lingerBytes
	case more:
		more = s.decoded(c.feed(p))
	default:
		c.broke(orEOF(err))
	}
	if !more {
		s.finish()
	}
	next = s.place(buf)
	c.mu.Unlock()
	return next
}

// decoded takes what Conn.feed or Conn.resume return. It returns false at the end. Conn.mu is held.
func (s *socket) decoded(rest []byte, next stepNext) bool {
	if next == stepPause {
		s.keep(rest)
	}
	return next != stepDone
}

// keep keeps what is to be decoded when the reader is woken, if only nothing.
func (s *socket) keep(rest []byte) {
	s.pausing = true
	if len(rest) > 0 {
		s.conn.rarely().rest = slices.Clone(rest)
	}
}

// finish ends the reading, or the lingering. Conn.mu is held.
func (s *socket) finish() {
	if s.lingering {
		s.conclude()
		return
	}
	s.conn.mu.Unlock()
	s.conn.finish()
	s.conn.mu.Lock()
}

func (s *socket) takeDown(linger bool) {
	s.pausing = false
	s.lingering = true
	if !linger {
		s.conclude()
	}
}

func (s *socket) conclude() {
	s.over = true
	go s.conn.conclude()
}

func (s *socket) lingerUntil(by instant) bool {
	c := &s.conn
	if by != 0 {
		c.rarely().closeBy = by
		c.arm(by)
	}
	return true
}

// Detained lets go what was held back for the end of an event that takes long.
func (s *socket) Detained() {
	c := &s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	c.apart = detained
	c.uncork()
}

// cork bounds the holding back by itself where Detained does not end it.
func (s *socket) cork() {
	if s.conn.apart != together {
		s.conn.uncorkSoon()
	}
}

func (s *plainSocket) answer(head []byte) error {
	c := &s.conn
	n, err := s.try(head)
	if n < len(head) && err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		o := c.queue()
		o.flight = head[n:] // before what others have queued
		o.size += len(o.flight)
	}
	return err
}

func (s *plainSocket) try(p []byte) (int, error)              { return s.Write(p) }
func (s *plainSocket) tryBoth(head, body []byte) (int, error) { return s.WriteBoth(head, body) }

func (s *socket) writeRest() {
	c := &s.conn
	s.AwaitWritable(true)
	c.rarely().stalled = 0
	for !c.dead && c.out.load() {
		c.writable = false
		if !c.tryFlight() && !c.dead && !c.writable {
			c.rare.stalled = now()
			if c.cfg.writeTimeout > 0 {
				c.arm(c.rare.stalled + instant(c.cfg.writeTimeout))
			}
			return
		}
	}
	s.AwaitWritable(false)
	c.endWriting()
}

// Writable goes on with what was left to be written.
func (s *socket) Writable() {
	c := &s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stalled() {
		s.writeRest()
	} else {
		c.writable = true
	}
}

func (s *plainSocket) closeWrite() bool { return s.Shutdown(syscall.SHUT_WR) == nil }
func (s *socket) abort()                { s.Shutdown(syscall.SHUT_RDWR) }
func (s *socket) close()                { s.Close() }

func (s *socket) setNoDelay(on bool) error {
	if s.remoteAddr().Network() != "tcp" {
		return fmt.Errorf("spout: SetNoDelay on a unix socket: %w", errors.ErrUnsupported)
	}
	v := 0
	if on {
		v = 1
	}
	return s.Control(func(fd int) error {
		return os.NewSyscallError("setsockopt", syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, v))
	})
}

// tick drops a connection whose peer takes nothing of what is left to be written.
func (s *socket) tick(t instant) {
	c := &s.conn
	if !c.stalled() || c.cfg.writeTimeout == 0 {
		return
	}
	by := c.rare.stalled + instant(c.cfg.writeTimeout)
	if t < by {
		c.arm(by)
		return
	}
	c.writeFailed(os.ErrDeadlineExceeded)
}

func (s *socket) remoteAddr() net.Addr {
	if s.port != 0 {
		return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom16(s.ip).Unmap(), s.port))
	}
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return s.conn.rare.remote
}
