package spout

import (
	"io"

	"github.com/spoutws/spout/internal/poll"
)

// firstPiece is how much is read of what nobody has asked for yet.
const firstPiece = 1 << 10

// place returns where to read to: buf, or straight to where it belongs, or nil if nothing is to be read
// now: nothing is to come, what has come has to wait, or it is left to the goroutine that will want it.
// Conn.mu is held.
func (s *socket) place(buf []byte) []byte {
	c := &s.conn
	switch {
	case s.over || s.pausing:
		return nil
	case s.lingering || c.end != nil || c.in == nil && c.handler != nil:
		return buf
	}
	left := c.decoder.Left()
	pulled := c.handler == nil && (c.in == nil || !c.in.wanted)
	if pulled && left > 0 && c.in.leaves() {
		c.in.unread, c.waiting = true, false
		c.signalRead()
		return nil
	}
	if p := c.in.space(left); p != nil {
		return p
	}
	if pulled { // the rest of a large message is better left
		return buf[:min(len(buf), firstPiece)]
	}
	return buf
}

func (s *socket) readOn() { s.Wake() }

func (s *plainSocket) pull(p []byte) int { return s.pullBy(s.Read, p) }

// pullBy is pull, where read reads what belongs to the message.
func (s *socket) pullBy(read func([]byte) (int, error), p []byte) (n int) {
	c := &s.conn
	unread := c.in.unread
	c.in.unread = false
	if !s.Take() {
		s.Wake() // its reader looks again, and tells
		return 0
	}
	if left := c.decoder.Left(); left == 0 || s.over || s.pausing || c.end != nil || !c.in.leaves() {
		if unread { // a header is next, or whatever else is not the stream's
			s.Wake()
		}
	} else {
		p = p[:min(uint64(len(p)), left)]
		c.mu.Unlock()
		m, err := read(p)
		c.mu.Lock()
		n = s.pulled(p, m, err)
	}
	c.mu.Unlock()
	s.Release()
	c.mu.Lock()
	return n
}

// pulled takes what was read of a message into p, and returns how much of it is the stream's.
func (s *socket) pulled(p []byte, n int, err error) int {
	c := &s.conn
	switch {
	case n == 0 && err == poll.ErrAgain:
		c.awaiting()
		return 0
	case n == 0:
		c.broke(orEOF(err))
		s.finish()
		return 0
	case !c.in.leaves(): // the message was given up meanwhile
		if !s.decoded(c.feed(p[:n])) {
			s.finish()
		}
		return 0
	}
	c.received()
	ev, _, err := c.decoder.Next(p[:n])
	if err != nil {
		c.mu.Unlock()
		c.violated(err)
		c.mu.Lock()
		s.finish()
		return 0
	}
	c.awaiting()
	switch {
	case ev.End:
		c.in.end = true
		s.Wake() // to see what follows
	case n == len(p):
		c.in.unread, c.waiting = true, false
	}
	return n
}

// orEOF is the error that ended a stream, which returned nothing and err.
func orEOF(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}
