package hub

import (
	"context"
	"errors"

	"github.com/spoutws/spout"
)

// catch sends a member what comes before what the room has for it now, and stops at the first error.
type catch struct {
	*member
	at  Position // up to here the member has everything, in a room with history
	err error
}

// errMissed says that what the member is to get first came faster than it takes it.
var errMissed = errors.New("the member does not keep up with what it is to get first")

// replay sends what the Log has kept.
func (c *catch) replay(missed []Delivery) {
	for _, d := range missed {
		if n, ok := c.room.notice(d); ok {
			c.write(n)
		}
	}
}

// follow sends what the room had for the member meanwhile, until there is nothing more.
func (c *catch) follow() {
	for {
		pending, overrun, done := c.next()
		if done {
			return
		}
		if overrun {
			c.again()
		}
		for _, n := range pending {
			c.room.mu.Lock()
			n.message(c.envelope) // encodes it, if no other member has had it
			c.room.mu.Unlock()
			c.write(n)
		}
	}
}

// next takes what the room had for the member. If there is nothing, the room sends it what follows; nothing, if the
// member did not get all that comes before.
func (c *catch) next() (pending []*notice, overrun, done bool) {
	c.room.mu.Lock()
	defer c.room.mu.Unlock()
	pending, overrun = c.pending.list, c.overrun
	c.pending, c.overrun = backlog[*notice]{}, false
	if c.err != nil || len(pending) == 0 && !overrun {
		c.catching, c.ahead, c.closing = false, c.at, c.err != nil
		return nil, false, true
	}
	return pending, overrun, false
}

// again asks the Log for what was too much to be kept for the member.
func (c *catch) again() {
	if c.err != nil {
		return
	}
	if c.room.log == nil || c.envelope && c.room.hub.Presence { // who came and went is in no Log
		c.err = errMissed
		return
	}
	replay, err := c.room.since(c.at)
	if c.err = err; err == nil && !replay.Complete {
		c.err = errMissed
	}
	c.replay(replay.Missed)
}

// write sends a notice, unless it is of the time before the member stands where it does. It is this member's alone, or
// encoded for it already.
func (c *catch) write(n *notice) {
	if c.err != nil || c.room.log != nil && n.past(c.at) {
		return
	}
	if m, ok := n.message(c.envelope); ok {
		c.err = c.send(m)
	}
	if n.Type == Message || n.Type == Gap {
		c.at = n.Position
	}
}

// send waits until the member has room for a message, which it is given as much time for as for every other one: a replay
// over a thin line may take long.
func (c *catch) send(m spout.Message) error {
	if err := c.conn.Send(m); !errors.Is(err, spout.ErrFull) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), operationTime)
	defer cancel()
	return c.conn.Write(ctx, m)
}

// past reports whether a notice is nothing for a member that stands at a Position: it has it already, or was told that
// it does not get it. A room that has come less far may still be in an epoch that is over: a Gap leads out of it.
func (n *notice) past(at Position) bool {
	switch n.Type {
	case Message:
		return n.Position.Epoch != at.Epoch || n.Position.Offset <= at.Offset
	case Gap:
		return !n.Position.after(at)
	}
	return false
}

// after reports whether p comes after q, or can't be compared with it.
func (p Position) after(q Position) bool { return p.Epoch != q.Epoch || p.Offset > q.Offset }
