package spout

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/spoutws/spout/internal/proto"
)

// Handler gets the events of a connection. They come one at a time, in order: OnOpen, then
// messages and control frames, then OnClose exactly once if OnOpen ran, even if it failed.
//
// An error that an event returns closes the connection: a *[CloseError] with its code and reason
// (1011 for a code that may not be sent), [ErrFull] with 1013, any other with 1011. So does a
// panic, with 1011. Such failures are logged; other connections are not harmed.
//
// A Handler embeds [Base], which has all methods but OnMessage; one that wraps another embeds
// the Handler that it wraps.
type Handler interface {
	// OnOpen is the first event; no message comes before it has returned.
	OnOpen(c *Conn) error
	// OnMessage gets a message, which is the handler's from then on.
	OnMessage(c *Conn, m Message) error
	// OnPing gets the data of a ping, which is answered already. The data is valid until OnPing
	// returns.
	OnPing(c *Conn, data []byte)
	// OnPong gets the data of a pong, be it the answer to a [Conn.Ping] or to a keepalive ping. The
	// data is valid until OnPong returns.
	OnPong(c *Conn, data []byte)
	// OnClose is the last event. The err is a *[CloseError].
	OnClose(c *Conn, err error)

	base() // so that Handler may grow
}

// Base is a Handler's default events, to embed: they do nothing.
type Base struct{}

// OnOpen does nothing.
func (Base) OnOpen(*Conn) error { return nil }

// OnPing does nothing.
func (Base) OnPing(*Conn, []byte) {}

// OnPong does nothing.
func (Base) OnPong(*Conn, []byte) {}

// OnClose does nothing.
func (Base) OnClose(*Conn, error) {}

//lint:ignore U1000 it is what makes a struct that embeds Base a Handler
func (Base) base() {}

// HandlerFunc is a Handler that is one function, for its messages.
type HandlerFunc func(c *Conn, m Message) error

// OnOpen does nothing.
func (HandlerFunc) OnOpen(*Conn) error { return nil }

// OnMessage calls f.
func (f HandlerFunc) OnMessage(c *Conn, m Message) error { return f(c, m) }

// OnPing does nothing.
func (HandlerFunc) OnPing(*Conn, []byte) {}

// OnPong does nothing.
func (HandlerFunc) OnPong(*Conn, []byte) {}

// OnClose does nothing.
func (HandlerFunc) OnClose(*Conn, error) {}

func (HandlerFunc) base() {}

// Serve gives the connection's events to h and returns when the connection is over and OnClose
// has returned: nil if it was closed with 1000 or without a code, else the *[CloseError]. What
// arrived before Serve is delivered, but not the rest of a message that [Conn.Reader] has begun.
// A connection is served once, and not while it is read.
func (c *Conn) Serve(h Handler) error {
	c.mu.Lock()
	if c.handler != nil || c.in != nil && c.in.reading {
		c.mu.Unlock()
		return &UsageError{"serve", "the connection is served or read already"}
	}
	if c.in != nil {
		c.in.reading = true // until discardStream
	}
	c.handler, c.opening = h, true
	late, served := c.ended, make(chan struct{})
	c.rarely().served = served
	c.mu.Unlock()

	if late {
		defer c.onClose()
	}
	c.open()
	if !late {
		<-served
	}
	if c.end.Code == CloseNormal || c.end.Code == CloseNoStatus {
		return nil
	}
	return c.end
}

// open delivers OnOpen and what has arrived before it, and leaves the rest to the reader.
func (c *Conn) open() {
	returned := false
	defer func() {
		if returned {
			return
		}
		c.handlerDone(errHandlerGone)
		c.discardStream()
		for arrived := true; arrived; {
			_, arrived = c.opened()
		}
	}()
	c.handlerDone(c.onOpen())
	c.discardStream()
	for {
		m, arrived := c.opened()
		if !arrived {
			break
		}
		if m.deflated {
			if m, arrived = c.inflate(m); !arrived {
				continue
			}
		}
		c.handlerDone(c.onMessage(m))
	}
	returned = true
}

// discardStream gives up what a Reader that was begun before Serve has left.
func (c *Conn) discardStream() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.in != nil && c.in.reading {
		c.giveUpReader(context.Background()) // an error is the connection's end, of which the handler hears
		c.endRead()
	}
}

// opened returns the next message that has arrived before the reader delivers any. If there is none,
// it leaves them to the reader, under the same lock: one that came in between would stay behind.
func (c *Conn) opened() (m Message, arrived bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.in != nil && c.in.end && !c.closing && !c.retiring() {
		return c.in.take(), true
	}
	if c.in != nil && !c.in.begun {
		c.in = nil
	}
	c.opening = false
	c.retireBetweenEvents()
	c.wakeReader()
	c.readRest()
	if c.rarely().concluding {
		go c.conclude()
	}
	return Message{}, false
}

// serving reports whether events go to a handler. c.mu is held.
func (c *Conn) serving() bool {
	return c.handler != nil && !c.opening
}

func (c *Conn) onOpen() (err error) {
	defer recovered(&err)
	return c.handler.OnOpen(c)
}

func (c *Conn) onMessage(m Message) (err error) {
	defer recovered(&err)
	return c.handler.OnMessage(c, m)
}

func (c *Conn) onPing(data []byte) (err error) {
	defer recovered(&err)
	c.handler.OnPing(c, data)
	return nil
}

func (c *Conn) onPong(data []byte) (err error) {
	defer recovered(&err)
	c.handler.OnPong(c, data)
	return nil
}

func (c *Conn) onClose() {
	var err error
	defer func() { c.handlerDone(err) }()
	defer recovered(&err)
	c.handler.OnClose(c, c.end)
}

// panicError is a handler's panic as an error.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("handler panicked: %v", e.value) }

// recovered turns the panic of the function that defers it into an error.
func recovered(err *error) {
	if v := recover(); v != nil {
		*err = &panicError{v, debug.Stack()}
	}
}

// handlerDone closes the connection if an event failed.
func (c *Conn) handlerDone(err error) {
	if err == nil {
		return
	}
	if p, ok := err.(*panicError); ok {
		c.cfg.log().Error("spout: handler panicked", "remote", c.RemoteAddr(), "panic", p.value, "stack", string(p.stack))
	}
	code, reason, cause := CloseInternal, "", err
	if e, ok := errors.AsType[*CloseError](err); ok && proto.ValidCode(uint16(e.Code)) {
		code = e.Code
		if checkClose(code, e.Reason) == nil {
			reason = e.Reason
			if e == err && !e.Remote && e.Err == nil {
				cause = nil
			}
		}
	} else if errors.Is(err, ErrFull) {
		code = CloseTryAgainLater
	}
	c.mu.Lock()
	open := c.end == nil
	if open {
		c.closing = true
		c.startClose(code, reason, cause)
	}
	c.mu.Unlock()
	// Without the lock: the user's Logger may send what it is told to this very connection.
	if _, ok := err.(*panicError); !ok && open && cause != nil {
		c.cfg.log().Error("spout: handler failed", "remote", c.RemoteAddr(), "err", err, "code", code)
	}
}
