package natsbroker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// dedupeWindow is how long JetStream knows what it has stored, so that it stores nothing twice.
const dedupeWindow = 2 * time.Minute

// state is what the stream was like when its leader was last asked.
type state struct {
	epoch       string
	first, last uint64 // sequences; first is of the oldest message that is kept
	perRoom     int    // how many messages of a room were kept at any time, at least
	leader      string
	dials       uint64    // of the connection
	sound       bool      // nothing failed since
	failing     time.Time // since when it can't be asked; zero if it can
	suspect     int       // how often its tail was missing
}

// config is the stream. It keeps one message more of each room than is asked for: a position whose own
// message is just gone can so be told from one before that.
func (l *historyLog) config(epoch string, perRoom int) *nats.StreamConfig {
	return &nats.StreamConfig{
		Name:              l.stream,
		Description:       "rooms with history of spout",
		Subjects:          []string{l.subject(kindAppend, "*")},
		MaxMsgsPerSubject: int64(l.size) + 1,
		MaxMsgs:           -1,
		MaxBytes:          -1,
		MaxConsumers:      -1,
		MaxMsgSize:        -1,
		MaxAge:            l.age,
		Duplicates:        min(dedupeWindow, l.age),
		Discard:           nats.DiscardOld,
		Storage:           nats.FileStorage,
		Replicas:          l.options.Replicas,
		AllowDirect:       true,
		Metadata:          map[string]string{metaPerRoom: strconv.Itoa(min(perRoom, l.size+1))},
		RePublish: &nats.RePublish{
			Source:      l.subject(kindAppend, "*"),
			Destination: l.subject(kindLog, "{{wildcard(1)}}", epoch),
		},
	}
}

// awayTime is how long JetStream must have given no answer for that to be told.
const awayTime = 2 * time.Second

// suspicions is how often the tail of the stream must be missing until that is believed.
const suspicions = 4

// metaPerRoom is where a stream tells the lowest limit that it ever had for the messages of a room.
const metaPerRoom = "spout-per-room"

func newEpoch() string { return strings.ToLower(rand.Text()[:12]) }

// epochOf returns the epoch of a stream: what it republishes to tells it, and so does every message.
func (l *historyLog) epochOf(c *nats.StreamConfig) (string, error) {
	if c.RePublish != nil {
		prefix := l.subject(kindLog, "{{wildcard(1)}}") + "."
		if epoch, ok := strings.CutPrefix(c.RePublish.Destination, prefix); ok && epoch != "" && !strings.Contains(epoch, ".") {
			return epoch, nil
		}
	}
	return "", fmt.Errorf("stream %s is there, but is not one of this package", l.stream)
}

// check asks the stream's leader how it is, and makes the stream if it is not there.
func (l *historyLog) check() error {
	err := l.checkOnce()
	if err != nil {
		l.mu.Lock()
		l.state.sound = false
		if l.state.failing.IsZero() {
			l.state.failing = time.Now()
		}
		l.mu.Unlock()
	}
	return err
}

func (l *historyLog) checkOnce() error {
	ctx, dials := context.Background(), l.link.dials.Load()
	l.mu.Lock()
	before, top := l.state, l.top // meanwhile it grows
	l.mu.Unlock()
	var info nats.StreamInfo
	err := l.jsCall(ctx, "STREAM.INFO."+l.stream, nil, &info)
	if isCode(err, codeStreamNotFound) {
		err = l.jsCall(ctx, "STREAM.CREATE."+l.stream, l.config(newEpoch(), l.size+1), &info)
		switch {
		case err == nil:
			l.log.Info("natsbroker: the stream of rooms with history is new", "stream", l.stream)
		case isCode(err, codeStreamInUse): // another node was first
			err = l.jsCall(ctx, "STREAM.INFO."+l.stream, nil, &info)
		}
	}
	if err != nil {
		return err
	}
	epoch, err := l.epochOf(&info.Config)
	if err != nil {
		return err
	}
	perRoom, err := strconv.Atoi(info.Config.Metadata[metaPerRoom])
	if err != nil {
		return fmt.Errorf("stream %s: %w", l.stream, err)
	}
	now := state{epoch: epoch, perRoom: perRoom, first: info.State.FirstSeq, last: info.State.LastSeq, dials: dials, sound: true}
	if info.Cluster != nil {
		now.leader = info.Cluster.Leader
	}
	if before.epoch == now.epoch && (now.last < top.sequence || before.leader != now.leader || before.dials != now.dials || !before.sound) {
		lost, err := l.lostTail(ctx, now, top)
		if err != nil {
			return err
		}
		if lost && before.suspect < suspicions {
			// A server that has only just become the leader may not have all yet.
			l.mu.Lock()
			l.state.suspect++
			l.mu.Unlock()
			return fmt.Errorf("JetStream has %d messages, where it had acknowledged %d", now.last, top.sequence)
		}
		if lost {
			l.log.Error("natsbroker: JetStream has lost messages that it had acknowledged; a new epoch begins",
				"stream", l.stream, "had", top.sequence, "has", now.last)
			if err := l.update(ctx, newEpoch(), perRoom); err != nil {
				return err
			}
			return errors.New("a new epoch begins")
		}
	}
	l.mu.Lock()
	if l.state.epoch != now.epoch {
		l.top = place{}
	}
	l.state = now
	l.mu.Unlock()
	if before.epoch == "" || before.dials != now.dials {
		return nil // who is concerned hears of the connection
	}
	switch {
	case before.epoch != now.epoch:
		l.loseAll(errors.New("the history begins anew"))
	case before.leader != now.leader && before.leader != "":
		l.loseAll(errors.New("the stream has another leader"))
	case !before.failing.IsZero() && time.Since(before.failing) > awayTime:
		l.loseAll(errors.New("JetStream did not answer"))
	}
	return nil
}

// place is a message of the stream.
type place struct {
	sequence uint64
	id       string
}

// lostTail reports whether what was the last message is there no more, or is another one.
func (l *historyLog) lostTail(ctx context.Context, now state, top place) (bool, error) {
	if top.sequence == 0 {
		return false, nil
	}
	if now.last < top.sequence {
		return true, nil
	}
	m, err := l.get(ctx, map[string]any{"seq": top.sequence})
	if err != nil || m == nil {
		return false, err // it may have been trimmed
	}
	headers, err := nats.DecodeHeadersMsg(m.Headers)
	return err == nil && headers.Get(nats.MsgIdHdr) != top.id, nil
}

func (l *historyLog) update(ctx context.Context, epoch string, perRoom int) error {
	var info nats.StreamInfo
	return l.jsCall(ctx, "STREAM.UPDATE."+l.stream, l.config(epoch, perRoom), &info)
}

// limit makes the stream's limits those of l.
func (l *historyLog) limit(ctx context.Context) error {
	var info nats.StreamInfo
	if err := l.jsCall(ctx, "STREAM.INFO."+l.stream, nil, &info); err != nil {
		return err
	}
	now := l.now()
	want := l.config(now.epoch, now.perRoom)
	if c := &info.Config; c.MaxMsgsPerSubject != want.MaxMsgsPerSubject || c.MaxAge != want.MaxAge || c.Replicas != want.Replicas {
		l.log.Info("natsbroker: the limits of rooms with history change", "stream", l.stream,
			"size", l.size, "age", l.age, "replicas", want.Replicas)
		return l.update(ctx, now.epoch, now.perRoom)
	}
	return nil
}

func (l *historyLog) now() state {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// saw notes a message that was stored.
func (l *historyLog) saw(epoch string, p place) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if epoch == l.state.epoch && p.sequence > l.top.sequence {
		l.top = p
	}
}

// sound returns the state of the stream; the stream is asked first if anything has failed since it was.
func (l *historyLog) sound(ctx context.Context) (state, error) {
	now := l.now()
	if now.sound && now.dials == l.link.dials.Load() {
		return now, nil
	}
	return l.fresh(ctx)
}

// fresh returns the state of the stream after fresh was called.
func (l *historyLog) fresh(ctx context.Context) (state, error) {
	if err := l.checks.wait(ctx); err != nil {
		return state{}, err
	}
	return l.now(), nil
}

// distrust has the stream asked before it is used again.
func (l *historyLog) distrust() {
	l.mu.Lock()
	l.state.sound = false
	l.mu.Unlock()
}

// watch looks after the stream until the broker is closed.
func (l *historyLog) watch() {
	tick := time.NewTicker(beatInterval)
	defer tick.Stop()
	failed := false
	for {
		select {
		case <-tick.C:
		case <-l.closing:
			return
		}
		err := l.checks.wait(context.Background())
		if err == nil {
			l.checked.Store(uptime())
		}
		switch {
		case err != nil && !failed && !l.ended():
			l.log.Warn("natsbroker: rooms with history don't work", "stream", l.stream, "error", err)
		case err == nil && failed:
			l.log.Info("natsbroker: rooms with history work again", "stream", l.stream)
		}
		failed = err != nil
		l.mark()
	}
}
