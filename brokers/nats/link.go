package natsbroker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// What makes faults of the connection visible, instead of having NATS hide them.
const (
	dialTime      = time.Second
	reconnectWait = 50 * time.Millisecond // to twice that
	pingInterval  = 700 * time.Millisecond
	pingsOut      = 2 // a peer that answers nothing is noticed within 2.8 s
	writeTime     = 2 * time.Second
	flushTime     = 3 * time.Second
)

// errDown is why nothing can be sent.
var errDown = errors.New("not connected to NATS")

// link is the connection to NATS, which replaces itself when it breaks.
type link struct {
	*nats.Conn
	log *slog.Logger

	up    atomic.Bool   // as far as is known
	dials atomic.Uint64 // grows before anything of another connection comes
	since atomic.Int64  // when it was last up

	mu       sync.Mutex
	changed  chan struct{}   // closed when the connection is up again
	lasts    context.Context // while the connection does
	endLasts context.CancelFunc

	broken func() // called when nothing more comes of a connection, and before anything of the next
	mended func() // called when there is another one
	failed func(sub *nats.Subscription, err error)
}

// connect makes the connection. The functions of l are set.
func (l *link) connect(o Options) error {
	options := append([]nats.Option{nats.Name("spout")}, o.NATS...)
	nc, err := nats.Connect(o.URL, append(options, l.own)...)
	if err != nil {
		return fmt.Errorf("natsbroker: no connection to %s: %w", o.URL, err)
	}
	l.Conn = nc
	l.since.Store(uptime())
	l.up.Store(true)
	return nil
}

// own sets the options that are not the user's to change.
func (l *link) own(o *nats.Options) error {
	o.AllowReconnect = true
	o.MaxReconnect = -1
	o.RetryOnFailedConnect = false
	o.ReconnectWait = reconnectWait
	o.ReconnectJitter, o.ReconnectJitterTLS = reconnectWait, reconnectWait
	o.ReconnectBufSize = -1 // what can't be sent now is an error now
	o.PingInterval = pingInterval
	o.MaxPingsOut = pingsOut
	o.FlusherTimeout = writeTime
	o.Timeout = dialTime
	o.IgnoreAuthErrorAbort = true
	o.NoCallbacksAfterClientClose = true

	if o.InProcessServer != nil {
		o.InProcessServer = inProcess{l, o.InProcessServer}
	} else if o.CustomDialer != nil {
		o.CustomDialer = dialer{l, o.CustomDialer}
	} else {
		o.CustomDialer = dialer{l, &net.Dialer{Timeout: dialTime}}
	}

	o.DisconnectedErrCB = func(_ *nats.Conn, err error) {
		l.up.Store(false)
		l.log.Warn("natsbroker: the connection to NATS broke", "error", err)
	}
	o.ReconnectErrCB = nil
	o.ReconnectedCB = func(nc *nats.Conn) {
		l.log.Info("natsbroker: connected to NATS again", "server", nc.ConnectedUrlRedacted())
		l.since.Store(uptime())
		l.up.Store(true)
		l.mu.Lock()
		if l.changed != nil {
			close(l.changed)
			l.changed = nil
		}
		l.mu.Unlock()
		l.mended()
	}
	o.AsyncErrorCB = func(_ *nats.Conn, sub *nats.Subscription, err error) {
		subject := ""
		if sub != nil {
			subject = sub.Subject
			l.failed(sub, err)
		}
		l.log.Warn("natsbroker: NATS reports an error", "subject", subject, "error", err)
	}
	o.LameDuckModeHandler = func(nc *nats.Conn) {
		l.log.Info("natsbroker: the server of NATS is about to end", "server", nc.ConnectedUrlRedacted())
	}
	o.ClosedCB, o.ConnectedCB, o.DisconnectedCB, o.DiscoveredServersCB = nil, nil, nil, nil
	return nil
}

// dialing notes that the connection before is read to its end.
func (l *link) dialing() {
	l.up.Store(false)
	l.mu.Lock()
	if l.endLasts != nil {
		l.endLasts()
	}
	l.lasts, l.endLasts = context.WithCancel(context.Background())
	l.mu.Unlock()
	if l.dials.Add(1) > 1 {
		l.broken()
	}
}

type dialer struct {
	l *link
	nats.CustomDialer
}

func (d dialer) Dial(network, address string) (net.Conn, error) {
	d.l.dialing()
	return d.CustomDialer.Dial(network, address)
}

type inProcess struct {
	l *link
	nats.InProcessConnProvider
}

func (p inProcess) InProcessConn() (net.Conn, error) {
	p.l.dialing()
	return p.InProcessConnProvider.InProcessConn()
}

// again returns a channel that is closed when the connection is up, nil if it seems to be.
func (l *link) again() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.up.Load() {
		return nil
	}
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return l.changed
}

// attempt returns a context for one request: it ends with ctx, after d, and when the connection breaks.
func (l *link) attempt(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	l.mu.Lock()
	lasts := l.lasts
	l.mu.Unlock()
	ctx, end := context.WithTimeout(ctx, d)
	stop := context.AfterFunc(lasts, end)
	return ctx, func() { stop(); end() }
}

// flush returns when the server has processed all that was sent before over this very connection.
func (l *link) flush() error {
	if !l.up.Load() {
		return errDown
	}
	dials := l.dials.Load()
	if err := l.FlushTimeout(flushTime); err != nil {
		return err
	}
	if l.dials.Load() != dials {
		return errBroken
	}
	return nil
}

// clustered reports whether the server is one of several: what is lost need not be lost with the connection.
func (l *link) clustered() bool { return l.ConnectedClusterName() != "" }

// sendable returns an error if a message of this size can't be sent.
func (l *link) sendable(room string, size int) error {
	if !l.up.Load() {
		return fmt.Errorf("natsbroker: room %q: %w", room, errDown)
	}
	if limit := l.MaxPayload(); int64(size) > limit {
		return fmt.Errorf("natsbroker: room %q: a message takes %d bytes with what stands before it, and the server of NATS takes %d at the most: see max_payload in its configuration",
			room, size, limit)
	}
	return nil
}
