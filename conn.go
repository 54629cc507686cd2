package spout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/spoutws/spout/internal/proto"
)

// Conn is a WebSocket connection, of either side. All methods may be called from any goroutine
// and from within events. It is read all the time, by the library, so that pings are answered and
// a dead peer is noticed whatever the program does; only while it does not receive what has
// arrived, or while its answers are not taken, the reading stops.
type Conn struct {
	cfg     *config
	stream  stream
	decoder proto.Decoder // the reader's
	alarm   instant       // when tick runs, guarded by alarms.mu
	slot    int32         // among the alarms, counted from 1, 0 for none; guarded by alarms.mu
	place   int32         // among the Server's connections, guarded by Server.mu

	mu      sync.Mutex
	handler Handler // nil while messages are pulled
	in      *inbox  // nil while there is nothing to receive
	out     *outbox // nil while there is nothing to send
	rare    *rare
	clock
	end *CloseError // how the connection ends, once that is known

	// How far it is with reading:
	opening   bool // Serve has begun, and does not yet leave the events to the reader
	paused    bool // the reader waits for wake
	grown     bool // the reader's stack may have grown
	shrinking bool // the reader is woken to be replaced
	unproved  bool // nothing has come since the last keepalive ping
	// with writing:
	writing bool // somebody has the write token
	corked  bool // what is sent is held back
	event   bool // an event is under way: what is sent are answers
	dead    bool // nothing is sent any more
	// and with its end:
	provisional bool // a failed write said end; what the peer sent before may say better
	closing     bool // this side closes of its own accord
	failed      bool // nothing more is read
	killed      bool // nothing more is read or sent
	lingering   bool // the sending side is to be closed when all is sent
	over        bool // the reader is done
	ended       bool // the stream is closed
}

// rare is what few connections need at a time, apart so that the others stay small.
type rare struct {
	subprotocol string
	ctx         context.Context
	cancel      context.CancelCauseFunc
	closeBy     instant       // when the connection is dropped, whatever happens
	pinged      []byte        // the data of the last Ping
	pingedAt    instant       // when that was, until it is answered
	corkTimer   *time.Timer   // ends the holding back
	wake        chan struct{} // for the reader that pauses
	idle        chan struct{} // closed when the write token is given back
	served      chan struct{} // closed after OnClose, if Serve waits for that
}

// rarely returns c.rare. c.mu is held.
func (c *Conn) rarely() *rare {
	if c.rare == nil {
		c.rare = new(rare)
	}
	return c.rare
}

// NewConn returns the connection over a stream on which the opening handshake is done already; client
// says which side this is. It owns rwc from now on. A nil o means the defaults.
//
// Deadlines can be kept to the letter if rwc is a [net.Conn]; otherwise rwc is closed to end a call
// that waits in it, which therefore must return then.
func NewConn(rwc io.ReadWriteCloser, client bool, o *Options) *Conn {
	if o == nil {
		o = &Options{}
	}
	c := newConn(rwc, o.config(!client))
	go c.run(nil, false)
	return c
}

func newConn(rwc io.ReadWriteCloser, cfg *config) *Conn {
	return &Conn{
		cfg:     cfg,
		stream:  newStream(rwc),
		decoder: proto.NewDecoder(&cfg.rules),
		grown:   true,
	}
}

func (c *Conn) client() bool { return bool(c.cfg.mask) }

// Subprotocol returns the subprotocol that was agreed on, "" if there is none.
func (c *Conn) Subprotocol() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rare == nil {
		return ""
	}
	return c.rare.subprotocol
}

// agree sets the subprotocol.
func (c *Conn) agree(subprotocol string) {
	if subprotocol != "" {
		c.rarely().subprotocol = subprotocol
	}
}

// RemoteAddr returns the network address of the peer, or of the proxy that it came through.
func (c *Conn) RemoteAddr() net.Addr { return c.stream.remoteAddr() }

// SetNoDelay says whether the operating system sends small writes at once (true, Go's default)
// or may delay them to combine them (TCP_NODELAY). The error is [errors.ErrUnsupported] if the
// connection is not over TCP.
func (c *Conn) SetNoDelay(on bool) error {
	t := c.stream.transport()
	if tcp, ok := t.(interface{ SetNoDelay(bool) error }); ok {
		return tcp.SetNoDelay(on)
	}
	return fmt.Errorf("spout: SetNoDelay on %T: %w", t, errors.ErrUnsupported)
}

// Context returns a context that ends when the connection is over: the closing handshake is
// done, or there will be none. Its [context.Cause] is then the *[CloseError].
func (c *Conn) Context() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.rarely()
	if r.ctx == nil {
		r.ctx, r.cancel = context.WithCancelCause(context.Background())
		if c.over {
			r.cancel(c.end)
		}
	}
	return r.ctx
}

// run is the life of a connection: one goroutine at a time reads until the end. early is what
// came with the handshake; served says that the connection has had its handler from the start.
func (c *Conn) run(early []byte, served bool) {
	defer c.leave()
	c.startClock()
	if served {
		c.handlerDone(c.onOpen())
	}
	if c.push(early) {
		c.stream.read(c)
	}
}

// resume goes on for a goroutine that was replaced.
func (c *Conn) resume() {
	defer c.leave()
	c.stream.read(c)
}

// broke takes the end of the stream, or the error that ended it.
func (c *Conn) broke(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shrinking && errors.Is(err, os.ErrDeadlineExceeded) {
		return
	}
	c.shrinking = false
	c.lost(err)
}

// leave ends a goroutine that read, be it because its handler ended it: it is replaced, or the
// connection is over.
func (c *Conn) leave() {
	if c.shrunk() {
		go c.resume()
	} else {
		c.finish()
	}
}

// push takes bytes from the stream and reports whether more are wanted. It returns when all of
// them are used up, which may take until the program has received what they say.
func (c *Conn) push(p []byte) bool {
	c.mu.Lock()
	c.received()
	c.mu.Unlock()
	for {
		rest, next := c.step(p)
		c.mu.Lock()
		c.uncork()
		switch next {
		case stepDone:
			c.mu.Unlock()
			return false
		case stepMore:
			c.awaiting()
			c.mu.Unlock()
			return true
		}
		for c.mustPause() {
			c.pause()
		}
		c.frame = 0
		c.mu.Unlock()
		p = rest
	}
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
		c.mu.Lock()
		c.event = false
		done, pause := c.killed || c.failed, len(p) > 0 && c.mustPause()
		c.mu.Unlock()
		if done {
			return nil, stepDone
		}
		if pause {
			return p, stepPause
		}
		ev, rest, err := c.decoder.Next(p)
		if err != nil {
			c.violated(err)
			return nil, stepDone
		}
		p = rest
		switch ev.Kind {
		case proto.NoEvent:
			return nil, stepMore
		case proto.Data:
			c.data(ev, len(p) > 0)
		case proto.Ping:
			if served := c.pinged(ev.Payload, len(p) > 0); served {
				c.handlerDone(c.onPing(ev.Payload))
			}
		case proto.Pong:
			if served := c.ponged(ev.Payload); served {
				c.handlerDone(c.onPong(ev.Payload))
			}
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
	case c.opening:
		return true
	case c.handler == nil && c.in.full():
		return true
	}
	// Only the answers count: if others than the handler sent so much that this side did not read,
	// and the peer did the same, neither would ever read again.
	return c.cfg.sendLimit > 0 && c.out != nil && c.out.answers > c.cfg.sendLimit/2
}

// pause makes the reader wait for wakeReader. c.mu is held, but not while waiting.
func (c *Conn) pause() {
	r := c.rarely()
	if r.wake == nil {
		r.wake = make(chan struct{}, 1)
	}
	c.paused = true
	c.mu.Unlock()
	<-r.wake
	c.mu.Lock()
}

// wakeReader makes a reader that pauses look again. c.mu is held.
func (c *Conn) wakeReader() {
	if c.paused {
		c.paused = false
		c.rare.wake <- struct{}{}
	}
}

// data takes a piece of a message; more says that input follows it.
func (c *Conn) data(ev proto.Event, more bool) {
	c.mu.Lock()
	if c.end != nil && !c.provisional {
		c.mu.Unlock()
		return
	}
	if c.handler == nil || c.opening {
		c.inbox().add(ev)
		c.signalRead()
		c.mu.Unlock()
		return
	}
	var m Message
	switch {
	case c.in == nil && ev.First && ev.End:
		m = Message{Type: Type(ev.Op), Data: make([]byte, len(ev.Payload))}
		copy(m.Data, ev.Payload)
	default:
		in := c.inbox()
		if in.add(ev); !in.end {
			c.mu.Unlock()
			return
		}
		m = in.take()
		c.in = nil
	}
	if more {
		c.cork()
	}
	c.event = true
	c.mu.Unlock()
	c.handlerDone(c.onMessage(m))
}

// pinged answers a ping: "it MUST send a Pong frame in response" (RFC 6455, section 5.5.2). It
// reports whether a handler is to hear of it.
func (c *Conn) pinged(data []byte, more bool) (served bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end == nil {
		if more {
			c.cork()
		}
		c.queue().addPong(data)
		c.flush()
	}
	c.event = c.serving()
	return c.event
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
