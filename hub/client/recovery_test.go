package client

import (
	"net/url"
	"strings"
	"testing"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
)

// What servers of other making may send, and what the Client makes of it.
func TestRecovery(t *testing.T) {
	joined := func(offset uint64, replayed int) hub.Envelope {
		return hub.Envelope{Type: hub.Joined, Room: room, Position: at(offset), Replayed: replayed}
	}
	recovered := func(offset uint64, replayed int) hub.Envelope {
		e := joined(offset, replayed)
		e.Recovered = true
		return e
	}
	gap := func(p hub.Position) hub.Envelope {
		return hub.Envelope{Type: hub.Gap, Room: room, Position: p, Reason: "the broker"}
	}
	m := func(offset uint64) hub.Envelope { return published(at(offset), at(offset).String()) }
	other := hub.Position{Epoch: "f", Offset: 3}
	elsewhere := hub.Envelope{Type: hub.Joined, Room: "elsewhere", Position: at(100)}
	var lost hub.Envelope // the connection ends, and there is a new one

	for name, test := range map[string]struct {
		server []hub.Envelope
		client string // what the loop gets
		since  string // the position that the client would join with in the end
	}{
		"messages":             {[]hub.Envelope{joined(3, 0), m(4), m(5)}, "joined 4 5", "e:5"},
		"sparse offsets":       {[]hub.Envelope{joined(3, 0), m(40), m(50)}, "joined 40 50", "e:50"},
		"duplicates":           {[]hub.Envelope{joined(3, 0), m(4), m(4), m(3), m(5), m(4), m(6)}, "joined 4 5 6", "e:6"},
		"recent ones":          {[]hub.Envelope{joined(7, 2), m(6), m(7), m(8)}, "joined 6 7 8", "e:8"},
		"recovered":            {[]hub.Envelope{joined(3, 0), m(4), lost, recovered(6, 2), m(5), m(6), m(7)}, "joined 4 joined+ 5 6 7", "e:7"},
		"recovered, twice":     {[]hub.Envelope{joined(3, 0), m(4), lost, recovered(6, 2), m(5), lost, recovered(6, 1), m(6)}, "joined 4 joined+ 5 joined+ 6", "e:6"},
		"nothing was missed":   {[]hub.Envelope{joined(3, 0), lost, recovered(3, 0), m(4)}, "joined joined+ 4", "e:4"},
		"not recovered":        {[]hub.Envelope{joined(3, 0), m(4), lost, joined(9, 0), m(10)}, "joined 4 gap joined 10", "e:10"},
		"another epoch":        {[]hub.Envelope{joined(3, 0), lost, {Type: hub.Joined, Room: room, Position: other}, published(hub.Position{Epoch: "f", Offset: 4}, "x")}, "joined gap joined x", "f:4"},
		"recovered elsewhere":  {[]hub.Envelope{joined(3, 0), lost, {Type: hub.Joined, Room: room, Position: other, Recovered: true}}, "joined gap joined", "f:3"},
		"recovered backwards":  {[]hub.Envelope{joined(3, 0), lost, recovered(2, 0), m(3)}, "joined gap joined 3", "e:3"},
		"recovered from what?": {[]hub.Envelope{recovered(3, 0), m(4)}, "joined 4", "e:4"},
		"short replay":         {[]hub.Envelope{joined(3, 0), lost, recovered(9, 5), m(4), m(10), m(11)}, "joined joined+ 4 gap 10 11", "e:11"},
		"no replay":            {[]hub.Envelope{joined(3, 0), lost, recovered(9, 6), m(10)}, "joined joined+ gap 10", "e:10"},
		"a gap":                {[]hub.Envelope{joined(3, 0), gap(at(8)), m(8), m(9)}, "joined gap 9", "e:9"},
		"a gap that was late":  {[]hub.Envelope{joined(3, 0), m(4), m(5), gap(at(4)), m(5), m(6)}, "joined 4 5 gap 6", "e:6"},
		"a gap to an epoch":    {[]hub.Envelope{joined(3, 0), gap(other), published(other, "had"), published(hub.Position{Epoch: "f", Offset: 4}, "x")}, "joined gap x", "f:4"},
		"epoch without word":   {[]hub.Envelope{joined(3, 0), published(other, "x")}, "joined !", "e:3"},
		"no position any more": {[]hub.Envelope{joined(3, 0), published(hub.Position{}, "x")}, "joined !", "e:3"},
		"not joined":           {[]hub.Envelope{m(4)}, "!", ""},
		"not joined again":     {[]hub.Envelope{joined(3, 0), lost, m(4)}, "joined !", "e:3"},
		"live":                 {[]hub.Envelope{{Type: hub.Joined, Room: room}, published(hub.Position{}, "x"), published(hub.Position{}, "x")}, "joined x x", ""},
		"live, gap":            {[]hub.Envelope{{Type: hub.Joined, Room: room}, gap(hub.Position{}), lost, {Type: hub.Joined, Room: room}, published(hub.Position{}, "x")}, "joined gap gap joined x", ""},
		"two rooms":            {[]hub.Envelope{joined(3, 0), elsewhere, m(4), {Type: hub.Message, Room: "elsewhere", Position: at(101), Text: new("x")}, lost, elsewhere, recovered(5, 1), m(5)}, "joined joined 4 x gap joined joined+ 5", "e:5"},
	} {
		t.Run(name, func(t *testing.T) {
			var c Client
			var got []string
			yield := func(e Event) bool {
				switch {
				case e.Type == hub.Message:
					got = append(got, strings.TrimPrefix(e.Message.String(), "e:"))
				case e.Recovered:
					got = append(got, string(e.Type)+"+")
				default:
					got = append(got, string(e.Type))
				}
				return true
			}
			for _, e := range test.server {
				if e.Type == "" {
					c.rooms.disconnected()
				} else if err := c.deliverEnvelope(&e, yield); err != nil {
					got = append(got, "!")
				}
			}
			if got := strings.Join(got, " "); got != test.client {
				t.Errorf("got %q, want %q", got, test.client)
			}
			if since := c.rooms.position().String(); since != test.since {
				t.Errorf("it would join with %q, want %q", since, test.since)
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
