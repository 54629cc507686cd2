package natsbroker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/spoutws/spout/brokers/nats/internal/wire"
	"github.com/spoutws/spout/hub"
)

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
