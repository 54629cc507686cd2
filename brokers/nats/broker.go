package natsbroker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

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
	if err := b.senders.publish(b.subject(kindRoom, wire.Token(room)), data); err != nil {
		return fmt.Errorf("natsbroker: room %q: %w", room, err)
	}
	err := b.flushes.wait(ctx)
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

// counted is how one subscribes to what senders publish.
func (b *Broker) counted(kind, name string) subscribing {
	key := kind + "." + wire.Token(name)
	return subscribing{
		key: key, subject: b.subject(key),
		feed:  func() feed { return &live{publishers: map[uint64]*progress{}, bad: b.bad} },
		sync:  b.syncs.wait,
		begin: func(*room) {},
	}
}

func usable(ctx context.Context, room string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return hub.CheckRoom(room)
}

// patience bounds what waits for NATS if the context does not.
const patience = 10 * time.Second

// subscribing is what differs between kinds of rooms where one subscribes.
type subscribing struct {
	key, subject string
	feed         func() feed
	sync         func(ctx context.Context) error // returns when what is subscribed to comes
	begin        func(r *room)                   // called by the worker after that
}

// subscribe adds a subscription of a room.
func (b *Broker) subscribe(ctx context.Context, how subscribing, subscriber hub.Subscriber) (cancel func(), err error) {
	ctx, end := context.WithTimeout(ctx, patience)
	defer end()
	r := b.rooms.take(how.key, func() *room {
		return &room{key: how.key, subject: how.subject, worker: b.inbox.worker(how.key), feed: how.feed()}
	})
	s := &subscription{Subscriber: subscriber}
	err = r.subscribe(b.link.Conn, b.inbox.arrived)
	if err == nil {
		err = b.addSynced(ctx, how, r, s)
	}
	if err != nil {
		b.release(r)
		return nil, err
	}
	return sync.OnceFunc(func() {
		s.ended.Store(true)
		b.inbox.doAt(r.worker, func() { r.remove(s) })
		b.release(r)
	}), nil
}

// addSynced adds a subscription when all servers know that this node listens, and after all that was
// published before.
func (b *Broker) addSynced(ctx context.Context, how subscribing, r *room, s *subscription) error {
	for {
		dials := b.link.dials.Load()
		if err := how.sync(ctx); err != nil {
			if !isTransient(err) {
				return err
			}
			if err := b.await(ctx, err); err != nil {
				return err
			}
			continue
		}
		done := make(chan bool, 1)
		b.inbox.doAt(r.worker, func() {
			same := b.link.dials.Load() == dials
			if same {
				r.add(s)
				how.begin(r)
			}
			done <- same
		})
		select {
		case added := <-done:
			if added {
				return nil
			}
		case <-b.closing:
			return errClosed
		}
	}
}

// await waits until something may be tried again that failed with an error: for the connection, or a moment.
func (b *Broker) await(ctx context.Context, failed error) error {
	if errors.Is(failed, errClosed) || ctx.Err() != nil {
		return failed
	}
	again := b.link.again()
	var pause <-chan time.Time
	if again == nil {
		pause = time.After(reconnectWait)
	}
	select {
	case <-again:
	case <-pause:
	case <-ctx.Done():
		return fmt.Errorf("%w (%w)", ctx.Err(), failed)
	case <-b.closing:
		return errClosed
	}
	return nil
}

func (b *Broker) release(r *room) {
	if err := b.rooms.release(r); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		b.log.Warn("natsbroker: NATS could not be told that nobody listens any more", "subject", r.subject, "error", err)
	}
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

// broken is called between two connections.
func (b *Broker) broken() { b.doubt(errBroken) }

// doubt has what comes from now on be preceded by the news that something may have been lost.
func (b *Broker) doubt(reason error) {
	b.inbox.doAll(func(w *worker) {
		w.doubts++
		w.reason = reason
	})
}

// resolve tells rooms what there was doubt about, and that it is over; not if the connection broke since it
// was dialed so often.
func (b *Broker) resolve(dials uint64, which func(r *room) bool) {
	clustered := b.link.clustered()
	b.inbox.do(func() {
		if b.link.dials.Load() != dials {
			return
		}
		for _, w := range b.inbox.workers {
			w.push(item{call: func() {
				for r := range w.rooms {
					if which(r) {
						r.resolve(clustered)
					}
				}
			}})
		}
	})
}

// mended is called when there is a connection again. NATS has told the server of all subscriptions.
func (b *Broker) mended() {
	b.start(func() {
		b.senders.unmark()
		b.nodes.returned()
		b.catchUp(b.syncs.wait, func(r *room) bool { return !r.isLog() })
	})
	b.mu.Lock()
	l := b.history
	b.mu.Unlock()
	if l != nil {
		b.start(func() { b.catchUp(l.syncs.wait, (*room).isLog) })
	}
}

// catchUp waits until what rooms subscribed to comes again, and tells them.
func (b *Broker) catchUp(sync func(ctx context.Context) error, which func(r *room) bool) {
	ctx, dials := context.Background(), b.link.dials.Load()
	for tries := 0; b.link.dials.Load() == dials; tries++ {
		err := sync(ctx)
		if err == nil {
			b.resolve(dials, which)
			return
		}
		if tries == 0 && !b.ended() {
			b.log.Warn("natsbroker: connected, but not in step yet", "error", err)
		}
		if b.await(ctx, err) != nil {
			return
		}
	}
}

// failed is called when NATS dropped messages of a subscription, or refused it.
func (b *Broker) failed(sub *nats.Subscription) {
	kind, rest, _ := strings.Cut(strings.TrimPrefix(sub.Subject, b.options.Prefix+"."), ".")
	if r := b.rooms.get(roomKey(kind, rest)); r != nil {
		b.inbox.doAt(r.worker, func() { r.lose(errTooFast) })
	}
}
