package hub_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"testing"
	"testing/synctest"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
	"github.com/spoutws/spout/spouttest"
)

// Those who ask get envelopes, the others the same messages as they are.
func TestEnvelopes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h hub.Hub
		n := newNode(&h)
		plain, _ := n.join(t, "/lobby", hub.JoinOptions{})
		other, _ := n.join(t, "/lobby?position=", hub.JoinOptions{})
		read := func() string {
			m, err := other.Read(t.Context())
			if err != nil || m.Type != spout.TextMessage {
				t.Fatalf("got %v, %v", m, err)
			}
			return m.String()
		}
		if got, want := read(), `{"type":"joined","room":"lobby"}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		for _, v := range []struct {
			m    spout.Message
			want string
		}{
			{spout.Text("hello"), `{"type":"message","room":"lobby","text":"hello"}`},
			{spout.Text(""), `{"type":"message","room":"lobby","text":""}`},
			{spout.Binary([]byte{0, 255}), `{"type":"message","room":"lobby","binary":"AP8="}`},
			{spout.Binary(nil), `{"type":"message","room":"lobby","binary":""}`},
		} {
			if err := h.Publish(t.Context(), "lobby", v.m); err != nil {
				t.Fatal(err)
			}
			got := read()
			if got != v.want {
				t.Errorf("got %s, want %s", got, v.want)
			}
			var e hub.Envelope
			if err := json.Unmarshal([]byte(got), &e); err != nil {
				t.Fatal(err)
			}
			if m, ok := e.Message(); !ok || m.Type != v.m.Type || m.String() != v.m.String() {
				t.Errorf("%s holds %v, want %v", got, m, v.m)
			}
			if m, err := plain.Read(t.Context()); err != nil || m.Type != v.m.Type || m.String() != v.m.String() {
				t.Errorf("the plain member got %v, %v", m, err)
			}
		}
	})
}

// A position that is none is refused with the handshake.
func TestBadPosition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(&hub.Hub{History: &hub.History{}})
		_, err := spouttest.Dialer(t, n.handler(hub.JoinOptions{})).Dial(t.Context(), spouttest.URL("/lobby?position=17"))
		if e, ok := err.(*spout.HandshakeError); !ok || e.Status != http.StatusBadRequest {
			t.Errorf("got %v", err)
		}
	})
}

func TestPositionText(t *testing.T) {
	for _, p := range []hub.Position{{}, {Epoch: "k3f9"}, {Epoch: "a-b_C9", Offset: 1<<64 - 1}} {
		if got, err := hub.ParsePosition(p.String()); err != nil || got != p {
			t.Errorf("%+v became %q and then %+v, %v", p, p, got, err)
		}
	}
	for _, s := range []string{":", "a", "a:", ":1", "a:-1", "a:01", "a:+1", "a:1 ", "a b:1", "a:18446744073709551616", "a:1:2"} {
		if p, err := hub.ParsePosition(s); err == nil {
			t.Errorf("%q was taken for %+v", s, p)
		}
	}
}

// Who is in a room, with what data, and who comes and goes: for the application and for those who get envelopes.
func TestPresence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := make(chan hub.PresenceEvent, 10)
		memory := new(hub.Memory)
		h := hub.Hub{Broker: memory, Presence: true, OnPresence: func(_ string, e hub.PresenceEvent) { events <- e }}
		other := hub.Hub{Broker: memory, Presence: true} // as of another node
		n := newNode(&h)
		ann, first := n.join(t, "/lobby", hub.JoinOptions{Data: map[string]string{"name": "Ann"}})
		if e := <-events; e.Left || e.Member.ID != first.ID || string(e.Member.Data) != `{"name":"Ann"}` {
			t.Errorf("told %+v", e)
		}
		bob, _ := n.join(t, "/lobby?position=", hub.JoinOptions{Data: "Bob"})
		joined := told(t, bob)
		second := <-events
		if joined.ID != second.Member.ID || len(joined.Members) != 2 || !reflect.DeepEqual(joined.Members[0].ID, first.ID) || string(joined.Members[1].Data) != `"Bob"` {
			t.Errorf("joined with %+v", joined)
		}
		if own := told(t, bob); own.Type != hub.Enter || own.Member.ID != joined.ID {
			t.Errorf("told %+v of itself", own)
		}
		if members, err := other.Present(t.Context(), "lobby"); err != nil || len(members) != 2 {
			t.Errorf("another node sees %v, %v", members, err)
		}
		ann.Close(spout.CloseNormal, "")
		if e := told(t, bob); e.Type != hub.Exit || e.Member.ID != first.ID {
			t.Errorf("told %+v", e)
		}
		if e := <-events; !e.Left || e.Member.ID != first.ID {
			t.Errorf("the application was told %+v", e)
		}
		n.join(t, "/lobby?position=", hub.JoinOptions{})
		if e := told(t, bob); e.Type != hub.Enter || e.Member.Data != nil {
			t.Errorf("told %+v of one without data", e)
		}
		for c := range h.Members("lobby") {
			c.CloseNow()
		}
		synctest.Wait()
		if members, err := h.Present(t.Context(), "lobby"); err != nil || len(members) != 0 {
			t.Errorf("at the end there are %v, %v", members, err)
		}
	})
}
