package natsbroker

import (
	"context"
	"strings"

	"github.com/nats-io/nats.go"
)

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
func (b *Broker) failed(sub *nats.Subscription, err error) {
	kind, rest, _ := strings.Cut(strings.TrimPrefix(sub.Subject, b.options.Prefix+"."), ".")
	if r := b.rooms.get(roomKey(kind, rest)); r != nil {
		b.inbox.doAt(r.worker, func() { r.lose(err) })
	}
}
