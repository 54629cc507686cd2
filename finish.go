package spout

import "time"

// finish is the end of every connection, in the goroutine that reads: how it ended is settled,
// the stream is taken down, OnClose runs.
func (c *Conn) finish() {
	c.handlerDone(errHandlerGone) // unless there was another reason
	c.mu.Lock()
	c.over = true
	c.breakStream() // the peer does not wait for the rest of it
	c.deadline(now() + instant(c.cfg.closeTimeout))
	c.out.refuse(c.end)
	c.uncork()
	c.signalRead()
	if r := c.rarely(); r.cancel != nil {
		r.cancel(c.end)
	}
	c.mu.Unlock()

	c.takeDown()

	c.mu.Lock()
	for c.opening {
		c.pause()
	}
	c.ended = true
	c.cfg.alarms.remove(c)
	h, served := c.handler, c.rarely().served
	c.mu.Unlock()
	// Deferred, since OnClose may end its goroutine.
	if s := c.cfg.server; s != nil {
		defer s.remove(c)
	}
	if served != nil {
		defer close(served)
	}
	if h != nil {
		c.onClose()
	}
}

// Lingering is bounded: after the half-close, the peer has this long to close too, and so many
// bytes to send meanwhile.
const (
	lingerTime  = time.Second
	lingerBytes = 256 << 10
)

// takeDown sends what is still queued, tells the peer that nothing follows, reads until the
// peer has done the same, and closes. Without the reading, what the peer sent last would make
// the kernel answer with a reset, which destroys the close frame on its way.
func (c *Conn) takeDown() {
	c.mu.Lock()
	if nc := c.stream.conn(); nc != nil && !c.killed && !c.dead {
		nc.SetReadDeadline(c.closeBy().time())
		c.lingering = true
		if !c.writing {
			c.writing = true
			c.endWriting()
		}
		c.mu.Unlock()
		c.linger()
		c.mu.Lock()
	}
	c.awaitWriter()
	c.stopSending()
	c.mu.Unlock()
	c.stream.rwc.Close()
}

// halfClose ends the sending side, when all is sent, and gives the peer the time to follow. The
// write token is held, c.mu is not.
func (c *Conn) halfClose() {
	wait := lingerTime
	// "the server MUST close the connection immediately ... the client SHOULD wait for the
	// server to close the connection" (section 7.1.1)
	if !c.client() && !c.stream.closeWrite() {
		wait = 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.killed {
		return
	}
	by := now() + instant(wait)
	if end := c.closeBy(); end != 0 {
		by = min(by, end)
	}
	c.stream.setReadDeadline(by.time())
}

// linger reads and forgets what still arrives.
func (c *Conn) linger() {
	buf := getSmall()
	defer putBuffer(buf)
	for total := 0; total < lingerBytes; {
		n, err := c.stream.rwc.Read(buf)
		if err != nil {
			return
		}
		total += n
	}
}
