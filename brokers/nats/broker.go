package natsbroker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/spoutws/spout/brokers/nats/internal/wire"
	"github.com/spoutws/spout/hub"
)

// Broker is a [hub.Broker], a [hub.HistoryBroker] and a [hub.PresenceBroker] over one connection to NATS.
// Connect makes one. It must not be copied, and belongs to one node: who enters a room by it is on
// that node. All methods may be called from any goroutine.
type Broker struct {
	options  Options
	log      *slog.Logger
	link     link
	inbox    *inbox
	rooms    rooms
	senders  senders
	nodes    nodes
	presence presence

	history *historyLog // nil before OpenLog; guarded by mu

	flushes group // of what was published
	syncs   group // of what was subscribed to

	mu      sync.Mutex
	closed  bool
	closing chan struct{} // closed when closed is set
	all     sync.WaitGroup
}

var errClosed = errors.New("natsbroker: the broker is closed")

// Connect connects to NATS and tells the other nodes of this one. It fails if no server can be reached;
// later it tries again for ever, every 50 to 100 ms. Close ends it.
func Connect(ctx context.Context, o Options) (*Broker, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	b := &Broker{options: o, log: o.Logger, closing: make(chan struct{})}
	b.rooms.byKey = map[string]*room{}
	b.inbox = newInbox(b.sort)
	b.link = link{log: b.log, broken: b.broken, mended: b.mended, failed: b.failed}
	if err := b.link.connect(o); err != nil {
		b.inbox.close()
		return nil, err
	}
	b.nodes.init(b)
	b.presence.init(b)
	b.senders = senders{nc: b.link.Conn, node: b.nodes.self, bySubject: map[string]*sender{}}
	b.flushes.run = b.link.flush
	b.syncs.run = b.sync
	for _, subject := range []string{b.subject(kindNode), b.subject(kindAsk), b.subject(kindTo, b.nodes.name, ">")} {
		if _, err := b.link.ChanSubscribe(subject, b.inbox.arrived); err != nil {
			b.Close()
			return nil, fmt.Errorf("natsbroker: subscribing to %s: %w", subject, err)
		}
	}
	b.start(b.nodes.beat)
	if err := b.nodes.meet(ctx); err != nil {
		b.Close()
		return nil, fmt.Errorf("natsbroker: connected, but nothing comes back from %s: %w", b.link.ConnectedUrlRedacted(), err)
	}
	return b, nil
}

// Close tells the other nodes that this one leaves, with its members of all rooms, and ends the connection.
// Nothing is delivered after it has returned. It must not be called by a Subscriber. The error is
// always nil; it is there so that a Broker is an [io.Closer].
func (b *Broker) Close() error {
	b.mu.Lock()
	first := !b.closed
	if first {
		b.closed = true
		close(b.closing)
	}
	b.mu.Unlock()
	if !first {
		return nil
	}
	if b.link.up.Load() {
		b.nodes.leave()
		if err := b.link.flush(); err != nil {
			b.log.Info("natsbroker: the other nodes may not know that this one leaves", "error", err)
		}
	}
	b.link.Close()
	b.all.Wait()
	b.inbox.close()
	return nil
}

func (b *Broker) ended() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed
}

// start runs f in a goroutine that Close waits for.
func (b *Broker) start(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.all.Go(f)
	}
}

// subject returns the subject of this Broker with these tokens.
func (b *Broker) subject(tokens ...string) string {
	return b.options.Prefix + "." + strings.Join(tokens, ".")
}

// sort gives a message to whom it is for. It is called in the order of arrival.
func (b *Broker) sort(m *nats.Msg) {
	kind, rest, _ := strings.Cut(m.Subject[len(b.options.Prefix)+1:], ".")
	switch kind {
	case kindNode:
		b.inbox.control.push(item{call: func() { b.nodes.heard(m.Data) }})
	case kindAsk:
		b.inbox.control.push(item{call: func() { b.nodes.asked(m.Data) }})
	case kindTo:
		if _, token, ok := strings.Cut(rest, "."+kindWho+"."); ok {
			b.inbox.worker(kindWho + "." + token).push(item{call: func() { b.presence.called(token, m.Data) }})
			return
		}
		b.inbox.control.push(item{call: func() { b.nodes.answered(m.Data) }})
	default:
		if r := b.rooms.get(roomKey(kind, rest)); r != nil {
			r.worker.push(item{room: r, msg: m})
		}
	}
}

// roomKey returns the key of the room that a subject is of.
func roomKey(kind, rest string) string {
	token, _, _ := strings.Cut(rest, ".")
	return kind + "." + token
}

// Publish implements [hub.Broker]. It returns when the server of NATS has the message. Of those who
// publish at a time all share one round trip.
func (b *Broker) Publish(ctx context.Context, room string, data []byte) error {
	if err := usable(ctx, room); err != nil {
		return err
	}
	if err := b.link.sendable(room, len(data)+wire.MaxFrame); err != nil {
		return err
	}
	dials := b.link.dials.Load()
	err := b.senders.publish(b.subject(kindRoom, wire.Token(room)), data)
	if isCertain(err) {
		return fmt.Errorf("natsbroker: room %q: %w: %w", room, errDown, err)
	}
	if err == nil {
		err = b.flushes.wait(ctx)
	}
	if err == nil && b.link.dials.Load() != dials {
		err = errBroken
	}
	if err != nil {
		return fmt.Errorf("natsbroker: room %q: %w: %w", room, hub.ErrUncertain, err)
	}
	return nil
}

// Subscribe implements [hub.Broker]. While NATS can't be reached it waits, until ctx ends, at most 10 s.
func (b *Broker) Subscribe(ctx context.Context, room string, s hub.Subscriber) (cancel func(), err error) {
	if err := usable(ctx, room); err != nil {
		return nil, err
	}
	cancel, err = b.subscribe(ctx, b.counted(kindRoom, room), s)
	if err != nil {
		err = fmt.Errorf("natsbroker: room %q: %w", room, err)
	}
	return cancel, err
}

func usable(ctx context.Context, room string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return hub.CheckRoom(room)
}

// sync returns when all servers know what this node subscribed to before.
func (b *Broker) sync() error {
	if err := b.link.flush(); err != nil {
		return err
	}
	return b.nodes.sync()
}

// bad tells of a message that is none of this package.
func (b *Broker) bad(subject string, err error) {
	b.log.Warn("natsbroker: a message was not understood and is left out", "subject", subject, "error", err)
}
