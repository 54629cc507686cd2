package client

import (
	"encoding/json"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
)

// TestRecovery shows the envelopes of testdata/recovery.json to the Client: what servers may send, those of other making
// too, and what becomes of it. null is the end of a connection. In what the loop gets, a message is its text, "joined+"
// is recovered, and "!" says that the server contradicts itself. The script is held against the same cases.
func TestRecovery(t *testing.T) {
	data, err := os.ReadFile("testdata/recovery.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name   string
		Server []*hub.Envelope
		Client string
		Since  string // the position that the client would join with in the end
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Error("no cases")
	}
	for _, test := range cases {
		t.Run(test.Name, func(t *testing.T) {
			var c Client
			var got []string
			yield := func(e Event) bool {
				switch {
				case e.Type == hub.Message:
					got = append(got, e.Message.String())
				case e.Recovered:
					got = append(got, string(e.Type)+"+")
				default:
					got = append(got, string(e.Type))
				}
				return true
			}
			for _, e := range test.Server {
				if e == nil {
					c.rooms.disconnected()
				} else if err := c.deliverEnvelope(e, yield); err != nil {
					got = append(got, "!")
				}
			}
			if got := strings.Join(got, " "); got != test.Client {
				t.Errorf("got %q, want %q", got, test.Client)
			}
			if since := c.rooms.position().String(); since != test.Since {
				t.Errorf("it would join with %q, want %q", since, test.Since)
			}
		})
	}
}

// A server that contradicts itself is left and joined again with what is certain.
func TestRejoinsWhenInDoubt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		n := 0
		next := follow(t, client(t, script(t, func(c *spout.Conn, query url.Values) {
			if n++; n == 1 {
				say(t, c, hub.Envelope{Type: hub.Joined, Room: room, Position: at(3)}, published(at(4), "4"),
					published(hub.Position{Epoch: "f", Offset: 5}, "5"))
				<-c.Context().Done()
				return
			}
			if query.Get("position") != "e:4" {
				t.Errorf("it joins again with %v", query)
			}
			say(t, c, hub.Envelope{Type: hub.Joined, Room: room, Position: at(5), Recovered: true, Replayed: 1}, published(at(5), "5"))
			<-c.Context().Done()
		})))
		want(t, next, hub.Joined)
		wantMessage(t, next, "4")
		if e := want(t, next, Disconnected); e.Err != errOtherEpoch {
			t.Errorf("%+v", e)
		}
		want(t, next, hub.Joined)
		wantMessage(t, next, "5")
	})
}

// The loop is left at a gap that comes with a message: the message comes in the next loop.
func TestLeavingAtAGap(t *testing.T) {
	c := Client{Since: at(3)}
	c.rooms.since = c.Since
	all := func(Event) bool { return true }
	text := "10"
	for _, e := range []hub.Envelope{{Type: hub.Joined, Room: room, Position: at(9), Recovered: true, Replayed: 6}, published(at(4), "4")} {
		if err := c.deliverEnvelope(&e, all); err != nil {
			t.Fatal(err)
		}
	}
	e := published(at(10), text)
	if err := c.deliverEnvelope(&e, func(e Event) bool { return e.Type != hub.Gap }); err != errStopped {
		t.Fatal(err)
	}
	if p := c.rooms.position(); p != at(4) {
		t.Errorf("it would join with %v", p)
	}
}
