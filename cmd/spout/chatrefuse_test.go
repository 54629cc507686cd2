package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
)

func TestChatRefusesNames(t *testing.T) {
	s := startServer(t, config{})
	long := strings.Repeat("ü", maxLabel)
	s.join(long, long)
	for _, path := range []string{
		"/ws/chat/lobby", "/ws/chat/lobby?name=", "/ws/chat/lobby?name=%20", "/ws/chat/lobby?name=" + url.QueryEscape(long+"x"),
		"/ws/chat/" + url.PathEscape(long+"x") + "?name=Ann", "/ws/chat/lobby?name=a%00b", "/ws/chat/lobby?name=a%0Ab",
		"/ws/chat/lobby?name=%E2%80%AEnnA", "/ws/chat/lobby?name=%FF", "/ws/chat/a%0Ab?name=Ann",
		"/ws/chat/lobby?name=Ann&position=17", "/ws/chat/lobby?name=Ann&position=a:-1",
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
	if got := witness.hear(); len(got.Text) != maxText {
		t.Errorf("a text of %d bytes came as one of %d", maxText, len(got.Text))
	}
	for _, m := range []spout.Message{
		spout.Text(""), spout.Text("hello"), spout.Text(`"say"`), spout.Text(`{"type":"shout","text":"x"}`), spout.Text(`{"type":"say"}`),
		spout.Text(`{"type":"say","text":7}`), spout.Text(`{"type":"say","text":"` + strings.Repeat("x", maxText+1) + `"}`),
		spout.Binary([]byte(`{"type":"say","text":"x"}`)), spout.Text(`{"type":"say","text":"x"} {}`),
	} {
		g := s.enter("lobby", "Guest", witness.at)
		g.expectMember(hub.Enter, "Guest")
		witness.expectMember(hub.Enter, "Guest")
		if err := g.Send(m); err != nil {
			t.Fatal(err)
		}
		if closed := readClose(t, g.Conn); closed.Code != spout.ClosePolicy || closed.Reason == "" {
			t.Errorf("%.40q: closed with %v, want 1008 and a reason", m.Data, closed)
		}
		witness.expectMember(hub.Exit, "Guest") // and heard nothing
	}
}

// outOfOrder is a broker that takes no messages.
type outOfOrder struct {
	hub.Memory
	err error
}

type outOfOrderLog struct {
	hub.Log
	err error
}

func (b *outOfOrder) OpenLog(ctx context.Context, h hub.History) (hub.Log, error) {
	log, err := b.Memory.OpenLog(ctx, h)
	return outOfOrderLog{log, b.err}, err
}

func (l outOfOrderLog) Append(context.Context, string, []byte) error { return l.err }

// TestChatUnsaid has a broker that can't be reached: the speaker is told, with the words.
func TestChatUnsaid(t *testing.T) {
	for _, tt := range []struct {
		err    error
		reason string
	}{
		{errors.New("out of order"), "the room can't be reached at the moment"},
		{hub.ErrUncertain, "it is not known whether the room got this"},
	} {
		s := startServer(t, config{broker: &outOfOrder{err: tt.err}})
		ann, _ := s.join("lobby", "Ann")
		ann.say("hello?")
		var got unsaid
		want := unsaid{Type: "unsaid", Text: "hello?", Reason: tt.reason}
		if err := read(t, ann.Conn).Decode(&got); err != nil || got != want {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
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
	listener.expectMember(hub.Enter, "Speaker")

	// The speaker waits until both have heard before it says more: only the slow one is slow.
	const most = 20_000 // 80 MB, more than socket buffers and the queue hold
	spoken, closing := 0, false
	for ; spoken < most && !closing; spoken++ {
		text := fmt.Sprintf("%d %s", spoken, strings.Repeat("x", maxText-8))
		speaker.say(text)
		for _, g := range []*guest{speaker, listener} {
			g.expect(said{ID: speaker.joined.ID, Name: "Speaker", Text: text})
		}
		_, closing = errors.AsType[*spout.CloseError](end.Send(spout.Text(`{"type":"still there?"}`)))
	}
	if !closing {
		t.Fatalf("after %d messages the slow member is still there", spoken)
	}
	t.Logf("the slow member was closed after %d messages", spoken)

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
		g.expectMember(hub.Exit, "Slow")
	}
}
