package natsbroker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/spoutws/spout/brokers/nats/internal/wire"
	"github.com/spoutws/spout/hub"
)

// What is asked for at a time.
const (
	pageMessages = 256
	pageBytes    = 4 << 20
)

var (
	errTrimmed = errors.New("messages were removed while they were read")
	errBehind  = errors.New("a replica of the stream is behind")
)

// Since implements [hub.Log].
func (l *historyLog) Since(ctx context.Context, room string, p hub.Position) (replay hub.Replay, err error) {
	if err := usable(ctx, room); err != nil {
		return replay, err
	}
	err = l.again(ctx, func(ctx context.Context) error {
		replay, err = l.since(ctx, wire.Token(room), p)
		return err
	})
	if err != nil {
		return hub.Replay{}, fmt.Errorf("natsbroker: room %q: %w", room, err)
	}
	return replay, nil
}

func (l *historyLog) since(ctx context.Context, token string, p hub.Position) (replay hub.Replay, err error) {
	before, err := l.sound(ctx)
	if err != nil {
		return replay, err
	}
	subject := l.subject(kindAppend, token)
	last, err := l.last(ctx, subject)
	if err != nil {
		return replay, err
	}
	var kept []hub.Delivery // from p on
	if p.IsZero() || p.Epoch == before.epoch && p.Offset < last {
		if kept, err = l.read(ctx, subject, before.epoch, p.Offset, last); err != nil {
			return replay, err
		}
	}
	after, err := l.fresh(ctx)
	if err != nil {
		return replay, err
	}
	if after.epoch != before.epoch {
		return replay, errors.New("a new epoch began")
	}

	replay.Top = hub.Position{Epoch: after.epoch, Offset: last}
	if len(kept) > 0 {
		replay.Top = kept[len(kept)-1].Position
	}
	switch {
	case p.IsZero():
		replay.Missed = kept[max(0, len(kept)-l.size):]
		replay.Complete = true
	case p.Epoch != after.epoch || p.Offset > after.last || last != 0 && p.Offset > last:
	case last != 0 && p.Offset == last:
		replay.Complete = true
	case len(kept) > 0 && kept[0].Position == p:
		// What is trimmed is the oldest of the room: nothing after p was.
		replay.Missed, replay.Complete = kept[1:], true
	case after.first <= p.Offset+1 && len(kept) < after.perRoom:
		// Nothing after p was too old, and of the room there was never too much.
		replay.Missed, replay.Complete = kept, true
		if len(kept) > 0 {
			kept[0].Previous = p.Offset
		}
	}
	if replay.Top.Offset == 0 {
		// The room is empty. It stands where it stood, or where the stream did.
		replay.Top.Offset = before.last
		if replay.Complete && !p.IsZero() {
			replay.Top = p
		}
	}
	return replay, nil
}

// read returns what is kept of a room, at least up to the sequence to, beginning with from. The first one has
// Previous 0.
func (l *historyLog) read(ctx context.Context, subject, epoch string, from, to uint64) (kept []hub.Delivery, err error) {
	for to != 0 {
		page, err := l.page(ctx, subject, epoch, max(from, 1))
		if err != nil {
			return nil, err
		}
		if len(kept) > 0 {
			// Nothing is missing between two pages if the last one of the first is still there.
			if len(page) == 0 || page[0].Position.Offset != from {
				return nil, errTrimmed
			}
			page[0] = kept[len(kept)-1]
			kept = kept[:len(kept)-1]
		}
		if len(page) < 2 && (len(page) == 0 || page[0].Position.Offset < to) {
			return nil, errBehind
		}
		kept = append(kept, page...)
		if from = kept[len(kept)-1].Position.Offset; from >= to {
			break
		}
	}
	return kept, nil
}

// page asks any replica of the stream for messages of a room.
func (l *historyLog) page(ctx context.Context, subject, epoch string, from uint64) (page []hub.Delivery, err error) {
	if err := l.reading.take(ctx); err != nil {
		return nil, err
	}
	defer l.reading.give()
	ctx, end := l.link.attempt(ctx, attemptTime)
	defer end()
	inbox := l.link.NewInbox()
	sub, err := l.link.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer sub.Unsubscribe()
	request, err := json.Marshal(map[string]any{"seq": from, "next_by_subj": subject, "batch": pageMessages, "max_bytes": pageBytes})
	if err != nil {
		return nil, err
	}
	if err := l.link.PublishRequest("$JS.API.DIRECT.GET."+l.stream, inbox, request); err != nil {
		return nil, err
	}
	var previous uint64
	for {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return nil, fmt.Errorf("JetStream, reading %s: %w", subject, err)
		}
		switch status := m.Header.Get("Status"); status {
		case "":
		case "204", "404": // the end
			return page, nil
		default:
			return nil, fmt.Errorf("JetStream, reading %s: %s %s", subject, status, m.Header.Get("Description"))
		}
		sequence, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("JetStream, reading %s: %w", subject, err)
		}
		if m.Header.Get("Nats-Last-Sequence") != strconv.FormatUint(previous, 10) {
			return nil, fmt.Errorf("JetStream, reading %s: an answer is missing", subject)
		}
		page = append(page, hub.Delivery{Data: m.Data, Position: hub.Position{Epoch: epoch, Offset: sequence}, Previous: previous})
		previous = sequence
	}
}
