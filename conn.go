package spout

import (
	"context"
	"io"
	"net"
	"sync"
	"time"

	"github.com/spoutws/spout/internal/deflate"
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

	compression *compression // nil if none was agreed on
	alarm       instant      // when tick runs, guarded by alarms.mu
	slot        int32        // among the alarms, counted from 1, 0 for none; guarded by alarms.mu
	place       int32        // among the Server's connections, guarded by Server.mu

	mu      sync.Mutex
	handler Handler // nil while messages are pulled
	in      *inbox  // nil while there is nothing to receive
	out     *outbox // nil while there is nothing to send
	rare    *rare
	clock
	end *CloseError // how the connection ends, once that is known

	// How far it is with reading:
	opening  bool // Serve has begun, and does not yet leave the events to the reader
	waiting  bool // the reader waits for bytes; not while it decodes, pauses or is in an event
	paused   bool // the reader waits for resume
	apart    apartness
	unproved bool // nothing has come since the last keepalive ping
	// with writing:
	writing  bool // somebody has the write token
	writable bool // the stream takes something again, said while somebody was writing the rest
	corked   bool // what is sent is held back
	event    bool // an event is under way: what is sent are answers
	answered bool // and something was sent in it
	dead     bool // nothing is sent any more
	// and with its end:
	provisional bool // a failed write said end; what the peer sent before may say better
	closing     bool // this side closes of its own accord
	failed      bool // nothing more is read
	killed      bool // nothing more is read or sent
	exhausted   bool // the stream was read to its end
	lingering   bool // the sending side is to be closed when all is sent
	over        bool // the reader is done
	ended       bool // the stream is closed
}

// rare is what few connections need at a time, apart so that the others stay small.
type rare struct {
	subprotocol string
	remote      net.Addr // if the stream does not know it by itself
	ctx         context.Context
	cancel      context.CancelCauseFunc
	retiring    bool          // the server is shut down: to be closed between two events
	closeBy     instant       // when the connection is dropped, whatever happens
	pinged      []byte        // the data of the last Ping
	pingedAt    instant       // when that was, until it is answered
	stalled     instant       // since when the write token waits for the peer to take something, with nobody
	rest        []byte        // what has come and was not decoded, while an event-driven reader pauses
	lingered    int           // bytes that an event-driven reader has forgotten
	concluding  bool          // the stream is closed, and Serve has still to give the handler what came
	after       []func()      // what AfterClose was given
	corkTimer   *time.Timer   // ends the holding back
	wake        chan struct{} // for the goroutine that reads while it pauses
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
// says which side this is. It owns rwc from now on. A nil o means the defaults; o.Compression has no
// effect, since it is for the handshake to agree on.
//
// Deadlines can be kept to the letter if rwc is a [net.Conn]; otherwise rwc is closed to end a call
// that waits in it, which therefore must return then.
func NewConn(rwc io.ReadWriteCloser, client bool, o *Options) *Conn {
	if o == nil {
		o = &Options{}
	}
	c := newConn(rwc, o.config(!client))
	c.stream.run(nil, false)
	return c
}

func newConn(rwc io.ReadWriteCloser, cfg *config) *Conn {
	s := newNetStream(rwc)
	s.conn = &Conn{cfg: cfg, stream: s, decoder: proto.NewDecoder(&cfg.rules)}
	return s.conn
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

// agreement is what an opening handshake led to.
type agreement struct {
	subprotocol string // "" for none
	compressed  bool
	terms       deflate.Terms // if compressed
}

// agree sets what the handshake led to.
func (c *Conn) agree(a agreement) {
	if a.subprotocol != "" {
		c.rarely().subprotocol = a.subprotocol
	}
	if a.compressed {
		c.compression = newCompression(c.cfg.compressing, a.terms)
		c.decoder = proto.NewDecoder(&c.cfg.deflated)
	}
}

// RemoteAddr returns the network address of the peer, or of the proxy that it came through.
func (c *Conn) RemoteAddr() net.Addr { return c.stream.remoteAddr() }

// SetNoDelay says whether the operating system sends small writes at once (true, Go's default)
// or may delay them to combine them (TCP_NODELAY). The error is [errors.ErrUnsupported] if the
// connection is not over TCP.
func (c *Conn) SetNoDelay(on bool) error {
	return c.stream.setNoDelay(on)
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
