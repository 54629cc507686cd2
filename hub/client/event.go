package client

import (
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
)

// Event is what happens to a Client: an envelope of the server's, with the types of package hub, or one
// of the Client's own types.
type Event struct {
	Type hub.EnvelopeType
	Room string

	// Of Joined, Message and Gap in rooms with history: where the Client stands now.
	Position hub.Position

	// Of Message, Ask and Other.
	Message spout.Message

	// Of Joined.
	Recovered bool         // all that came while the Client was away follows
	Replayed  int          // how many messages of the room's history follow
	ID        string       // the Client's own, as a Member, with Hub.Presence
	Members   []hub.Member // who is in the room, with Hub.Presence

	Member   hub.Member    // of Enter and Exit
	Question *hub.Question // of Ask, to be answered
	Reason   string        // of Gap: why messages may be missing

	// Of Disconnected.
	Err   error         // why
	Retry time.Duration // the wait before the Client connects again
}

// The types of a Client's own events.
const (
	// Disconnected says that the connection has ended, or that there was none to be had.
	Disconnected hub.EnvelopeType = "disconnected"
	// Other is a message that is no envelope: the server has sent it to this connection alone. It
	// belongs to no room and is not recovered.
	Other hub.EnvelopeType = "other"
)

// event returns the event that an envelope of a room is.
func event(e *hub.Envelope) Event {
	event := Event{Type: e.Type, Room: e.Room, Position: e.Position, Recovered: e.Recovered, Replayed: e.Replayed,
		ID: e.ID, Members: e.Members, Reason: e.Reason}
	event.Message, _ = e.Message()
	if e.Member != nil {
		event.Member = *e.Member
	}
	return event
}
