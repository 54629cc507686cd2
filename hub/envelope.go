package hub

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/spoutws/spout"
)

// Envelope is what a member that asks for it (JoinOptions.Envelope) gets in place of plain messages: a
// text message with this in JSON. Members that do not ask get the messages of the room as they were
// published, and nothing else.
//
// The first one is Joined; a room's messages follow.
type Envelope struct {
	Type EnvelopeType `json:"type"`
	Room string       `json:"room,omitempty"`

	// Of Joined, Message and Gap in rooms with history: where the member stands now. It joins with the
	// last Position that it got to receive what it misses meanwhile.
	Position Position `json:"position,omitzero"`

	// Of Joined:
	Recovered bool `json:"recovered,omitempty"` // all that came after the Position it joined with follows
	Replayed  int  `json:"replayed,omitempty"`  // how many messages of the room's history follow

	// Of Message, Ask and Answer, one of:
	Text   *string `json:"text,omitempty"`  // a text message
	Binary []byte  `json:"binary,omitzero"` // a binary message, in base64

	Members []Member `json:"members,omitempty"` // of Joined, with Hub.Presence: who is in the room; ID is one's own
	Member  *Member  `json:"member,omitempty"`  // of Enter and Exit
	Reason  string   `json:"reason,omitempty"`  // of Gap: why messages may be missing
	ID      string   `json:"id,omitempty"`      // of Ask and Answer, which belong together by it
	Error   string   `json:"error,omitempty"`   // of Answer, in place of a message
}

// EnvelopeType says what an Envelope is.
type EnvelopeType string

// What an Envelope may be.
const (
	Joined  EnvelopeType = "joined"  // the member is in the room
	Message EnvelopeType = "message" // somebody published
	Gap     EnvelopeType = "gap"     // messages before the Position may be missing
	Enter   EnvelopeType = "enter"   // somebody came, with Hub.Presence
	Exit    EnvelopeType = "exit"    // somebody left, with Hub.Presence
	Ask     EnvelopeType = "ask"     // a question that wants an Answer, either way
	Answer  EnvelopeType = "answer"  // the answer to an Ask
)

// sendable returns an error for a message that no connection would send. JSON would mend what is not UTF-8 without a word.
func sendable(op string, m spout.Message) error {
	switch {
	case m.Type == spout.TextMessage && !utf8.Valid(m.Data):
		return &spout.UsageError{Op: op, Reason: "text message is not UTF-8; use Binary for other data"}
	case m.Type != spout.TextMessage && m.Type != spout.BinaryMessage:
		return &spout.UsageError{Op: op, Reason: "message is neither TextMessage nor BinaryMessage"}
	}
	return nil
}

// put makes m the envelope's message.
func (e *Envelope) put(m spout.Message) {
	if m.Type == spout.BinaryMessage {
		e.Binary = m.Data
		if e.Binary == nil {
			e.Binary = []byte{}
		}
		return
	}
	text := m.String()
	e.Text = &text
}

// Message returns the message that the envelope carries, if it carries one.
func (e *Envelope) Message() (m spout.Message, ok bool) {
	switch {
	case e.Text != nil:
		return spout.Text(*e.Text), true
	case e.Binary != nil:
		return spout.Binary(e.Binary), true
	}
	return spout.Message{}, false
}

// encode returns the envelope as a text message.
func (e *Envelope) encode() spout.Message {
	b, err := json.Marshal(e)
	if err != nil {
		panic("hub: an envelope that can't be encoded: " + err.Error()) // a Member's Data is held against JSON before
	}
	return spout.Message{Type: spout.TextMessage, Data: b}
}
