// Command chat is a server with chat rooms: what one member says, all members
// of the room hear. Open http://localhost:8888 in several tabs.
package main

import (
	"context"
	_ "embed"
	"log"
	"net/http"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
)

//go:embed index.html
var page []byte

// member is one connection. Its events come one at a time.
type member struct {
	spout.Base
	hub        *hub.Hub
	room, name string
}

func (m *member) OnOpen(c *spout.Conn) error {
	if err := m.hub.Join(m.room, c); err != nil {
		return err
	}
	return m.say(m.name + " joined")
}

func (m *member) OnMessage(c *spout.Conn, msg spout.Message) error {
	return m.say(m.name + ": " + msg.String())
}

func (m *member) OnClose(c *spout.Conn, err error) {
	m.say(m.name + " left")
}

func (m *member) say(text string) error {
	return m.hub.Publish(context.Background(), m.room, spout.Text(text))
}

// handler returns the whole site: the page, and the rooms below /rooms/.
func handler() http.Handler {
	var srv spout.Server
	var rooms hub.Hub
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(page)
	})
	mux.Handle("/rooms/{room}", srv.Handler(func(r *http.Request) (spout.Handler, error) {
		name := r.FormValue("name")
		if name == "" {
			return nil, &spout.HandshakeError{Status: http.StatusBadRequest, Reason: "a name is needed: ?name=..."}
		}
		return &member{hub: &rooms, room: r.PathValue("room"), name: name}, nil
	}))
	return mux
}

func main() {
	server := &http.Server{Addr: ":8888", Handler: handler(), ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}
