package natsbroker

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/spoutws/spout/brokers/nats/internal/wire"
	"github.com/spoutws/spout/hub"
)

// Of a History without limits of its own.
const (
	historySize = 100
	historyAge  = time.Hour
)

// markToken is in a subject where the epoch of a message would be.
const markToken = "_"

// historyLog is the rooms with history: a stream that has a subject for each, and republishes what it has
// stored.
type historyLog struct {
	*Broker
	stream string
	size   int
	age    time.Duration

	reading slots
	checks  group        // of the stream
	syncs   group        // of what was subscribed to
	checked atomic.Int64 // when the stream was last found well
	number  atomic.Uint64

	mu    sync.Mutex
	state state
	top   place           // of what this node has seen of the stream's epoch
	tails map[string]tail // by token: what this node appended, and has told nobody
}

// tail is the last message that this node appended to a room.
type tail struct {
	position hub.Position
	at       time.Time
}

// OpenLog implements [hub.HistoryBroker]. All nodes with the same Prefix have the same rooms, and should
// give the same limits: those of the last one hold. It makes the stream, or changes its limits.
func (b *Broker) OpenLog(ctx context.Context, h hub.History) (hub.Log, error) {
	size, age := h.Size, h.Age
	if size <= 0 {
		size = historySize
	}
	if age <= 0 {
		age = historyAge
	}
	b.mu.Lock()
	l := b.history
	switch {
	case b.closed:
		b.mu.Unlock()
		return nil, errClosed
	case l == nil:
		l = &historyLog{Broker: b, stream: b.options.Prefix, size: size, age: age, tails: map[string]tail{},
			reading: make(slots, readAtOnce)}
		l.checks.run = l.check
		l.syncs.run = l.sync
		b.history = l
		b.all.Go(l.watch)
	}
	b.mu.Unlock()
	if l.size != size || l.age != age {
		return nil, fmt.Errorf("natsbroker: this broker keeps %d messages for %v already: others need a Broker with another Options.Prefix", l.size, l.age)
	}
	err := b.again(ctx, func(ctx context.Context) error {
		if _, err := l.fresh(ctx); err != nil {
			return err
		}
		return l.limit(ctx)
	})
	if err != nil {
		return nil, fmt.Errorf("natsbroker: rooms with history: %w", err)
	}
	l.checked.Store(uptime())
	return l, nil
}

// headerSize is more than what stands before a message in the stream, and when it is republished.
const headerSize = 512

// Append implements [hub.Log]. It tries again until JetStream has acknowledged the message, which it stores
// once whatever happens: until ctx ends, at most for half of the time that JetStream knows what it has
// stored, which is a minute, or half of the History's Age if that is less.
func (l *historyLog) Append(ctx context.Context, room string, data []byte) error {
	if err := usable(ctx, room); err != nil {
		return err
	}
	if err := l.link.sendable(room, len(data)+headerSize); err != nil && !errors.Is(err, errDown) {
		return err
	}
	ctx, end := context.WithTimeout(ctx, min(dedupeWindow, l.age)/2)
	defer end()
	tok := wire.Token(room)
	m := &nats.Msg{Subject: l.subject(kindAppend, tok), Data: data, Header: nats.Header{}}
	id := l.nodes.name + "-" + strconv.FormatUint(l.number.Add(1), 36)
	m.Header[nats.MsgIdHdr] = []string{id}
	uncertain := false
	for {
		maybe, err := l.append(ctx, tok, m, id)
		if err == nil {
			return nil
		}
		uncertain = uncertain || maybe
		if isTransient(err) {
			if err = l.await(ctx, err); err == nil {
				continue
			}
		}
		if uncertain {
			err = fmt.Errorf("%w: %w", hub.ErrUncertain, err)
		}
		return fmt.Errorf("natsbroker: room %q: %w", room, err)
	}
}

// append tries once. uncertain says that the message may have been stored if there is an error.
func (l *historyLog) append(ctx context.Context, token string, m *nats.Msg, id string) (uncertain bool, err error) {
	now, err := l.sound(ctx)
	if err != nil {
		return false, err
	}
	sequence, uncertain, err := l.request(ctx, m)
	if err != nil {
		l.distrust()
		return uncertain, err
	}
	l.saw(now.epoch, place{sequence, id})
	if now.leader != "" {
		l.mu.Lock()
		l.tails[token] = tail{hub.Position{Epoch: now.epoch, Offset: sequence}, time.Now()}
		l.mu.Unlock()
	}
	return false, nil
}

// request has a message stored and returns its sequence.
func (l *historyLog) request(ctx context.Context, m *nats.Msg) (sequence uint64, uncertain bool, err error) {
	if !l.link.up.Load() {
		return 0, false, errDown
	}
	ctx, end := l.link.attempt(ctx, appendTime)
	defer end()
	got, err := l.link.RequestMsgWithContext(ctx, m)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return 0, false, fmt.Errorf("JetStream has no stream %s: %w", l.stream, err)
	case errors.Is(err, nats.ErrReconnectBufExceeded):
		return 0, false, errDown
	case err != nil:
		return 0, true, err
	}
	var ack struct {
		Sequence uint64         `json:"seq"`
		Error    *nats.APIError `json:"error"`
	}
	if err := json.Unmarshal(got.Data, &ack); err != nil {
		return 0, true, fmt.Errorf("JetStream's answer was not understood: %w", err)
	}
	if ack.Error != nil {
		return 0, ack.Error.Code == codeUnavailable || ack.Error.ErrorCode == codeDuplicateOnItWay, ack.Error
	}
	return ack.Sequence, false, nil
}

// sync returns when the stream's leader knows what this node subscribed to before, and what it republished
// before has come here. A message does that which the leader refuses, because it goes where those go that
// it stores.
func (l *historyLog) sync() error {
	m := &nats.Msg{Subject: l.subject(kindAppend, "sync"), Header: nats.Header{
		nats.ExpectedLastSeqHdr: []string{strconv.FormatUint(1<<62, 10)},
	}}
	dials := l.link.dials.Load()
	_, _, err := l.request(context.Background(), m)
	switch {
	case err == nil:
		return errors.New("JetStream has stored what it should have refused")
	case isCode(err, codeWrongLast) && l.link.dials.Load() != dials:
		return errBroken
	case isCode(err, codeWrongLast):
		return nil
	}
	l.distrust()
	return err
}

// Subscribe implements [hub.Log]. While JetStream can't be reached it waits like Broker.Subscribe.
func (l *historyLog) Subscribe(ctx context.Context, name string, s hub.Subscriber) (top hub.Position, cancel func(), err error) {
	if err := usable(ctx, name); err != nil {
		return top, nil, err
	}
	tok := wire.Token(name)
	var epoch string
	var last uint64
	cancel, err = l.subscribe(ctx, subscribing{
		key:     kindLog + "." + tok,
		subject: l.subject(kindLog, tok, "*"),
		feed:    func() feed { return &chain{log: l} },
		sync: func(ctx context.Context) error {
			if err := l.syncs.wait(ctx); err != nil {
				return err
			}
			top, err := l.stands(ctx, tok)
			epoch, last = top.Epoch, top.Offset
			return err
		},
		begin: func(r *room) {
			c := r.feed.(*chain)
			if c.begun {
				epoch, last = c.epoch, c.last
			}
			top = hub.Position{Epoch: epoch, Offset: last}
			if !c.begun {
				c.begin(r, epoch, last)
			}
		},
	}, s)
	if err != nil {
		return hub.Position{}, nil, fmt.Errorf("natsbroker: room %q: %w", name, err)
	}
	return top, cancel, nil
}

// stands returns where a room stands now. An empty room stands where the stream stood before it was
// looked at: whatever is appended to the room from then on comes after that.
func (l *historyLog) stands(ctx context.Context, token string) (hub.Position, error) {
	now, err := l.sound(ctx)
	if err != nil {
		return hub.Position{}, err
	}
	last, err := l.last(ctx, l.subject(kindAppend, token))
	return hub.Position{Epoch: now.epoch, Offset: cmp.Or(last, now.last)}, err
}

// loseAll tells all rooms with history that they should look at what they have.
func (l *historyLog) loseAll(reason error) {
	l.inbox.doAll(func(w *worker) {
		for r := range w.rooms {
			if r.isLog() {
				r.lose(reason)
			}
		}
	})
}

// mark tells who listens how far this node has appended, in rooms where it has not done so for a second. In
// a cluster what is stored may fail to be republished.
func (l *historyLog) mark() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for token, t := range l.tails {
		if time.Since(t.at) < time.Second {
			continue
		}
		if err := l.link.Publish(l.subject(kindLog, token, markToken), []byte(t.position.String())); err != nil {
			return // later
		}
		delete(l.tails, token)
	}
}
