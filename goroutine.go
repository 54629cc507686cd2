package spout

import "time"

// run starts the goroutine that reads.
func (s *netStream) run(c *Conn, early []byte, served bool) {
	go func() {
		defer s.leave(c)
		c.begin(served)
		if c.push(early) {
			s.read(c)
		}
	}()
}

// goOn reads on for a goroutine that was replaced.
func (s *netStream) goOn(c *Conn) {
	defer s.leave(c)
	s.read(c)
}

// leave ends a goroutine that read, be it because its handler ended it: it is replaced, or the
// connection is over.
func (s *netStream) leave(c *Conn) {
	if c.shrunk() {
		go s.goOn(c)
	} else {
		c.finish()
	}
}

// push takes bytes from the stream and reports whether more are wanted. It returns when all of
// them are used up, which may take until the program has received what they say.
func (c *Conn) push(p []byte) bool {
	rest, next := c.feed(p, false)
	for next == stepPause {
		c.mu.Lock()
		wake := c.waking()
		c.mu.Unlock()
		<-wake
		rest, next = c.resume(rest)
	}
	return next == stepMore
}

// waking returns what the reader waits for while it pauses. c.mu is held.
func (c *Conn) waking() chan struct{} {
	r := c.rarely()
	if r.wake == nil {
		r.wake = make(chan struct{}, 1)
	}
	return r.wake
}

func (s *netStream) resume(c *Conn) { c.waking() <- struct{}{} }

func (s *netStream) interrupt() { s.setReadDeadline(past) }

// answer waits until the peer has taken it.
func (s *netStream) answer(c *Conn, head []byte) (err error) {
	for n := 0; len(head) > 0 && err == nil; head = head[n:] {
		n, err = s.write(head, c.cfg.writeTimeout, c)
	}
	return err
}

// writeRest starts a goroutine that lives as long as there is a rest.
func (s *netStream) writeRest(c *Conn) { go s.drain(c) }

// drain writes until nothing waits. It holds the write token.
func (s *netStream) drain(c *Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.dead && c.out.load() {
		p := c.out.flight
		c.mu.Unlock()
		n, err := s.write(p, c.cfg.writeTimeout, c)
		c.mu.Lock()
		c.wrote(n, err)
	}
	c.endWriting()
}

// corkTime is how long answers are held back at most.
const corkTime = time.Millisecond

// cork starts a timer, since a handler that blocks keeps its goroutine.
func (s *netStream) cork(c *Conn) {
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

func (s *netStream) lingerUntil(_ *Conn, by instant) bool {
	nc := s.conn()
	if nc != nil {
		nc.SetReadDeadline(by.time())
	}
	return nc != nil
}

// takeDown reads until the peer has closed too: else what it sent last would make the kernel answer with
// a reset, which destroys the close frame on its way.
func (s *netStream) takeDown(c *Conn, linger bool) {
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
	c.conclude()
}
