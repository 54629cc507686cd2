package spout

import (
	"errors"
	"os"
	"time"

	"github.com/spoutws/spout/internal/proto"
)

// corkLimit is how much is held back for one write while input is decoded.
const corkLimit = 64 << 10

// apartness says whether the reader keeps other connections waiting.
type apartness uint8

const (
	together apartness = iota // it does, and is watched
	alone                     // it does not, for this turn
	detained                  // it does not any more, from this turn on; or from the next, if that is about to begin
)

// cork holds back what is sent while more input is at hand, so that the answers to it leave in
// one write. c.mu is held.
func (c *Conn) cork() {
	if c.corked {
		return
	}
	c.corked = true
	c.stream.cork()
}

// corkTime is how long answers are held back at most, where nobody watches how long a handler takes.
const corkTime = time.Millisecond

// uncorkSoon bounds the holding back by corkTime. c.mu is held.
func (c *Conn) uncorkSoon() {
	r := c.rarely()
	if r.corkTimer == nil {
		r.corkTimer = time.AfterFunc(corkTime, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.uncork()
		})
		return
	}
	r.corkTimer.Reset(corkTime)
}

// uncork sends what was held back. c.mu is held.
func (c *Conn) uncork() {
	if c.corked {
		c.corked = false
		if r := c.rare; r != nil && r.corkTimer != nil {
			r.corkTimer.Stop()
		}
	}
	c.flush()
}

// flush sends what waits, as far as that is possible without waiting, and leaves the rest to the
// stream. c.mu is held, but not while writing.
func (c *Conn) flush() {
	if c.out == nil || c.writing || c.dead || c.corked && c.out.size < corkLimit {
		return
	}
	c.writing = true
	c.flushOn()
}

// flushOn is flush for the holder of the write token.
func (c *Conn) flushOn() {
	// Twice, so that what others queue meanwhile leaves too, but no caller sends for the others
	// for ever.
	for range 2 {
		if c.dead || c.out == nil || !c.out.load() {
			c.endWriting()
			return
		}
		if !c.tryFlight() {
			break
		}
	}
	if c.dead || !c.out.load() {
		c.endWriting()
		return
	}
	c.stream.writeRest()
}

// sendNow sends a frame from where it stands, if nothing waits before it, and queues what is not taken; else
// it returns false. c.mu is held, but not while writing.
func (c *Conn) sendNow(f frame) bool {
	if c.writing || c.dead || c.corked || bool(c.cfg.mask) || c.out != nil && !c.out.empty() {
		return false
	}
	c.writing, c.answered = true, c.event
	head, body := f.encoded, []byte(nil)
	buf := []byte(nil)
	if head == nil {
		buf = getSmall()
		f.header.Length = uint64(len(f.payload))
		head, body = proto.AppendHeader(buf[:0], f.header), f.payload
		if len(body) <= smallBuffer-len(head) {
			head, body = append(head, body...), nil
		}
	}
	counted := len(head) + len(body)
	if counted <= smallBuffer {
		counted = 0 // not worth an outbox
	} else {
		c.queue().size += counted
	}
	c.mu.Unlock()
	var n int
	var err error
	if body == nil {
		n, err = c.stream.try(head)
	} else {
		n, err = c.stream.tryBoth(head, body)
	}
	c.mu.Lock()
	if counted > 0 && !c.dead {
		c.out.size -= counted
	}
	switch {
	case c.dead:
	case err != nil:
		c.writeFailed(err)
	case n < len(head)+len(body):
		o := c.queue()
		before := o.size
		o.unsent(head[min(n, len(head)):], body[max(0, n-len(head)):])
		c.answering(before)
	}
	if counted > 0 && !c.dead {
		c.out.grant()
		c.wakeReader()
	}
	putBuffer(buf)
	c.flushOn()
	return true
}

// answering reckons what was queued since the queue had so many bytes as an answer, if an event is under
// way. c.mu is held.
func (c *Conn) answering(before int) {
	if c.event {
		c.out.answers += c.out.size - before
		c.answered = true
	}
}

// tryFlight writes what is taken at once, and reports whether that was the whole flight. The write
// token and c.mu are held, but not c.mu while writing.
func (c *Conn) tryFlight() bool {
	p := c.out.flight
	c.mu.Unlock()
	n, err := c.stream.try(p)
	c.mu.Lock()
	return c.wrote(n, err)
}

// wrote takes what came of writing the flight, and reports whether all of it was taken. c.mu is held.
func (c *Conn) wrote(n int, err error) bool {
	if c.dead {
		return false
	}
	if c.out.wrote(n); n > 0 {
		c.out.grant()
		c.wakeReader()
	}
	if err != nil {
		c.writeFailed(err)
		return false
	}
	return len(c.out.flight) == 0
}

// endWriting gives the write token back, and the outbox if nothing waits. c.mu is held.
func (c *Conn) endWriting() {
	if c.lingering && !c.dead {
		c.lingering = false
		c.mu.Unlock()
		c.halfClose()
		c.mu.Lock()
	}
	c.writing = false
	if c.dead || c.out != nil && c.out.idle() {
		c.freeOutbox()
	}
	if r := c.rare; r != nil && r.idle != nil {
		close(r.idle)
		r.idle = nil
	}
}

// freeOutbox gives the outbox back. c.mu is held, and nobody has the write token.
func (c *Conn) freeOutbox() {
	if o := c.out; o != nil {
		o.land()
		putBuffer(o.control)
		*o = outbox{chunks: o.chunks[:0], waiters: o.waiters[:0], newestn: -1}
		outboxes.Put(o)
		c.out = nil
	}
}

// stopSending forgets what waits to be sent, for good. c.mu is held.
func (c *Conn) stopSending() {
	c.dead = true
	if c.out == nil {
		return
	}
	c.out.refuse(c.end)
	c.out.drop()
	switch {
	case c.stalled():
		c.rare.stalled = 0
		c.endWriting()
	case !c.writing:
		c.freeOutbox()
	}
}

// awaitWriter waits until nobody has the write token. c.mu is held, but not while waiting.
func (c *Conn) awaitWriter() {
	for c.writing {
		r := c.rarely()
		if r.idle == nil {
			r.idle = make(chan struct{})
		}
		idle := r.idle
		c.mu.Unlock()
		<-idle
		c.mu.Lock()
	}
}

// writeFailed ends the sending. c.mu is held.
func (c *Conn) writeFailed(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.lost(errWriteTimeout)
		c.notClosed(errWriteTimeout)
		c.kill()
		return
	}
	if c.end == nil {
		c.lost(err)
		c.provisional = true
	}
	c.stopSending()
	// What the peer sent before may still say why, so the reader goes on to the stream's end.
	c.deadline(now() + instant(lingerTime))
	c.wakeReader()
}
