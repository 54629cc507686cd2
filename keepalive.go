package spout

import (
	"bytes"
	"encoding/binary"
	"slices"
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

// in returns the time until t.
func (t instant) in() time.Duration { return time.Duration(t - now()) }

// clock is what the deadlines of a connection are reckoned from. It is guarded by Conn.mu.
type clock struct {
	armed    instant // when tick runs, or before; 0 if it does not
	since    instant // since when the reader waits, if a ping was sent before that and not answered
	frame    instant // since when a frame has been incomplete
	nextPing instant // when the next keepalive ping is due
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
	if !c.queue().addPing(data) {
		return ErrFull
	}
	r := c.rarely()
	r.pinged, r.pingedAt = slices.Clone(data), now()
	c.flush()
	return nil
}

// RTT returns the round-trip time of the last ping that was answered, be it one of [Conn.Ping] or
// of the keepalive; 0 before the first.
func (c *Conn) RTT() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rtt
}

// ponged takes the answer to a ping. c.mu is held, but not during the event.
func (c *Conn) ponged(data []byte) {
	switch r := c.rare; {
	case r != nil && r.pingedAt != 0 && bytes.Equal(data, r.pinged):
		c.rtt = time.Duration(now() - r.pingedAt)
		r.pingedAt = 0
	case c.pingInterval() > 0 && len(data) == 8 && binary.BigEndian.Uint64(data) == uint64(c.lastPing()):
		c.rtt = time.Duration(now() - c.lastPing())
	}
	if c.serving() {
		c.event = true
		c.mu.Unlock()
		c.handlerDone(c.onPong(data))
		c.mu.Lock()
	}
}

func (c *Conn) pingInterval() instant { return instant(c.cfg.pingInterval) }

// lastPing is when the last keepalive ping was sent, and its payload.
func (c *Conn) lastPing() instant { return c.nextPing - c.pingInterval() }

// startClock begins the keepalive.
func (c *Conn) startClock() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cfg.pingInterval > 0 {
		c.nextPing = now() + c.pingInterval()
		c.arm(c.nextPing)
	}
}

// arm makes tick run at t, or before. c.mu is held.
func (c *Conn) arm(t instant) {
	if c.armed != 0 && c.armed <= t || c.ended {
		return
	}
	c.armed = t
	c.cfg.alarms.set(c, t)
}

// deadline makes t the end of the connection, unless that is nearer already or CloseTimeout is
// off. c.mu is held.
func (c *Conn) deadline(t instant) {
	if by := c.closeBy(); c.cfg.closeTimeout > 0 && (by == 0 || t < by) {
		c.rarely().closeBy = t
		c.arm(t)
	}
}

// closeBy is when the connection is dropped, whatever happens, 0 if it is open. c.mu is held.
func (c *Conn) closeBy() instant {
	if c.rare == nil {
		return 0
	}
	return c.rare.closeBy
}

// tick looks at all deadlines and sets the alarm for the next one.
func (c *Conn) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.armed = 0
	t := now()
	switch by := c.closeBy(); {
	case c.ended:
	case by != 0 && t >= by:
		c.closeTimedOut()
	case by != 0:
		c.arm(by)
		c.stream.tick(t)
	default:
		c.checkFrame(t)
		c.checkPing(t)
		c.stream.tick(t)
	}
}

func (c *Conn) closeTimedOut() {
	c.notClosed(errCloseTimeout)
	c.kill()
}

// checkFrame fails a connection whose peer does not complete a frame.
func (c *Conn) checkFrame(t instant) {
	if c.frame == 0 || !c.waiting || c.cfg.frameTimeout == 0 {
		return
	}
	by := c.frame + instant(c.cfg.frameTimeout)
	if t < by {
		c.arm(by)
		return
	}
	c.fail(ClosePolicy, "frame not completed in time", errFrameTimeout)
}

// stalled reports whether the write token waits with nobody. c.mu is held.
func (c *Conn) stalled() bool { return c.rare != nil && c.rare.stalled != 0 }

// checkPing sends a ping when one is due, and fails a connection that shows no life after one.
// Time in which the connection is not read does not count.
func (c *Conn) checkPing(t instant) {
	if c.cfg.pingInterval == 0 || c.end != nil {
		return
	}
	timeout := instant(c.cfg.pingTimeout)
	if c.unproved && timeout > 0 {
		by := c.lastPing()
		if c.since != 0 {
			by = c.since
		}
		by += timeout
		switch {
		case !c.waiting:
			by = t + timeout
		case t >= by:
			c.fail(CloseInternal, "no answer to a ping", errPingTimeout)
			c.kill()
			return
		}
		c.arm(by)
	}
	if t >= c.nextPing && !c.unproved {
		c.nextPing = t + c.pingInterval()
		if timeout > 0 {
			// Before flush, which lets c.mu go: the answer may come while the ping is written.
			c.unproved = true
			c.arm(t + timeout)
		}
		var data [8]byte
		binary.BigEndian.PutUint64(data[:], uint64(t))
		c.queue().addPing(data[:])
		c.flush()
	}
	if !c.unproved {
		c.arm(c.nextPing)
	}
}

// received and awaiting mark the time in which bytes of the peer can't be seen: from when some
// have come until the reader waits for more. c.mu is held.
func (c *Conn) received() {
	c.waiting = false
	if c.unproved {
		c.unproved = false
		c.arm(c.nextPing)
	}
}

func (c *Conn) awaiting() {
	c.waiting = true
	if c.since = 0; c.unproved { // a ping was sent while bytes could not be seen
		c.since = now()
	}
	if !c.decoder.InFrame() {
		c.frame = 0
		return
	}
	if fresh := c.decoder.Fresh(); c.frame == 0 || fresh {
		c.frame = now()
	}
	// Each time: the alarm may have gone off while the reader was not waiting.
	if c.cfg.frameTimeout > 0 {
		c.arm(c.frame + instant(c.cfg.frameTimeout))
	}
}
