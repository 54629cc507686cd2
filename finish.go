package spout

import "time"

// finish is the end of every connection, when nothing more is to be read: how it ended is settled, the
// stream is taken down, OnClose runs. The reader calls it.
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
	// What is still queued is sent, and the peer has time to close too, if it has not.
	linger := !c.killed && !c.dead && (!c.exhausted || c.out != nil || c.writing) && c.stream.lingerUntil(c.closeBy())
	if c.lingering = linger; linger && !c.writing {
		c.writing = true
		c.endWriting()
	}
	c.mu.Unlock()
	c.stream.takeDown(linger)
}

// conclude closes the stream and delivers OnClose. Nobody reads any more. If Serve is still to deliver what
// came before, it concludes again afterwards.
func (c *Conn) conclude() {
	c.mu.Lock()
	if !c.rarely().concluding {
		c.awaitWriter()
		c.stopSending()
		c.mu.Unlock()
		c.stream.close()
		c.mu.Lock()
	}
	if c.rare.concluding = c.opening; c.opening {
		c.mu.Unlock()
		return
	}
	c.ended = true
	c.cfg.alarms.remove(c)
	h, served, after := c.handler, c.rare.served, c.rare.after
	c.rare.after = nil
	c.mu.Unlock()
	// Deferred, since OnClose may end its goroutine, and so may what runs before it.
	if s := c.cfg.server; s != nil {
		defer s.remove(c)
	}
	if served != nil {
		defer close(served)
	}
	if h != nil {
		defer c.onClose()
	}
	for _, f := range after {
		c.afterClose(f)
	}
}

// Lingering is bounded: after the half-close, the peer has this long to close too, and so many
// bytes to send meanwhile.
const (
	lingerTime  = time.Second
	lingerBytes = 256 << 10
)

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
	c.stream.lingerUntil(by)
}
