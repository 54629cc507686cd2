package spout

import (
	"errors"
	"os"
	"time"
)

// corkLimit is how much is held back for one write while input is decoded, and corkTime how long
// if a handler blocks meanwhile.
const (
	corkLimit = 64 << 10
	corkTime  = time.Millisecond
)

// cork holds back what is sent while more input is at hand, so that the answers to it leave in
// one write. c.mu is held.
func (c *Conn) cork() {
	if c.corked {
		return
	}
	c.corked = true
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
		c.rare.corkTimer.Stop()
	}
	c.flush()
}

// flush sends what waits, as far as that is possible without waiting, and leaves the rest to a
// goroutine that lives as long as there is a rest. c.mu is held, but not while writing.
func (c *Conn) flush() {
	if c.out == nil || c.writing || c.dead || c.corked && c.out.size < corkLimit {
		return
	}
	c.writing = true
	// Twice, so that what others queue meanwhile leaves too, but no caller sends for the others
	// for ever.
	for range 2 {
		if !c.out.load() {
			c.endWriting()
			return
		}
		if !c.writeFlight(false) {
			break
		}
	}
	if c.dead || !c.out.load() {
		c.endWriting()
		return
	}
	go c.drain()
}

// drain writes until nothing waits. It holds the write token.
func (c *Conn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.dead && c.out.load() {
		c.writeFlight(true)
	}
	c.endWriting()
}

// writeFlight writes once and reports whether the whole flight was taken. The write token and
// c.mu are held, but not c.mu while writing.
func (c *Conn) writeFlight(wait bool) bool {
	p := c.out.flight
	c.mu.Unlock()
	var n int
	var err error
	if wait {
		n, err = c.stream.write(p, c.cfg.writeTimeout, c)
	} else {
		n, err = c.stream.try(p)
	}
	c.mu.Lock()
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
	if !c.writing {
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
