package spout

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/spoutws/spout/internal/proto"
)

// instant is a time in nanoseconds since the process began, 0 for none.
type instant int64

var (
	epoch = time.Now()
	past  = time.Unix(1, 0)
)

func now() instant { return instant(time.Since(epoch)) + 1 }

func (t instant) time() time.Time {
	if t == 0 {
		return time.Time{}
	}
	return epoch.Add(time.Duration(t - 1))
}

// clock is what the deadlines of a connection are reckoned from. It is guarded by Conn.mu.
type clock struct {
	timer *time.Timer
	armed instant // when it fires

	waiting  instant // since when the reader waits for bytes; 0 while it decodes, pauses or is in an event
	lastRead instant // when bytes came last
	frame    instant // since when a frame has been incomplete
	frames   uint32  // how many were complete then
	nextPing instant // when the next keepalive ping is due
	unproved instant // when the ping was sent since which nothing has come
	closeBy  instant // when the connection is dropped, whatever happens

	pingSent instant // when the last ping was sent, until its answer
	pingData []byte  // its payload
	rtt      time.Duration
}

// Ping sends a ping with at most 125 bytes of data, without waiting (RFC 6455, section 5.5.2). The
// answer comes to OnPong and to [Conn.RTT]. The error is [ErrFull] if the peer has not taken the
// pings before, a *[UsageError] for too much data, a *[CloseError] on a connection that is no longer
// open.
func (c *Conn) Ping(data []byte) error {
	if len(data) > proto.MaxControl {
		return &UsageError{"ping", "data over 125 bytes"}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end != nil {
		return c.end
	}
	if !c.ping(data) {
		return ErrFull
	}
	return nil
}

// ping queues a ping. c.mu is held.
func (c *Conn) ping(data []byte) bool {
	if !c.out.addPing(data) {
		return false
	}
	c.pingSent = now()
	c.pingData = append(c.pingData[:0], data...)
	c.flush()
	return true
}

// RTT returns the round-trip time of the last ping that was answered, be it one of [Conn.Ping] or
// of the keepalive; 0 before the first.
func (c *Conn) RTT() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rtt
}

// ponged takes the answer to a ping.
func (c *Conn) ponged(data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pingSent != 0 && bytes.Equal(data, c.pingData) {
		c.rtt = time.Duration(now() - c.pingSent)
		c.pingSent = 0
	}
}

// startTimers begins the keepalive.
func (c *Conn) startTimers() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = now()
	c.lastRead = c.waiting
	if c.cfg.pingInterval > 0 {
		c.nextPing = c.waiting + instant(c.cfg.pingInterval)
		c.arm(c.nextPing)
	}
}

// arm makes tick run at t, or before. c.mu is held.
func (c *Conn) arm(t instant) {
	if c.armed != 0 && c.armed <= t || c.ended {
		return
	}
	c.armed = t
	wait := time.Duration(t - now())
	if c.timer == nil {
		c.timer = time.AfterFunc(wait, c.tick)
		return
	}
	c.timer.Reset(wait)
}

// deadline makes t the end of the connection, unless that is nearer already or CloseTimeout is
// off. c.mu is held.
func (c *Conn) deadline(t instant) {
	if c.cfg.closeTimeout > 0 && (c.closeBy == 0 || t < c.closeBy) {
		c.closeBy = t
		c.arm(t)
	}
}

func (c *Conn) stopTimers() {
	if c.timer != nil {
		c.timer.Stop()
	}
	if c.corkTimer != nil {
		c.corkTimer.Stop()
	}
}

// tick looks at all deadlines and arms the timer for the next one.
func (c *Conn) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed = 0
	t := now()
	switch {
	case c.ended:
	case c.closeBy != 0 && t >= c.closeBy:
		c.closeTimedOut()
	case c.closeBy != 0:
		c.arm(c.closeBy)
	default:
		c.checkFrame(t)
		c.checkPing(t)
	}
}

func (c *Conn) closeTimedOut() {
	if c.end.Err == nil && !c.end.Remote {
		end := *c.end
		end.Err = errCloseTimeout
		c.end = &end
	}
	c.kill()
}

// checkFrame fails a connection whose peer does not complete a frame.
func (c *Conn) checkFrame(t instant) {
	if c.frame == 0 || c.waiting == 0 || c.cfg.frameTimeout == 0 {
		return
	}
	by := c.frame + instant(c.cfg.frameTimeout)
	if t < by {
		c.arm(by)
		return
	}
	c.fail(ClosePolicy, "frame not completed in time", errFrameTimeout)
}

// checkPing sends a ping when one is due, and fails a connection that shows no life after one.
// Time in which the connection is not read does not count.
func (c *Conn) checkPing(t instant) {
	if c.cfg.pingInterval == 0 || c.end != nil {
		return
	}
	if c.unproved != 0 && c.lastRead >= c.unproved {
		c.unproved = 0
	}
	timeout := instant(c.cfg.pingTimeout)
	if c.unproved != 0 && timeout > 0 {
		by := max(c.unproved, c.waiting) + timeout
		switch {
		case c.waiting == 0:
			by = t + timeout
		case t >= by:
			c.fail(CloseInternal, "no answer to a ping", errPingTimeout)
			c.kill()
			return
		}
		c.arm(by)
	}
	if t >= c.nextPing {
		c.ping(binary.BigEndian.AppendUint64(nil, uint64(t)))
		c.nextPing = t + instant(c.cfg.pingInterval)
		if c.unproved == 0 && timeout > 0 {
			c.unproved = t
			c.arm(t + timeout)
		}
	}
	c.arm(c.nextPing)
}

// readingAgain and readingPaused mark the time in which bytes of the peer can't be seen. c.mu is
// held.
func (c *Conn) readingPaused() { c.waiting = 0 }

func (c *Conn) readingAgain(inFrame bool, frames uint32) {
	t := now()
	c.waiting = t
	switch {
	case !inFrame:
		c.frame = 0
	case c.frame == 0 || c.frames != frames:
		c.frame, c.frames = t, frames
		if c.cfg.frameTimeout > 0 {
			c.arm(t + instant(c.cfg.frameTimeout))
		}
	}
}
