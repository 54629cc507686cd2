// Command chat is a server with chat rooms: what one member says, all members
// of the room hear. Open http://localhost:8888 in several tabs.
package main

import (
	_ "embed"
	"errors"
	"log"
	"net/http"
	"sync"
	"time"

	"github.com/spoutws/spout"
)

//go:embed index.html
var page []byte

// rooms are the connections by the name of their room.
type rooms struct {
	mu      sync.Mutex
	members map[string]map[*spout.Conn]bool
}

func (r *rooms) join(room string, c *spout.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.members[room] == nil {
		r.members[room] = make(map[*spout.Conn]bool)
	}
	r.members[room][c] = true
}

func (r *rooms) leave(room string, c *spout.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.members[room], c)
	if len(r.members[room]) == 0 {
		delete(r.members, room)
	}
}

// say sends text to all members of a room. Send never waits, so one member
// with a slow network keeps nobody waiting; it is sent away instead.
func (r *rooms) say(room, text string) {
	m := spout.Text(text).Prepare()
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.members[room] {
		if err := c.Send(m); errors.Is(err, spout.ErrFull) {
			c.Close(spout.CloseTryAgainLater, "too slow")
		}
	}
}

// member is one connection. Its events come one at a time.
type member struct {
	spout.Base
	rooms      *rooms
	room, name string
}

func (m *member) OnOpen(c *spout.Conn) error {
	m.rooms.join(m.room, c)
	m.rooms.say(m.room, m.name+" joined")
	return nil
}

func (m *member) OnMessage(c *spout.Conn, msg spout.Message) error {
	m.rooms.say(m.room, m.name+": "+msg.String())
	return nil
}

func (m *member) OnClose(c *spout.Conn, err error) {
	m.rooms.leave(m.room, c)
	m.rooms.say(m.room, m.name+" left")
}

// handler returns the whole site: the page, and the rooms below /rooms/.
func handler() http.Handler {
	var srv spout.Server
	rooms := &rooms{members: make(map[string]map[*spout.Conn]bool)}
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
		return &member{rooms: rooms, room: r.PathValue("room"), name: name}, nil
	}))
	return mux
}

func main() {
	server := &http.Server{Addr: ":8888", Handler: handler(), ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}
