package main

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/spoutws/spout"
)

// chat is rooms whose members hear what each of them says. A room is there while it has members.
//
// The protocol: one JSON object in a text message. A client opens /ws/chat/{room}?name=NAME and sends
//
//	{"type":"say","text":"..."}
//
// The server sends, to one who has come in,
//
//	{"type":"members","you":2,"members":[{"id":1,"name":"Ann"},{"id":2,"name":"Bo"}]}
//
// and then, in the same order to all members, the speaker included,
//
//	{"type":"joined","id":3,"name":"Cy"}
//	{"type":"said","id":3,"name":"Cy","text":"..."}
//	{"type":"left","id":3,"name":"Cy"}
//
// Rooms and names have 1 to 32 visible characters, texts 1 to 4096 bytes; names need not be unique, ids are. A bad room
// or name is refused with 400, any other message closed with 1008, and a member who reads too slowly with 1013.
type chat struct {
	mu     sync.Mutex // held while sending, which never waits
	rooms  map[string][]*member
	lastID int
}

const (
	maxLabel = 32   // characters in the name of a room or a member
	maxText  = 4096 // bytes in what is said
)

// member is a connection in a room.
type member struct {
	spout.Base
	person
	chat *chat
	room string
	conn *spout.Conn
}

// person is what others see of a member.
type person struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

// happened is joined, said or left.
type happened struct {
	Type string `json:"type"`
	person
	Text string `json:"text,omitempty"`
}

// entered tells one who has come in who is there.
type entered struct {
	Type    string   `json:"type"`
	You     int      `json:"you"`
	Members []person `json:"members"`
}

func newChat() *chat { return &chat{rooms: map[string][]*member{}} }

// open takes a room and a name from a request.
func (ch *chat) open(r *http.Request) (spout.Handler, error) {
	room, name := r.PathValue("room"), strings.TrimSpace(r.URL.Query().Get("name"))
	if err := checkLabel("the room's name", room); err != nil {
		return nil, &spout.HandshakeError{Status: http.StatusBadRequest, Reason: err.Error()}
	}
	if err := checkLabel("?name=", name); err != nil {
		return nil, &spout.HandshakeError{Status: http.StatusBadRequest, Reason: err.Error()}
	}
	return &member{chat: ch, room: room, person: person{Name: name}}, nil
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
	m.conn = c
	ch := m.chat
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.lastID++
	m.ID = ch.lastID
	ch.tell(m.room, happened{Type: "joined", person: m.person})
	ch.rooms[m.room] = append(ch.rooms[m.room], m)
	var present []person
	for _, other := range ch.rooms[m.room] {
		present = append(present, other.person)
	}
	return c.SendJSON(entered{Type: "members", You: m.ID, Members: present})
}

func (m *member) OnMessage(c *spout.Conn, msg spout.Message) error {
	var say struct{ Type, Text string }
	if err := msg.Decode(&say); err != nil || msg.Type != spout.TextMessage || say.Type != "say" {
		return c.Close(spout.ClosePolicy, `only {"type":"say","text":"..."} may be sent here`)
	}
	if len(say.Text) == 0 || len(say.Text) > maxText {
		return c.Close(spout.ClosePolicy, fmt.Sprintf("a text has 1 to %d bytes", maxText))
	}
	m.chat.mu.Lock()
	defer m.chat.mu.Unlock()
	m.chat.tell(m.room, happened{Type: "said", person: m.person, Text: say.Text})
	return nil
}

func (m *member) OnClose(*spout.Conn, error) {
	ch := m.chat
	ch.mu.Lock()
	defer ch.mu.Unlock()
	others := slices.DeleteFunc(ch.rooms[m.room], func(other *member) bool { return other == m })
	if len(others) == 0 {
		delete(ch.rooms, m.room)
		return
	}
	ch.rooms[m.room] = others
	ch.tell(m.room, happened{Type: "left", person: m.person})
}

// tell sends to all members of a room. It waits for nobody: who can't keep up is closed. ch.mu is held.
func (ch *chat) tell(room string, e happened) {
	msg, err := spout.JSON(e)
	if err != nil {
		panic(err) // three strings and a number always have a JSON form
	}
	msg = msg.Prepare() // encoded once, however many they are
	for _, m := range ch.rooms[room] {
		if err := m.conn.Send(msg); errors.Is(err, spout.ErrFull) {
			m.conn.Close(spout.CloseTryAgainLater, "you read too slowly for this room")
		}
	}
}
