package hub_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
)

// chatter is a member of a chat.
type chatter struct {
	spout.Base
	hub        *hub.Hub
	room, name string
}

func (m *chatter) OnOpen(c *spout.Conn) error { return m.hub.Join(m.room, c) }
func (m *chatter) OnMessage(c *spout.Conn, msg spout.Message) error {
	return m.hub.Publish(c.Context(), m.room, spout.Text(m.name+": "+msg.String()))
}

func ExampleHub() {
	var srv spout.Server
	var rooms hub.Hub
	mux := http.NewServeMux()
	mux.Handle("/rooms/{room}", srv.Handler(func(r *http.Request) (spout.Handler, error) {
		return &chatter{hub: &rooms, room: r.PathValue("room"), name: r.FormValue("name")}, nil
	}))
	ts := httptest.NewServer(mux)
	defer ts.Close()

	ctx := context.Background()
	lobby := "ws" + strings.TrimPrefix(ts.URL, "http") + "/rooms/lobby"
	ann, err := spout.Dial(ctx, lobby+"?name=Ann")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ann.CloseNow()
	ann.Send(spout.Text("hello"))
	m, err := ann.Read(ctx)
	fmt.Println(m, err)
	// Output: Ann: hello <nil>
}

// With History, one who comes back gets what it has missed.
func ExampleHub_JoinWith() {
	var srv spout.Server
	rooms := hub.Hub{History: &hub.History{Size: 1000}}
	ts := httptest.NewServer(srv.Handler(func(r *http.Request) (spout.Handler, error) {
		options, err := hub.FromRequest(r) // ?position=...
		if err != nil {
			return nil, err
		}
		return &reader{hub: &rooms, options: options}, nil
	}))
	defer ts.Close()

	ctx := context.Background()
	url := "ws" + strings.TrimPrefix(ts.URL, "http") + "/?position="
	var position hub.Position
	for _, news := range []string{"first", "second"} {
		c, err := spout.Dial(ctx, url+position.String())
		if err != nil {
			fmt.Println(err)
			return
		}
		var e hub.Envelope
		m, _ := c.Read(ctx)
		m.Decode(&e) // joined
		position = e.Position
		fmt.Println(e.Type, e.Recovered, e.Replayed)
		c.CloseNow()
		rooms.Publish(ctx, "news", spout.Text(news)) // while nobody is there
	}
	// Output:
	// joined false 0
	// joined true 1
}

type reader struct {
	spout.Base
	hub     *hub.Hub
	options hub.JoinOptions
}

func (r *reader) OnOpen(c *spout.Conn) error {
	_, err := r.hub.JoinWith("news", c, r.options)
	return err
}

func (r *reader) OnMessage(*spout.Conn, spout.Message) error { return nil }
