package spout

import (
	"fmt"
	"io"

	"github.com/spoutws/spout/internal/proto"
)

// begin is what comes before the first byte: the keepalive's start, and OnOpen of a connection that has
// its handler already.
func (c *Conn) begin(served bool) {
	c.startClock()
	if served {
		c.mu.Lock()
		c.event = true
		c.mu.Unlock()
		c.handlerDone(c.onOpen())
	}
}

// broke takes the end of the stream, or the error that ended it. c.mu is held.
func (c *Conn) broke(err error) {
	c.exhausted = true
	if err == io.EOF {
		err = errNoCloseFrame
		if c.decoder.InMessage() {
			err = errCutMessage
		}
	}
	c.lost(err)
}

// feed takes bytes from the stream, and decodes them. It returns when all of them are used up, or the rest
// if reading has to pause: then the stream's resume is called when that may be over. c.mu is held, but not
// while something is written or an event is under way; so are the functions that feed calls.
func (c *Conn) feed(p []byte) (rest []byte, next stepNext) {
	c.received()
	return c.decode(p)
}

// resume goes on with what feed has left, or pauses again.
func (c *Conn) resume(rest []byte) ([]byte, stepNext) {
	if c.mustPause() {
		c.paused = true
		return rest, stepPause
	}
	c.frame = 0
	return c.decode(rest)
}

func (c *Conn) decode(p []byte) (rest []byte, next stepNext) {
	rest, next = c.step(p)
	c.uncork()
	switch next {
	case stepMore:
		c.awaiting()
	case stepPause:
		return c.resume(rest)
	}
	return rest, next
}

// What step wants next.
type stepNext uint8

const (
	stepMore  stepNext = iota // bytes
	stepPause                 // that the program receives, or the peer takes, something
	stepDone                  // nothing
)

// step decodes p, answers control frames and delivers messages, until p is used up or it must
// stop; then it returns the rest. It keeps no reference to p.
func (c *Conn) step(p []byte) (rest []byte, next stepNext) {
	for {
		c.event, c.answered = false, false
		c.retireBetweenEvents()
		switch {
		case c.killed || c.failed:
			return nil, stepDone
		case len(p) > 0 && c.mustPause():
			return p, stepPause
		}
		ev, rest, err := c.decoder.Next(p)
		if err != nil {
			c.mu.Unlock()
			c.violated(err)
			c.mu.Lock()
			return nil, stepDone
		}
		p = rest
		switch ev.Kind {
		case proto.NoEvent:
			return nil, stepMore
		case proto.Data:
			c.data(ev, len(p) > 0)
		case proto.Ping:
			c.pinged(ev.Payload, len(p) > 0)
		case proto.Pong:
			c.ponged(ev.Payload)
		case proto.Close:
			c.peerClosed(Code(ev.Code), string(ev.Payload))
			return nil, stepDone
		}
	}
}

// mustPause reports whether reading has to stop for now. c.mu is held.
func (c *Conn) mustPause() bool {
	switch {
	case c.killed || c.failed || c.end != nil && !c.provisional:
		return false
	case c.opening && (c.in == nil || c.in.inflate == nil):
		return true
	case (c.handler == nil || c.opening) && c.in.full():
		return true
	}
	// Only the answers count: if others than the handler sent so much that this side did not read,
	// and the peer did the same, neither would ever read again.
	return c.cfg.sendLimit > 0 && c.out != nil && c.out.answers > c.cfg.sendLimit/2
}

// wakeReader makes a reader that pauses look again. c.mu is held.
func (c *Conn) wakeReader() {
	if c.paused {
		c.paused = false
		c.stream.resume()
	}
}

// data takes a piece of a message; more says that input follows it.
func (c *Conn) data(ev proto.Event, more bool) {
	if c.end != nil && !c.provisional {
		return
	}
	if !c.serving() {
		c.inbox().add(ev)
		c.signalRead()
		return
	}
	var m Message
	switch {
	case c.in == nil && ev.First && ev.End && ev.Compressed:
		m = Message{Type: Type(ev.Op), Data: ev.Payload, deflated: true}
	case c.in == nil && ev.First && ev.End:
		var d content
		d.append(ev.Payload, 0, true)
		m = d.message(Type(ev.Op), false)
	default:
		in := c.inbox()
		if in.add(ev); !in.end {
			return
		}
		m = in.take()
		c.in = nil
	}
	if m.deflated {
		c.mu.Unlock()
		var ok bool
		m, ok = c.inflate(m)
		c.mu.Lock()
		if !ok || c.end != nil && !c.provisional {
			return
		}
	}
	if more {
		c.cork()
	}
	c.event = true
	c.mu.Unlock()
	c.handlerDone(c.onMessage(m))
	c.mu.Lock()
}

// pinged answers a ping: "it MUST send a Pong frame in response" (RFC 6455, section 5.5.2).
func (c *Conn) pinged(data []byte, more bool) {
	if c.end == nil {
		if more {
			c.cork()
		}
		c.queue().addPong(data)
		c.flush()
	}
	if c.serving() {
		c.event = true
		c.mu.Unlock()
		c.handlerDone(c.onPing(data))
		c.mu.Lock()
	}
}

// violated fails the connection for a breach of the protocol.
func (c *Conn) violated(err error) {
	v := err.(*proto.Violation)
	cause := error(v)
	switch Code(v.Code) {
	case CloseTooBig:
		cause = fmt.Errorf("%w: over %d bytes (Options.MessageLimit)", v, c.cfg.rules.Limit)
	case ClosePolicy:
		cause = fmt.Errorf("%w: over %d (Options.FragmentLimit)", v, c.cfg.rules.MaxFragments)
	}
	c.mu.Lock()
	c.fail(Code(v.Code), v.Reason, cause)
	end := c.end
	c.mu.Unlock()
	c.cfg.log().Debug("spout: connection failed", "remote", c.RemoteAddr(), "err", end)
}
