package spout

import (
	"errors"
	"net"
	"os"
	"time"
)

// waitedFor returns the connection over a server's end of nc, with a goroutine that reads.
func waitedFor(nc net.Conn, cfg *config) *Conn {
	nc.SetDeadline(time.Time{}) // net/http's
	return newConn(nc, cfg)
}

// run starts the goroutine that reads.
func (s *netStream) run(early []byte, served bool) {
	go func() {
		defer s.leave()
		s.conn.begin(served)
		if s.push(early) {
			s.read()
		}
	}()
}

// goOn reads on for a goroutine that was replaced.
func (s *netStream) goOn() {
	defer s.leave()
	s.read()
}

// leave ends a goroutine that read, be it because its handler ended it: it is replaced, or the
// connection is over.
func (s *netStream) leave() {
	if s.shrunk() {
		go s.goOn()
	} else {
		s.conn.finish()
	}
}

// push takes bytes from the stream and reports whether more are wanted. It returns when all of
// them are used up, which may take until the program has received what they say.
func (s *netStream) push(p []byte) bool {
	c := s.conn
	c.mu.Lock() // not deferred: an event, during which it is not held, may end the goroutine
	s.grown = true
	s.stopShrinking()
	rest, next := c.feed(p)
	for next == stepPause {
		wake := s.waking()
		c.mu.Unlock()
		<-wake
		c.mu.Lock()
		rest, next = c.resume(rest)
	}
	if next == stepMore && s.raw != nil {
		s.quiet = now()
		c.arm(s.quiet + shrinkAfter)
	}
	c.mu.Unlock()
	return next == stepMore
}

// broke takes the end of the stream, or the error that ended it.
func (s *netStream) broke(err error) {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if !s.shrinking || !errors.Is(err, os.ErrDeadlineExceeded) {
		s.shrinking = false
		c.broke(err)
	}
}

// waking returns what the reader waits for while it pauses. Conn.mu is held.
func (s *netStream) waking() chan struct{} {
	r := s.conn.rarely()
	if r.wake == nil {
		r.wake = make(chan struct{}, 1)
	}
	return r.wake
}

func (s *netStream) resume() { s.waking() <- struct{}{} }

// The goroutine reads, and nobody else.
func (s *netStream) pull([]byte) int { return 0 }
func (s *netStream) readOn()         {}

func (s *netStream) interrupt() { s.setReadDeadline(past) }

// answer waits until the peer has taken it.
func (s *netStream) answer(head []byte) (err error) {
	for n := 0; len(head) > 0 && err == nil; head = head[n:] {
		n, err = s.write(head)
	}
	return err
}

// writeRest starts a goroutine that lives as long as there is a rest.
func (s *netStream) writeRest() { go s.drain() }

// drain writes until nothing waits. It holds the write token.
func (s *netStream) drain() {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.dead && c.out.load() {
		p := c.out.flight
		c.mu.Unlock()
		n, err := s.write(p)
		c.mu.Lock()
		c.wrote(n, err)
	}
	c.endWriting()
}

// cork bounds the holding back, since a handler that blocks keeps its goroutine.
func (s *netStream) cork() { s.conn.uncorkSoon() }

func (s *netStream) lingerUntil(by instant) bool {
	nc := s.net()
	if nc != nil {
		nc.SetReadDeadline(by.time())
	}
	return nc != nil
}

// takeDown reads until the peer has closed too: else what it sent last would make the kernel answer with
// a reset, which destroys the close frame on its way.
func (s *netStream) takeDown(linger bool) {
	if linger {
		buf := getSmall()
		for total := 0; total < lingerBytes; {
			n, err := s.rwc.Read(buf)
			if err != nil {
				break
			}
			total += n
		}
		putBuffer(buf)
	}
	s.conn.conclude()
}

// shrinkAfter is how long a connection has to be quiet before the goroutine that waits for it is
// replaced by one with a smaller stack.
const shrinkAfter = instant(time.Second)

// tick has the waiting goroutine replaced if the connection has been quiet: a stack that
// has grown for a handler does not shrink to its first size again. Only sockets are woken for that:
// other streams hold a buffer anyway, and might not survive a read that ends.
func (s *netStream) tick(t instant) {
	c := s.conn
	if s.raw == nil || !s.grown || !c.waiting || c.end != nil {
		return
	}
	if by := s.quiet + shrinkAfter; t < by {
		c.arm(by)
		return
	}
	s.shrinking = true
	s.interrupt()
}

// shrunk reports whether the reader was woken by tick and is to be replaced.
func (s *netStream) shrunk() bool {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if !s.shrinking || c.failed || c.killed {
		return false
	}
	s.stopShrinking()
	s.grown = false
	return true
}

func (s *netStream) stopShrinking() {
	if s.shrinking && !s.conn.failed && !s.conn.killed {
		s.setReadDeadline(time.Time{})
	}
	s.shrinking = false
}
