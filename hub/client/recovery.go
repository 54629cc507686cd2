package client

import (
	"errors"
	"fmt"

	"github.com/spoutws/spout/hub"
)

// recovery is what a Client knows of the rooms it is in: enough to tell which messages it has had, and whether
// some may be missing. It knows nothing of connections and of time.
//
// Between two announcements, which are a gap and a join without recovery, it lets messages of one epoch pass, with
// growing offsets. What contradicts that is an error: only a new join tells how the room stands.
type recovery struct {
	since hub.Position // to join with, until there is a room
	first string       // the room that was joined first, whose position the server is given
	rooms map[string]*standing
}

// standing is where the Client stands in a room.
type standing struct {
	here  bool         // joined, by this connection
	known bool         // joined before, or was told where to resume
	last  hub.Position // of the last message
	top   uint64       // the offset to which the replay leads
}

var (
	errNotJoined  = errors.New("client: the server sent an envelope of a room before it said that the room is joined")
	errOtherEpoch = errors.New("client: the server sent a message of another epoch of the room without saying that it has begun")
)

// position is what to join with.
func (r *recovery) position() hub.Position {
	if s := r.rooms[r.first]; s != nil {
		return s.last
	}
	return r.since
}

// disconnected notes that the connection has ended.
func (r *recovery) disconnected() {
	for _, s := range r.rooms {
		s.here = false
	}
}

// take receives an envelope that belongs to a room. It returns the gap that has to be told of first, if there is one,
// and whether the envelope is to be delivered then; with a gap and without that, it is to be taken again. An
// error means that the connection is of no use any more.
func (r *recovery) take(e *hub.Envelope) (gap *hub.Envelope, deliver bool, err error) {
	s := r.rooms[e.Room]
	if e.Type == hub.Joined {
		if s == nil {
			s = r.enter(e.Room)
		}
		return s.join(e), true, nil
	}
	if s == nil || !s.here {
		return nil, false, errNotJoined
	}
	switch e.Type {
	case hub.Message:
		return s.message(e)
	case hub.Gap:
		s.gap(e)
	}
	return nil, true, nil
}

// enter adds a room.
func (r *recovery) enter(room string) *standing {
	s := new(standing)
	if r.rooms == nil {
		r.rooms = make(map[string]*standing)
		r.first = room
		s.last, s.known = r.since, !r.since.IsZero()
	}
	r.rooms[room] = s
	return s
}

// join receives a Joined. Its Position is that after the replay.
func (s *standing) join(e *hub.Envelope) (gap *hub.Envelope) {
	if !s.known || s.last.IsZero() || e.Position.Epoch != s.last.Epoch || e.Position.Offset < s.last.Offset {
		e.Recovered = false
	}
	if s.known && !e.Recovered {
		reason := "the room has no history"
		if !s.last.IsZero() {
			reason = fmt.Sprintf("the server has not kept all that came after %v", s.last)
		}
		gap = &hub.Envelope{Type: hub.Gap, Room: e.Room, Position: e.Position, Reason: reason}
	}
	if !e.Recovered {
		s.last = hub.Position{Epoch: e.Position.Epoch} // the replay begins anywhere
	}
	if e.Replayed == 0 {
		s.last = e.Position
	}
	s.here, s.known, s.top = true, true, e.Position.Offset
	return gap
}

// message receives a Message. What has been delivered to a loop that was left must not count what was not: so
// the gap comes alone.
func (s *standing) message(e *hub.Envelope) (gap *hub.Envelope, deliver bool, err error) {
	switch {
	case e.Position.Epoch != s.last.Epoch:
		return nil, false, errOtherEpoch
	case e.Position.IsZero():
		return nil, true, nil
	case e.Position.Offset <= s.last.Offset:
		return nil, false, nil // it was delivered already
	case s.last.Offset < s.top && s.top < e.Position.Offset:
		gap = &hub.Envelope{Type: hub.Gap, Room: e.Room, Position: s.last,
			Reason: fmt.Sprintf("the server said that it replays up to offset %d, and ended with %d", s.top, s.last.Offset)}
		s.top = s.last.Offset
		return gap, false, nil
	}
	s.last = e.Position
	return nil, true, nil
}

// gap receives a Gap. One that was held up while messages were replayed comes after some of them.
func (s *standing) gap(e *hub.Envelope) {
	if e.Position.Epoch == s.last.Epoch && e.Position.Offset < s.last.Offset {
		e.Position = s.last
	}
	s.last, s.top = e.Position, e.Position.Offset
}
