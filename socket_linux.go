package spout

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"syscall"

	"github.com/spoutws/spout/internal/poll"
	"github.com/spoutws/spout/internal/proto"
)

// route is what the connections of one [Server.Handler] share: whether their events are slow.
type route = poll.Route

// driven reports whether connections of servers are driven by events.
var driven = os.Getenv("SPOUT_ENGINE") != "goroutine"

// accepted returns the connection over a server's end of nc, which it owns from now on.
func accepted(nc net.Conn, cfg *config, r *route) *Conn {
	if tcp, ok := nc.(*net.TCPConn); ok {
		limitUnsent(tcp)
	}
	var from interface {
		net.Conn
		syscall.Conn
	}
	switch nc := nc.(type) { // these, and nothing that wraps them: its Close would be called too early
	case *net.TCPConn:
		from = nc
	case *net.UnixConn:
		from = nc
	}
	if from == nil || !driven {
		return newConn(nc, cfg)
	}
	s := &socket{}
	s.conn = Conn{cfg: cfg, stream: s, decoder: proto.NewDecoder(&cfg.rules)}
	s.addr = addressOf(nc.RemoteAddr())
	if err := poll.Default.Adopt(&s.Socket, from, s, r); err != nil {
		cfg.log().Debug("spout: a goroutine serves the connection", "remote", nc.RemoteAddr(), "err", err)
		return newConn(nc, cfg)
	}
	return &s.conn
}

// socket is a stream that the event engine drives.
type socket struct {
	conn Conn
	poll.Socket
	addr address

	// These belong to the reader.
	served    bool // OnOpen is due
	begun     bool
	pausing   bool  // there is something to decode, which has to wait
	left      bool  // an event has ended its goroutine
	lingering bool  // what comes is forgotten
	over      bool  // nothing comes any more
	lingered  int32 // bytes

	detained atomic.Bool // the reader keeps no other connection waiting any more
}

func (s *socket) run(c *Conn, early []byte, served bool) {
	s.served = served
	s.keep(early)
	s.pausing = true // also without: the reader is to begin
	s.Wake()
	go s.Release()
}

func (s *socket) resume(*Conn) { s.Wake() }
func (s *socket) interrupt()   { s.Wake() }

// fairShare is how many bytes are read before other connections have their turn.
const fairShare = 256 << 10

// Ready reads what has come, and does what follows from it.
func (s *socket) Ready(why poll.Readiness, buf []byte) (more bool) {
	returned := false
	defer func() {
		if !returned {
			s.left = true
		}
	}()
	if s.detained.Load() {
		s.detained.Store(false)
	}
	if buf != nil {
		more = s.ready(why, buf)
	} else {
		more = s.readyApart(why)
	}
	returned = true
	return more
}

func (s *socket) readyApart(why poll.Readiness) (more bool) {
	s.detained.Store(true)
	buf := getSmall()
	defer func() { putBuffer(buf) }()
	for more = true; more; why = poll.HungUp {
		more = s.ready(why, buf)
		if len(buf) == smallBuffer {
			putBuffer(buf)
			buf = getLarge()
		}
	}
	return false
}

func (s *socket) ready(why poll.Readiness, buf []byte) (more bool) {
	if !s.begun {
		s.begun = true
		s.conn.begin(s.served)
	}
	if why&poll.Woken != 0 && !s.over {
		// What has come while it was not asked for is not told again.
		why |= poll.HungUp
		if !s.goOn() {
			s.finish()
		}
	}
	share := max(fairShare, len(buf))
	if len(buf) == smallBuffer { // a larger one follows
		share = smallBuffer
	}
	for share > 0 && !s.over && !s.pausing {
		n, err := s.Read(buf)
		switch {
		case err == poll.ErrAgain:
			return false
		case n == 0 && err == nil:
			err = io.EOF
		}
		if !s.take(buf[:n], err) {
			s.finish()
		}
		if n < len(buf) && why&poll.HungUp == 0 {
			return false
		}
		share -= n
	}
	return !s.over && !s.pausing
}

// goOn does what the reader was woken for. It returns false at the end.
func (s *socket) goOn() bool {
	if s.left {
		s.left = false
		return false
	}
	c := &s.conn
	c.mu.Lock()
	if !s.lingering && (c.killed || c.failed) {
		c.mu.Unlock()
		return false
	}
	if !s.pausing || c.paused {
		c.mu.Unlock()
		return true
	}
	var rest []byte
	if r := c.rare; r != nil {
		rest, r.rest = r.rest, nil
	}
	c.mu.Unlock()
	s.pausing = false
	return s.decoded(c.resume(rest))
}

// take takes what was read. It returns false at the end.
func (s *socket) take(p []byte, err error) bool {
	switch {
	case s.lingering:
		s.lingered += int32(len(p))
		return err == nil && s.lingered < lingerBytes
	case err != nil:
		s.conn.broke(err)
		return false
	}
	return s.decoded(s.conn.feed(p, s.detained.Load()))
}

// decoded takes what Conn.feed or Conn.resume return. It returns false at the end.
func (s *socket) decoded(rest []byte, next stepNext) bool {
	if next == stepPause {
		s.keep(rest)
	}
	return next != stepDone
}

// keep keeps what is to be decoded when the reader is woken.
func (s *socket) keep(rest []byte) {
	if len(rest) == 0 {
		return
	}
	c := &s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rarely().rest = slices.Clone(rest)
	s.pausing = true
}

func (s *socket) finish() {
	if s.lingering {
		s.over = true
		go s.conn.conclude()
		return
	}
	s.conn.finish()
}

func (s *socket) takeDown(_ *Conn, linger bool) {
	s.pausing = false
	s.lingering = true
	if !linger {
		s.finish()
	}
}

func (s *socket) lingerUntil(c *Conn, by instant) bool {
	if by != 0 {
		c.rarely().closeBy = by
		c.arm(by)
	}
	return true
}

// Detained lets go what was held back for the end of an event that takes long.
func (s *socket) Detained() {
	s.detained.Store(true)
	c := &s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	c.apart = true
	c.uncork()
}

func (s *socket) cork(*Conn) {} // Detained ends it

func (s *socket) answer(c *Conn, head []byte) error {
	n, err := s.try(head)
	if n < len(head) && err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.queue().push(chunk{b: head[n:], shared: true})
	}
	return err
}

func (s *socket) try(p []byte) (int, error) { return s.Write(p) }

func (s *socket) writeRest(c *Conn) {
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
		s.writeRest(c)
	} else {
		c.writable = true
	}
}

func (s *socket) closeWrite() bool { return s.Shutdown(syscall.SHUT_WR) == nil }
func (s *socket) abort()           { s.Shutdown(syscall.SHUT_RDWR) }
func (s *socket) close()           { s.Close() }

func (s *socket) setNoDelay(on bool) error {
	if !s.addr.tcp {
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

func (s *socket) remoteAddr() net.Addr { return s.addr.netAddr() }
