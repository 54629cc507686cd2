package hub

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/spoutws/spout"
)

// member is a connection in a room.
type member struct {
	Member // with Hub.Presence

	conn     *spout.Conn
	room     *room
	index    int // in room.members; guarded by room.mu
	envelope bool
	joined   bool // guarded by attachment.mu
	slow     bool // OnSlow is about to be called; guarded by room.mu
	closing  bool // since it did not keep up, and is sent nothing more; guarded by room.mu

	gap *notice // what it is to be told first, since it did not get something and OnSlow keeps it; guarded by room.mu

	// While it is sent what comes first, guarded by room.mu:
	catching bool
	pending  backlog[*notice] // what the room has for it meanwhile
	overrun  bool             // it was too much

	// What it was sent of the Log may be ahead of what is delivered to this node: up to here it has everything, until
	// the room has come as far. Guarded by room.mu.
	ahead Position
}

// notice is what a room has for its members, encoded once for all of them.
type notice struct {
	Envelope
	plain    spout.Message // prepared; Data is nil if those without envelopes get nothing
	enclosed spout.Message // the envelope, prepared when the first asks for it
}

// message returns what a member gets, if it gets anything. It encodes it first if nobody had it in that form before: then
// the lock of the room is held, unless nobody else has the notice.
func (n *notice) message(envelope bool) (m spout.Message, ok bool) {
	if !envelope {
		return n.plain, n.Type == Message
	}
	if n.enclosed.Data == nil {
		e := n.Envelope
		if n.Type == Message {
			e.put(n.plain)
		}
		n.enclosed = e.encode().Prepare()
	}
	return n.enclosed, true
}

// receive sends a notice to the member, or keeps it until its turn has come. The lock of the room is held.
func (m *member) receive(n *notice) {
	switch {
	case m.overrun, m.closing, m.has(n):
		return
	case m.catching:
		m.overrun = !m.pending.add(n, len(n.plain.Data))
		return
	}
	if m.gap != nil && !m.send(m.gap) || !m.send(n) {
		m.tooSlow()
		return
	}
	m.gap = nil
}

// send reports whether the member had room for a notice, or does not get it anyway. The lock of the room is held.
func (m *member) send(n *notice) bool {
	msg, ok := n.message(m.envelope)
	return !ok || !errors.Is(m.conn.Send(msg), spout.ErrFull)
}

// has reports whether the member was sent what a notice is about, when it joined. The lock of the room is held.
func (m *member) has(n *notice) bool {
	if m.ahead.IsZero() || n.Type != Message && n.Type != Gap {
		return false
	}
	if n.past(m.ahead) {
		return true
	}
	m.ahead = Position{}
	return false
}

// tooSlow is what becomes of a member that does not keep up. The lock of the room is held.
func (m *member) tooSlow() {
	r := m.room
	if f := r.hub.OnSlow; f != nil {
		if m.envelope {
			m.gap = &notice{Envelope: Envelope{Type: Gap, Room: r.name, Position: r.last, Reason: "too slow"}}
		}
		if !m.slow {
			m.slow = true
			r.call(func() {
				r.mu.Lock()
				m.slow = false
				r.mu.Unlock()
				f(m.conn, r.name)
			})
		}
		return
	}
	m.closing = true
	m.conn.Close(spout.CloseTryAgainLater, fmt.Sprintf("too slow: %d bytes wait for you (Options.SendLimit)", m.conn.Buffered()))
}

// leave takes the member out of its room, and tells the broker. It has a time of its own for that: what ended the time
// of who wanted to join must not leave the member behind. Without presence it allocates nothing.
func (m *member) leave() error {
	r := m.room
	r.remove(m)
	r.release()
	if !r.hub.Presence {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), operationTime)
	defer cancel()
	return r.hub.broker().(PresenceBroker).Exit(ctx, r.name, m.ID)
}

// abandon is leave where nobody takes the error.
func (m *member) abandon() {
	if err := m.leave(); err != nil {
		m.room.hub.logger().Warn("hub: the broker was not told that a member has left", "room", m.room.name, "member", m.ID, "error", err)
	}
}

// start sends the member what comes first: where it stands, what it has missed, and then what the room had for it
// meanwhile. at is where the room stood when the member was added.
func (m *member) start(ctx context.Context, at Position, o JoinOptions) (JoinResult, error) {
	r := m.room
	result := JoinResult{ID: m.ID, Position: at}
	var missed []Delivery
	if r.log != nil && (!o.Since.IsZero() || o.Recent > 0) {
		replay, err := r.log.Since(ctx, r.name, o.Since)
		if err != nil {
			return JoinResult{}, err
		}
		if result.Position = replay.Top; replay.Complete {
			missed = replay.Missed
		}
		if o.Since.IsZero() {
			missed = missed[max(0, len(missed)-o.Recent):]
		} else {
			result.Recovered = replay.Complete
		}
		result.Replayed = len(missed)
	}
	first := Envelope{Type: Joined, Room: r.name, Position: result.Position, Recovered: result.Recovered, Replayed: result.Replayed}
	if r.hub.Presence {
		b := r.hub.broker().(PresenceBroker)
		if err := b.Enter(ctx, r.name, m.Member); err != nil {
			return JoinResult{}, err
		}
		if m.envelope {
			members, err := b.Members(ctx, r.name)
			if err != nil {
				return JoinResult{}, err
			}
			first.ID, first.Members = m.ID, members
		}
	}
	if !m.catching {
		return result, nil
	}
	c := catch{member: m, at: Position{Epoch: result.Position.Epoch}}
	if m.envelope {
		c.write(&notice{Envelope: first})
	}
	c.replay(missed)
	c.at = result.Position
	c.follow()
	if c.err != nil {
		m.conn.Close(spout.CloseTryAgainLater, "what was missed could not be sent")
		return JoinResult{}, c.err
	}
	return result, nil
}

// guard calls a function of the application, whose panic harms nobody.
func (h *Hub) guard(f func()) {
	defer func() {
		if v := recover(); v != nil {
			h.logger().Error("hub: a hook or the broker panicked", "panic", v, "stack", string(debug.Stack()))
		}
	}()
	f()
}
