package client_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
	"github.com/spoutws/spout/hub/client"
)

// reader is a member of a room that only listens.
type reader struct {
	spout.Base
	hub     *hub.Hub
	options hub.JoinOptions
}

func (m *reader) OnOpen(c *spout.Conn) error {
	_, err := m.hub.JoinWith("news", c, m.options)
	return err
}

func (m *reader) OnMessage(*spout.Conn, spout.Message) error { return nil }

// A room whose history is kept, and a reader that comes back to it.
func ExampleClient() {
	var srv spout.Server
	rooms := hub.Hub{History: &hub.History{}}
	ts := httptest.NewServer(srv.Handler(func(r *http.Request) (spout.Handler, error) {
		options, err := hub.FromRequest(r)
		return &reader{hub: &rooms, options: options}, err
	}))
	defer ts.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	c := client.Client{URL: ts.URL}
	for e, err := range c.Events(ctx) {
		switch {
		case err != nil:
			fmt.Println(err)
		case e.Type == hub.Joined && !e.Recovered:
			rooms.Publish(ctx, "news", spout.Text("one"))
			continue
		case e.Type == hub.Message:
			fmt.Println(e.Message)
		}
		break
	}
	rooms.Publish(ctx, "news", spout.Text("two")) // while it is away
	for e, err := range c.Events(ctx) {
		switch {
		case err != nil:
			fmt.Println(err)
		case e.Type == hub.Joined:
			fmt.Println("recovered:", e.Recovered, e.Replayed)
			continue
		case e.Type == hub.Message:
			fmt.Println(e.Message)
		}
		break
	}
	// Output:
	// one
	// recovered: true 1
	// two
}
