package spout

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/spoutws/spout/internal/proto"
)

// Conn is a WebSocket connection, of either side. All methods may be called from any goroutine
// and from within events. It is read all the time, by the library, so that pings are answered and
// a dead peer is noticed whatever the program does; only while it does not receive what has
// arrived, or while its answers are not taken, the reading stops.
type Conn struct {
	cfg         *config
	stream      stream
	subprotocol string
	server      *Server // that counts it, or nil

	decoder proto.Decoder // the reader's

	mu      sync.Mutex
	handler Handler // nil while messages are pulled
	in      *inbox
	out     outbox
	clock
	corkTimer *time.Timer
	wake      chan struct{} // for the reader that pauses
	idle      chan struct{} // closed when the write token is given back
	served    chan struct{} // closed after OnClose, if Serve waits for that
	ctx       context.Context
	cancel    context.CancelCauseFunc

	end         *CloseError // how the connection ends, once that is known
	provisional bool        // a failed write said so; what the peer sent before may say better
	closing     bool        // this side closes of its own accord
	opening     bool        // Serve has begun, and does not yet leave the events to the reader
	paused      bool        // the reader waits for wake
	failed      bool        // nothing more is read
	killed      bool        // nothing more is read or sent
	lingering   bool        // the sending side is to be closed when all is sent
	over        bool        // the reader is done
	ended       bool        // the stream is closed
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
	c := &Conn{
		cfg:     cfg,
		stream:  newStream(rwc),
		decoder: proto.NewDecoder(&cfg.rules),
	}
	c.out.mask = masker(!cfg.rules.Server)
	return c
}

func (c *Conn) client() bool { return bool(c.out.mask) }

// Subprotocol returns the subprotocol that was agreed on, "" if there is none.
func (c *Conn) Subprotocol() string { return c.subprotocol }

// RemoteAddr returns the network address of the peer, or of the proxy that it came through.
func (c *Conn) RemoteAddr() net.Addr { return c.stream.remoteAddr() }

// SetNoDelay says whether the operating system sends small writes at once (true, Go's default)
// or may delay them to combine them (TCP_NODELAY). The error is [errors.ErrUnsupported] if the
// connection is not over TCP.
func (c *Conn) SetNoDelay(on bool) error {
	nc := c.stream.nc
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	if tcp, ok := nc.(interface{ SetNoDelay(bool) error }); ok {
		return tcp.SetNoDelay(on)
	}
	return fmt.Errorf("spout: SetNoDelay on %T: %w", nc, errors.ErrUnsupported)
}

// Context returns a context that ends when the connection is over: the closing handshake is
// done, or there will be none. Its [context.Cause] is then the *[CloseError].
func (c *Conn) Context() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx == nil {
		c.ctx, c.cancel = context.WithCancelCause(context.Background())
		if c.over {
			c.cancel(c.end)
		}
	}
	return c.ctx
}

// run is the life of a connection: one goroutine reads until the end. early is what came with the
// handshake; served says that the connection has had its handler from the start.
func (c *Conn) run(early []byte, served bool) {
	defer c.finish()
	c.startTimers()
	if served {
		c.handlerDone(c.onOpen())
	}
	if len(early) > 0 && !c.push(early) {
		return
	}
	if err := c.stream.read(c.push); err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.lost(err)
	}
}

// push takes bytes from the stream and reports whether more are wanted. It returns when all of
// them are used up, which may take until the program has received what they say.
func (c *Conn) push(p []byte) bool {
	c.mu.Lock()
	c.lastRead = now()
	c.readingPaused()
	c.mu.Unlock()
	for {
		rest, next := c.step(p)
		c.mu.Lock()
		switch next {
		case stepDone:
			c.mu.Unlock()
			return false
		case stepMore:
			c.uncork()
			c.readingAgain(c.decoder.InFrame(), c.decoder.Completed())
			c.mu.Unlock()
			return true
		}
		c.uncork()
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
	for len(p) > 0 {
		c.mu.Lock()
		done, pause := c.killed || c.failed, c.mustPause()
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
		case proto.Data:
			c.data(ev, len(p) > 0)
		case proto.Ping:
			c.pinged(ev.Payload, len(p) > 0)
		case proto.Pong:
			c.ponged(ev.Payload)
			if c.serving() {
				c.handlerDone(c.onPong(ev.Payload))
			}
		case proto.Close:
			c.peerClosed(Code(ev.Code), string(ev.Payload))
			return nil, stepDone
		}
	}
	return nil, stepMore
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
	return c.cfg.sendLimit > 0 && c.out.size > c.cfg.sendLimit/2
}

// pause makes the reader wait for wakeReader. c.mu is held, but not while waiting.
func (c *Conn) pause() {
	if c.wake == nil {
		c.wake = make(chan struct{}, 1)
	}
	c.paused = true
	c.mu.Unlock()
	<-c.wake
	c.mu.Lock()
}

// wakeReader makes a reader that pauses look again. c.mu is held.
func (c *Conn) wakeReader() {
	if c.paused {
		c.paused = false
		c.wake <- struct{}{}
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
	c.mu.Unlock()
	c.handlerDone(c.onMessage(m))
}

// pinged answers a ping: "it MUST send a Pong frame in response" (RFC 6455, section 5.5.2).
func (c *Conn) pinged(data []byte, more bool) {
	c.mu.Lock()
	if c.end == nil {
		if more {
			c.cork()
		}
		c.out.addPong(data)
		c.flush()
	}
	c.mu.Unlock()
	if c.serving() {
		c.handlerDone(c.onPing(data))
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
