package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"testing"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
)

// guest is a client of the chat that gets envelopes.
type guest struct {
	*spout.Conn
	t      *testing.T
	joined hub.Envelope // the first one
	at     hub.Position // of the last one that had one
}

// enter joins a room from a position.
func (s *testServer) enter(room, name string, since hub.Position) *guest {
	s.t.Helper()
	query := url.Values{"name": {name}, "position": {since.String()}}
	g := &guest{Conn: s.mustDial(s.t, "/ws/chat/"+url.PathEscape(room)+"?"+query.Encode()), t: s.t}
	if g.joined = g.next(); g.joined.Type != hub.Joined || g.joined.ID == "" {
		s.t.Fatalf("%s first got %+v", name, g.joined)
	}
	return g
}

// join enters a room for the first time, in which nothing was said yet, and returns who is there.
func (s *testServer) join(room, name string) (*guest, []string) {
	s.t.Helper()
	g := s.enter(room, name, hub.Position{})
	var names []string
	found := false
	for _, m := range g.joined.Members {
		names = append(names, personOf(s.t, m).Name)
		found = found || m.ID == g.joined.ID && names[len(names)-1] == name
	}
	if !found {
		s.t.Errorf("%s is not among %+v", name, g.joined.Members)
	}
	g.expectMember(hub.Enter, name) // oneself
	return g, names
}

func personOf(t *testing.T, m hub.Member) (p person) {
	t.Helper()
	if err := json.Unmarshal(m.Data, &p); err != nil {
		t.Fatalf("a member with %q: %v", m.Data, err)
	}
	return p
}

// next returns the next envelope.
func (g *guest) next() (e hub.Envelope) {
	g.t.Helper()
	m := read(g.t, g.Conn)
	if err := m.Decode(&e); err != nil || m.Type != spout.TextMessage || e.Type == "" {
		g.t.Fatalf("%v %q: %v", m.Type, m.Data, err)
	}
	if !e.Position.IsZero() {
		g.at = e.Position
	}
	return e
}

// expectMember wants somebody to come or to go.
func (g *guest) expectMember(what hub.EnvelopeType, name string) {
	g.t.Helper()
	if e := g.next(); e.Type != what || personOf(g.t, *e.Member).Name != name {
		g.t.Errorf("got %+v, want %s of %s", e, what, name)
	}
}

// hear returns what is said next.
func (g *guest) hear() (s said) {
	g.t.Helper()
	e := g.next()
	if m, ok := e.Message(); e.Type != hub.Message || !ok {
		g.t.Fatalf("got %+v, want a message", e)
	} else if err := m.Decode(&s); err != nil {
		g.t.Fatal(err)
	}
	if age := time.Since(time.UnixMilli(s.At)); age < -time.Minute || age > time.Hour {
		g.t.Errorf("said at %d, which is %v ago", s.At, age)
	}
	s.At = 0
	return s
}

func (g *guest) expect(want said) {
	g.t.Helper()
	if got := g.hear(); got != want {
		g.t.Errorf("heard %.200s, want %.200s", fmt.Sprint(got), fmt.Sprint(want))
	}
}

func (g *guest) say(text string) {
	g.t.Helper()
	if err := g.SendJSON(map[string]string{"type": "say", "text": text}); err != nil {
		g.t.Fatal(err)
	}
}

func TestChat(t *testing.T) {
	s := startServer(t, config{})
	const room, markup = "tea & cake/ü", `<img src=x onerror="alert(1)">`
	ann, names := s.join(room, "Ann")
	if want := []string{"Ann"}; !reflect.DeepEqual(names, want) {
		t.Errorf("Ann sees %v, want %v", names, want)
	}
	bo, names := s.join(room, markup)
	if want := []string{"Ann", markup}; !reflect.DeepEqual(names, want) {
		t.Errorf("Bo sees %v, want %v", names, want)
	}
	other, names := s.join("elsewhere", "Cy")
	if want := []string{"Cy"}; !reflect.DeepEqual(names, want) {
		t.Errorf("Cy sees %v, want %v", names, want)
	}
	ann.expectMember(hub.Enter, markup)

	bo.say(markup)
	ann.say("Grüße 🌊")
	first := said{ID: bo.joined.ID, Name: markup, Text: markup}
	second := said{ID: ann.joined.ID, Name: "Ann", Text: "Grüße 🌊"}
	switch got := ann.hear(); got {
	case first:
	case second:
		first, second = second, first
	default:
		t.Errorf("Ann heard %+v", got)
	}
	ann.expect(second)
	bo.expect(first) // all hear the same, in the same order
	bo.expect(second)

	other.say("alone")
	other.expect(said{ID: other.joined.ID, Name: "Cy", Text: "alone"})

	if err := bo.Close(spout.CloseNormal, "bye"); err != nil {
		t.Fatal(err)
	}
	ann.expectMember(hub.Exit, markup)
	again := s.enter(room, "Ann", hub.Position{}) // names need not be unique
	if again.joined.ID == ann.joined.ID || len(again.joined.Members) != 2 || again.joined.Replayed != 2 {
		t.Errorf("the second Ann got %+v, want two members and two messages", again.joined)
	}
	again.expect(first)
	again.expect(second)
}

// TestChatPlain has a client that asks for no envelopes: it gets what was said, and nothing else.
func TestChatPlain(t *testing.T) {
	s := startServer(t, config{})
	ann, _ := s.join("lobby", "Ann")
	ann.say("before")
	before := ann.hear()
	plain := s.mustDial(t, "/ws/chat/lobby?name=Plain")
	ann.expectMember(hub.Enter, "Plain")
	bo := s.enter("lobby", "Bo", ann.at) // which the plain client is not told
	ann.expectMember(hub.Enter, "Bo")
	if len(bo.joined.Members) != 3 {
		t.Errorf("Bo sees %+v, want three members", bo.joined.Members)
	}
	ann.say("now")
	now := said{ID: ann.joined.ID, Name: "Ann", Text: "now"}
	for _, want := range []said{before, now} {
		var got said
		if m := read(t, plain); json.Unmarshal(m.Data, &got) != nil || got.Text != want.Text || got.ID != want.ID {
			t.Errorf("the plain client got %q, want %q of %s", m.Data, want.Text, want.ID)
		}
	}
}

// TestChatDrop has a member ask for the loss of its connection: it then gets what was said meanwhile, and nothing twice.
func TestChatDrop(t *testing.T) {
	s := startServer(t, config{})
	ann, _ := s.join("lobby", "Ann")
	ann.say("before")
	ann.hear()
	witness := s.enter("lobby", "Witness", ann.at)
	witness.expectMember(hub.Enter, "Witness")
	ann.expectMember(hub.Enter, "Witness")

	if err := ann.Send(spout.Text(`{"type":"drop"}`)); err != nil {
		t.Fatal(err)
	}
	if closed := readClose(t, ann.Conn); closed.Code != spout.CloseAbnormal {
		t.Errorf("the connection ended with %v, want 1006", closed)
	}
	var while []said
	for left := false; len(while) < whileAway || !left; {
		if e := witness.next(); e.Type == hub.Exit {
			left = true
		} else if m, ok := e.Message(); ok {
			var what said
			if err := m.Decode(&what); err != nil || what.ID != "" || what.Name != "spout" {
				t.Errorf("heard %q, %v", m.Data, err)
			}
			what.At = 0
			while = append(while, what)
		}
	}
	witness.say("still there?")
	while = append(while, witness.hear())

	back := s.enter("lobby", "Ann", ann.at)
	if !back.joined.Recovered || back.joined.Replayed != len(while) {
		t.Fatalf("came back to %+v, want %d messages recovered", back.joined, len(while))
	}
	for _, want := range while {
		back.expect(want)
	}
	lost := s.enter("lobby", "Bo", hub.Position{Epoch: "other", Offset: 1})
	if lost.joined.Recovered || lost.joined.Replayed != 0 {
		t.Errorf("from a position of another epoch: %+v, want nothing recovered", lost.joined)
	}
}
