package natsbroker

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/spoutws/spout/brokers/nats/internal/wire"
	"github.com/spoutws/spout/hub"
)

// live is the feed of a room without history: it counts what each publisher sends.
type live struct {
	publishers map[uint64]*progress
	whole      time.Time // nothing that was published since is missing without a word
	swept      time.Time // when publishers were last forgotten
	bad        func(subject string, err error)
}

// progress is how far a publisher has come.
type progress struct {
	incarnation, number uint64
	at                  time.Time // when it was last heard of
}

const (
	// A publisher forgets a room after so long without a message in it, and who listens forgets the
	// publisher later.
	publisherIdle = time.Minute
	listenerIdle  = 2 * publisherIdle

	// slack is how much longer than others a message may be on its way without being taken for a gap.
	slack = 250 * time.Millisecond
)

func (l *live) lost(*room) {
	// Nothing is known of what came before.
	clear(l.publishers)
	l.whole = time.Now()
}

func (l *live) receive(r *room, m *nats.Msg) {
	f, data, err := wire.Cut(m.Data)
	if err != nil {
		l.bad(m.Subject, err)
		return
	}
	now := time.Now()
	l.sweep(now)
	p := l.publishers[f.Node]
	if p != nil && (f.Incarnation < p.incarnation || f.Incarnation == p.incarnation && f.Number <= p.number) {
		if !f.Mark || f.Incarnation < p.incarnation || f.Number < p.number {
			return // it came before, or was given up
		}
	}
	if missing := l.missing(f, p, now); missing != nil {
		r.tell(missing)
	}
	l.publishers[f.Node] = &progress{f.Incarnation, f.Number, now}
	if !f.Mark {
		r.deliver(hub.Delivery{Data: data})
	}
}

// missing returns an error if there must have been messages between p and f.
func (l *live) missing(f wire.Frame, p *progress, now time.Time) error {
	expected := uint64(1)
	if p != nil && f.Incarnation == p.incarnation {
		expected = p.number + 1
	}
	if f.Mark {
		expected--
	}
	switch {
	case f.Number <= expected:
		return nil
	case p == nil && f.Age+slack >= now.Sub(l.whole):
		return nil // they were published before this node listened
	case p == nil:
		return fmt.Errorf("messages of node %s did not come", nodeName(f.Node))
	}
	return fmt.Errorf("%d messages of node %s did not come", f.Number-expected, nodeName(f.Node))
}

func (l *live) sweep(now time.Time) {
	if now.Sub(l.swept) < publisherIdle {
		return
	}
	l.swept = now
	for node, p := range l.publishers {
		if now.Sub(p.at) > listenerIdle {
			delete(l.publishers, node)
		}
	}
}
