package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// heard is any message of the chat's server.
type heard struct {
	Type    string
	ID      int
	Name    string
	Text    string
	You     int
	Members []person
}

// guest is a client of the chat.
type guest struct {
	*spout.Conn
	t   *testing.T
	you int
}

// join enters a room and reads who is there.
func (s *testServer) join(room, name string) (*guest, []string) {
	s.t.Helper()
	g := &guest{Conn: s.mustDial(s.t, "/ws/chat/"+url.PathEscape(room)+"?name="+url.QueryEscape(name)), t: s.t}
	first := g.next()
	if first.Type != "members" {
		s.t.Fatalf("%s first heard %+v", name, first)
	}
	g.you = first.You
	var names []string
	found := false
	for _, m := range first.Members {
		names = append(names, m.Name)
		found = found || m.ID == first.You && m.Name == name
	}
	if !found {
		s.t.Errorf("%s is not among %+v", name, first)
	}
	return g, names
}

func (g *guest) next() heard {
	g.t.Helper()
	var h heard
	m := read(g.t, g.Conn)
	if err := json.Unmarshal(m.Data, &h); err != nil || m.Type != spout.TextMessage {
		g.t.Fatalf("%v %q: %v", m.Type, m.Data, err)
	}
	return h
}

func (g *guest) expect(want heard) {
	g.t.Helper()
	if got := g.next(); !reflect.DeepEqual(got, want) {
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
	ann.expect(heard{Type: "joined", ID: bo.you, Name: markup})

	bo.say(markup)
	ann.say("Grüße 🌊")
	said := heard{Type: "said", ID: bo.you, Name: markup, Text: markup}
	greeting := heard{Type: "said", ID: ann.you, Name: "Ann", Text: "Grüße 🌊"}
	first := ann.next()
	if reflect.DeepEqual(first, said) {
		ann.expect(greeting)
	} else {
		if !reflect.DeepEqual(first, greeting) {
			t.Errorf("Ann heard %+v", first)
		}
		ann.expect(said)
		said, greeting = greeting, said
	}
	bo.expect(said) // all hear the same, in the same order
	bo.expect(greeting)

	other.say("alone")
	other.expect(heard{Type: "said", ID: other.you, Name: "Cy", Text: "alone"})

	if err := bo.Close(spout.CloseNormal, "bye"); err != nil {
		t.Fatal(err)
	}
	ann.expect(heard{Type: "left", ID: bo.you, Name: markup})
	again, names := s.join(room, "Ann") // names need not be unique
	if want := []string{"Ann", "Ann"}; !reflect.DeepEqual(names, want) || again.you == ann.you {
		t.Errorf("the second Ann sees %v and is %d beside %d", names, again.you, ann.you)
	}
}

func TestChatRefusesNames(t *testing.T) {
	s := startServer(t, config{})
	long := strings.Repeat("ü", maxLabel)
	s.join(long, long)
	for _, path := range []string{
		"/ws/chat/lobby", "/ws/chat/lobby?name=", "/ws/chat/lobby?name=%20", "/ws/chat/lobby?name=" + url.QueryEscape(long+"x"),
		"/ws/chat/" + url.PathEscape(long+"x") + "?name=Ann", "/ws/chat/lobby?name=a%00b", "/ws/chat/lobby?name=a%0Ab",
		"/ws/chat/lobby?name=%E2%80%AEnnA", "/ws/chat/lobby?name=%FF", "/ws/chat/a%0Ab?name=Ann",
	} {
		_, err := s.dial(path, "")
		if refused, ok := errors.AsType[*spout.HandshakeError](err); !ok || refused.Status != http.StatusBadRequest {
			t.Errorf("%s: %v, want a refusal with 400", path, err)
		}
	}
}

func TestChatRefusesMessages(t *testing.T) {
	s := startServer(t, config{})
	witness, _ := s.join("lobby", "Witness")
	witness.say(strings.Repeat("x", maxText))
	if got := witness.next(); len(got.Text) != maxText {
		t.Errorf("a text of %d bytes came as one of %d", maxText, len(got.Text))
	}
	for _, m := range []spout.Message{
		spout.Text(""), spout.Text("hello"), spout.Text(`"say"`), spout.Text(`{"type":"shout","text":"x"}`), spout.Text(`{"type":"say"}`),
		spout.Text(`{"type":"say","text":7}`), spout.Text(`{"type":"say","text":"` + strings.Repeat("x", maxText+1) + `"}`),
		spout.Binary([]byte(`{"type":"say","text":"x"}`)), spout.Text(`{"type":"say","text":"x"} {}`),
	} {
		g, _ := s.join("lobby", "Guest")
		witness.expect(heard{Type: "joined", ID: g.you, Name: "Guest"})
		if err := g.Send(m); err != nil {
			t.Fatal(err)
		}
		if closed := readClose(t, g.Conn); closed.Code != spout.ClosePolicy || closed.Reason == "" {
			t.Errorf("%.40q: closed with %v, want 1008 and a reason", m.Data, closed)
		}
		witness.expect(heard{Type: "left", ID: g.you, Name: "Guest"}) // and heard nothing
	}
}

// TestChatSlowMember has a member who reads nothing: the others hear everything, and it is closed for being slow.
func TestChatSlowMember(t *testing.T) {
	s := startServer(t, config{})
	s.ws.WriteTimeout, s.ws.CloseTimeout = time.Minute, time.Minute // on a busy machine they could come first
	s.transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			err = conn.(*net.TCPConn).SetReadBuffer(256 << 10) // the kernel is not to read in its place
		}
		return conn, err
	}
	slow, _ := s.join("lobby", "Slow") // reads no more than that
	s.transport.DialContext = nil
	var end *spout.Conn // the server's end of it
	for end = range s.ws.Conns() {
	}
	listener, _ := s.join("lobby", "Listener")
	speaker, _ := s.join("lobby", "Speaker")
	listener.expect(heard{Type: "joined", ID: speaker.you, Name: "Speaker"})

	// The speaker waits until both have heard before it says more: only the slow one is slow.
	const most = 20_000 // 80 MB, more than socket buffers and the queue hold
	said, closing := 0, false
	for ; said < most && !closing; said++ {
		text := fmt.Sprintf("%d %s", said, strings.Repeat("x", maxText-8))
		speaker.say(text)
		for _, g := range []*guest{speaker, listener} {
			g.expect(heard{Type: "said", ID: speaker.you, Name: "Speaker", Text: text})
		}
		_, closing = errors.AsType[*spout.CloseError](end.Send(spout.Text(`{"type":"still there?"}`)))
	}
	if !closing {
		t.Fatalf("after %d messages the slow member is still there", said)
	}
	t.Logf("the slow member was closed after %d messages", said)

	for {
		_, err := readOrEnd(slow.Conn)
		if err == nil {
			continue // what had been queued for it
		}
		if closed, _ := errors.AsType[*spout.CloseError](err); closed == nil || closed.Code != spout.CloseTryAgainLater || !closed.Remote {
			t.Errorf("the slow member was closed with %v, want 1013", err)
		}
		break
	}
	for _, g := range []*guest{speaker, listener} {
		g.expect(heard{Type: "left", ID: slow.you, Name: "Slow"})
	}
}
