package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
)

// chat is rooms whose members hear what each of them says, those of other nodes included.
//
// A client that opens /ws/chat/{room}?name=NAME&position=POSITION gets the envelopes of package hub: who is in the
// room and who comes and goes, each with {"name":"NAME"}, and the messages of the room. POSITION is empty at
// first, for the last things that were said; later it is that of the last envelope, for what was
// missed. A client without it gets nothing but the messages:
//
//	{"id":"f5xq-7","name":"Ann","at":1767225600000,"text":"..."}
//
// with the speaker's id in the room, which is empty if the server speaks, and the time in milliseconds. A client sends
//
//	{"type":"say","text":"..."}   to the room
//	{"type":"drop"}               to lose its connection without a close frame
//
// and what could not be said comes back as {"type":"unsaid","text":"...","reason":"..."}. While one who has asked
// for that is away, the server says a few things to the room, so that there is something to be recovered.
//
// Rooms and names have 1 to 32 visible characters, texts 1 to 4096 bytes; names need not be unique. A bad room, name
// or position is refused with 400, any other message closed with 1008, and a member who reads too slowly with 1013.
type chat struct {
	hub  hub.Hub
	node string // of several, else ""
}

const (
	maxLabel    = 32   // characters in the name of a room or a member
	maxText     = 4096 // bytes in what is said
	kept        = 500  // messages of a room
	keptFor     = 10 * time.Minute
	recent      = 50 // of them, that one who comes in is told
	whileAway   = 3  // messages of the server's to the room after a drop
	publishTime = 5 * time.Second
)

// member is a connection in a room.
type member struct {
	spout.Base
	person
	chat    *chat
	room    string
	options hub.JoinOptions
	id      string
}

// person is what others see of a member.
type person struct {
	Name string `json:"name"`
	Node string `json:"node,omitempty"`
}

// said is a message of a room.
type said struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	At   int64  `json:"at"`
	Text string `json:"text"`
}

// unsaid is what could not be published.
type unsaid struct {
	Type   string `json:"type"`
	Text   string `json:"text"`
	Reason string `json:"reason"`
}

func newChat(cfg *config) *chat {
	return &chat{hub: hub.Hub{Broker: cfg.broker, History: &hub.History{Size: kept, Age: keptFor}, Presence: true, Logger: cfg.logger}, node: cfg.node}
}

// open takes a room, a name and a position from a request.
func (ch *chat) open(r *http.Request) (spout.Handler, error) {
	room, name := r.PathValue("room"), strings.TrimSpace(r.URL.Query().Get("name"))
	if err := cmp.Or(checkLabel("the room's name", room), checkLabel("?name=", name)); err != nil {
		return nil, &spout.HandshakeError{Status: http.StatusBadRequest, Reason: err.Error()}
	}
	options, err := hub.FromRequest(r)
	if err != nil {
		return nil, err
	}
	m := &member{chat: ch, room: room, person: person{Name: name, Node: ch.node}, options: options}
	m.options.Recent = recent
	m.options.Data = m.person
	return m, nil
}

// checkLabel checks the name of a room or a member.
func checkLabel(what, label string) error {
	if n := utf8.RuneCountInString(label); n == 0 || n > maxLabel {
		return fmt.Errorf("%s has %d characters; 1 to %d are wanted", what, n, maxLabel)
	}
	if !utf8.ValidString(label) || strings.ContainsFunc(label, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return errors.New(what + " has a character that can't be seen")
	}
	return nil
}

func (m *member) OnOpen(c *spout.Conn) error {
	joined, err := m.chat.hub.JoinWith(m.room, c, m.options)
	if err != nil {
		return &spout.CloseError{Code: spout.CloseTryAgainLater, Reason: "the room can't be joined now", Err: err}
	}
	m.id = joined.ID
	return nil
}

func (m *member) OnMessage(c *spout.Conn, msg spout.Message) error {
	var order struct{ Type, Text string }
	if err := msg.Decode(&order); err != nil || msg.Type != spout.TextMessage {
		order.Type = ""
	}
	switch order.Type {
	case "say":
		return m.say(c, order.Text)
	case "drop":
		return m.drop(c)
	}
	return c.Close(spout.ClosePolicy, `only {"type":"say","text":"..."} or {"type":"drop"} may be sent here`)
}

func (m *member) say(c *spout.Conn, text string) error {
	if len(text) == 0 || len(text) > maxText {
		return c.Close(spout.ClosePolicy, fmt.Sprintf("a text has 1 to %d bytes", maxText))
	}
	err := m.publish(said{ID: m.id, Name: m.Name, Text: text})
	if err == nil {
		return nil
	}
	reason := "the room can't be reached at the moment"
	if errors.Is(err, hub.ErrUncertain) {
		reason = "it is not known whether the room got this"
	}
	return c.SendJSON(unsaid{Type: "unsaid", Text: text, Reason: reason})
}

// drop ends the connection as a broken network does, and speaks to those who are still there.
func (m *member) drop(c *spout.Conn) error {
	c.CloseNow()
	for i := range whileAway {
		text := fmt.Sprintf("%s was dropped and can't hear this (%d of %d).", m.Name, i+1, whileAway)
		if err := m.publish(said{Name: "spout", Text: text}); err != nil {
			return err
		}
	}
	return nil
}

func (m *member) publish(s said) error {
	s.At = time.Now().UnixMilli()
	msg, err := spout.JSON(s)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), publishTime)
	defer cancel()
	return m.chat.hub.Publish(ctx, m.room, msg)
}
