package hub

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/spoutws/spout"
)

// Hub is rooms and who has joined them. The zero value is ready: rooms of this process, of which nothing is
// kept. All methods may be called from any goroutine and within events. The fields are set before the
// first call and not changed after it, and a Hub must not be copied.
//
// Hooks, which are OnSlow, OnGap and OnPresence, are called in a goroutine of their room, one after the other. They may
// do what they like with the Hub, but those that follow wait, in memory, until one has returned.
//
// A room is there while somebody is in it. On each node, a Hub with the same Broker, or one that is
// connected to the same servers, has the same rooms.
//
// No loss is silent: a member gets every message that Publish has taken, in the order of each
// publisher, or is told that it may not have (Envelope, OnGap), or is closed.
type Hub struct {
	// Broker carries the messages between nodes. nil means a Memory of the Hub's own.
	Broker Broker

	// History, if not nil, has the Broker, which must be a HistoryBroker, keep the last messages of each
	// room, so that a member can join with the Position that it had reached.
	History *History

	// Presence has the Broker, which must be a PresenceBroker, tell who is in a room, over all nodes.
	Presence bool

	// OnSlow is called when a member of a room has Options.SendLimit bytes waiting already, and so did not
	// get a message: once for all that it did not get before the call. nil closes it with 1013. Others wait for
	// neither the member nor OnSlow. A hook that keeps the member has to tell it of what it has missed; if it gets
	// envelopes it is told already, by a Gap before anything that follows.
	OnSlow func(c *spout.Conn, room string)

	// OnGap is called when messages of a room may have been lost for all members on this node. Those that
	// get envelopes are told already.
	OnGap func(room string, reason error)

	// OnPresence is called for those who come and go, on whatever node, while the room has members on this
	// one. It needs Presence.
	OnPresence func(room string, e PresenceEvent)

	// Logger gets what the Hub has to say. nil means slog.Default.
	Logger *slog.Logger

	own    Memory // the Broker if there is none
	id     atomic.Pointer[string]
	lastID atomic.Uint64

	opening atomic.Pointer[opening] // of the Log; nil before the first, and after one that failed

	fetches turns // of rooms that ask the Log for what may be missing

	rooms shards[string, *room]
	conns shards[*spout.Conn, *attachment]
}

// JoinOptions says how a connection joins a room. The zero value is what [Hub.Join] does.
type JoinOptions struct {
	// Envelope has the member get each message within an Envelope, and Joined, Gap, Enter and Exit.
	Envelope bool

	// Since has the member get what was published after it first, if all of that is kept; else, or if it
	// is of another epoch, nothing of it. The zero Position, or a Hub without History: nothing.
	Since Position

	// Recent, where Since is zero, has the member get so many of the last messages first, or all that are kept if
	// there are fewer. It needs Hub.History.
	Recent int

	// Data is what the others see of the member, in JSON of at most 4 KiB: each of them is sent it. It needs
	// Hub.Presence.
	Data any
}

const maxData = 4 << 10

// JoinResult is how a connection has joined.
type JoinResult struct {
	Position  Position // after the replay, in rooms with history
	Recovered bool     // JoinOptions.Since was not zero, and all that came after it was replayed
	Replayed  int      // messages that were sent first
	ID        string   // of the Member; it is the same in no other room
}

// operationTime bounds what is asked of a broker where the caller has no context.
const operationTime = 10 * time.Second

// Join has a connection receive what is published in a room, until it leaves or is closed. It waits for the
// Broker, at most 10 s, if nobody of this node is in the room yet.
func (h *Hub) Join(room string, c *spout.Conn) error {
	_, err := h.JoinWith(room, c, JoinOptions{})
	return err
}

// JoinWith is [Hub.Join] with options. When it returns, what is replayed is sent or queued; what
// others publish meanwhile follows it. For each of these messages it waits at most 10 s until the member has
// room for it (Options.SendLimit); then the member is closed with 1013.
func (h *Hub) JoinWith(room string, c *spout.Conn, o JoinOptions) (JoinResult, error) {
	m := &member{conn: c, envelope: o.Envelope}
	if err := h.check(room, o); err != nil {
		return JoinResult{}, err
	}
	if h.Presence {
		m.ID = h.newID()
	}
	if o.Data != nil {
		var err error
		if m.Data, err = json.Marshal(o.Data); err != nil {
			return JoinResult{}, fmt.Errorf("hub: Data of a member: %w", err)
		}
		if len(m.Data) > maxData {
			return JoinResult{}, fmt.Errorf("hub: Data of a member takes %d bytes of JSON, over %d", len(m.Data), maxData)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), operationTime)
	defer cancel()
	a, err := h.attach(c, room, m)
	if err != nil {
		return JoinResult{}, err
	}
	result, err := h.enter(ctx, room, m, o)
	if err != nil {
		a.failed(m)
		return JoinResult{}, fmt.Errorf("hub: join %q: %w", room, err)
	}
	if !a.joined(m) { // it was closed or has left meanwhile
		m.abandon()
	}
	return result, nil
}

// check refuses what can't be done.
func (h *Hub) check(room string, o JoinOptions) error {
	_, presence := h.broker().(PresenceBroker)
	switch {
	case h.Presence && !presence:
		return fmt.Errorf("hub: Presence needs a PresenceBroker, which %T is not", h.Broker)
	case !h.Presence && o.Data != nil:
		return errors.New("hub: JoinOptions.Data needs Hub.Presence")
	}
	return CheckRoom(room)
}

// enter adds the member to its room and sends it what comes first.
func (h *Hub) enter(ctx context.Context, name string, m *member, o JoinOptions) (JoinResult, error) {
	r, err := h.acquire(ctx, name)
	if err != nil {
		return JoinResult{}, err
	}
	m.room = r
	m.catching = m.envelope || r.log != nil && (!o.Since.IsZero() || o.Recent > 0)
	at := r.add(m)
	result, err := m.start(ctx, at, o)
	if err != nil {
		m.abandon()
	}
	return result, err
}

// Leave takes a connection out of a room. It does nothing if the connection is not in it, as after the
// connection's end. An error of the Broker is returned, but the connection has left.
func (h *Hub) Leave(room string, c *spout.Conn) error {
	a, ok := h.conns.get(c)
	if !ok {
		return nil
	}
	m := a.detach(room)
	if m == nil {
		return nil
	}
	if err := m.leave(); err != nil {
		return fmt.Errorf("hub: leave %q: %w", room, err)
	}
	return nil
}

// Publish sends a message to all members of a room, on every node, the publisher included if it has joined.
// nil means that the Broker has taken it. With ErrUncertain it is not known whether it has; after any
// other error, nobody gets the message.
func (h *Hub) Publish(ctx context.Context, room string, m spout.Message) error {
	if err := CheckRoom(room); err != nil {
		return err
	}
	data, err := marshal(m)
	if err != nil {
		return err
	}
	if h.History == nil {
		err = h.broker().Publish(ctx, room, data)
	} else if log, openErr := h.openLog(ctx); openErr != nil {
		err = openErr
	} else {
		err = log.Append(ctx, room, data)
	}
	if err != nil {
		return fmt.Errorf("hub: publish in %q: %w", room, err)
	}
	return nil
}

// Members returns the connections of this node that are in a room, as they are at this moment.
func (h *Hub) Members(room string) iter.Seq[*spout.Conn] {
	var conns []*spout.Conn
	if r, ok := h.rooms.get(room); ok {
		conns = r.conns()
	}
	return func(yield func(*spout.Conn) bool) {
		for _, c := range conns {
			if !yield(c) {
				return
			}
		}
	}
}

// Present returns who is in a room, over all nodes. It needs Hub.Presence.
func (h *Hub) Present(ctx context.Context, room string) ([]Member, error) {
	if !h.Presence {
		return nil, errors.New("hub: Present needs Hub.Presence")
	}
	if err := h.check(room, JoinOptions{}); err != nil {
		return nil, err
	}
	members, err := h.broker().(PresenceBroker).Members(ctx, room)
	if err != nil {
		return nil, fmt.Errorf("hub: members of %q: %w", room, err)
	}
	return members, nil
}

func (h *Hub) broker() Broker {
	if h.Broker == nil {
		return &h.own
	}
	return h.Broker
}

// newID returns an ID that no member of any node has.
func (h *Hub) newID() string {
	id := h.id.Load()
	if id == nil {
		text := rand.Text()[:13] // 65 bits
		h.id.CompareAndSwap(nil, &text)
		id = h.id.Load()
	}
	return *id + "-" + strconv.FormatUint(h.lastID.Add(1), 36)
}

func (h *Hub) logger() *slog.Logger {
	if h.Logger == nil {
		return slog.Default()
	}
	return h.Logger
}

// marshal returns what a broker carries: a byte for the type, and the data.
func marshal(m spout.Message) ([]byte, error) {
	if err := sendable("publish", m); err != nil {
		return nil, err
	}
	data := append(make([]byte, 0, 1+len(m.Data)), byte(m.Type))
	return append(data, m.Data...), nil
}

// unmarshal is the inverse of marshal.
func unmarshal(data []byte) (m spout.Message, ok bool) {
	if len(data) == 0 {
		return spout.Message{}, false
	}
	m = spout.Message{Type: spout.Type(data[0]), Data: data[1:]}
	return m, m.Type == spout.TextMessage || m.Type == spout.BinaryMessage
}
