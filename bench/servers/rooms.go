package servers

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"

	"github.com/spoutws/spout"
	natsbroker "github.com/spoutws/spout/brokers/nats"
	"github.com/spoutws/spout/hub"
)

// spoutHub is package hub with its defaults.
var spoutHub = &Library{
	Name:   "spout-hub",
	Module: spoutModule,
	About:  "package hub with its defaults: `Hub.Join`, `Hub.Publish`",
	Whole:  true,
	Std:    true,
	start: func(ln net.Listener, s Setup, t *tls.Config) (func(), error) {
		srv := &spout.Server{}
		h := &hub.Hub{Presence: s.Presence}
		if s.History {
			h.History = new(hub.History)
		}
		if s.NATS != "" {
			b, err := natsbroker.Connect(context.Background(), natsbroker.Options{URL: s.NATS, Logger: warnings})
			if err != nil {
				return nil, err
			}
			h.Broker = b // until the process ends: those who leave tell the other nodes
		}
		return serveSpout(srv, ln, t, srv.Handler(func(r *http.Request) (spout.Handler, error) {
			return &guest{hub: h, rooms: r.URL.Query()[RoomParameter]}, nil
		}))
	},
}

// warnings leaves out that nodes come and go.
var warnings = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))

// guest is a connection in rooms of a hub.
type guest struct {
	spout.Base
	hub   *hub.Hub
	rooms []string
}

func (g *guest) OnOpen(c *spout.Conn) error {
	for _, room := range g.rooms {
		if err := g.hub.Join(room, c); err != nil {
			return err
		}
	}
	return c.Send(spout.Text(Greeting))
}

func (g *guest) OnMessage(c *spout.Conn, m spout.Message) error {
	return g.hub.Publish(c.Context(), g.rooms[0], m)
}

// rooms are the members of each room, for libraries that know no rooms.
type rooms[C comparable] struct {
	mu   sync.RWMutex
	open map[string]*members[C]
}

// join adds a connection to some rooms, and greets it.
func (r *rooms[C]) join(names []string, c C, greet func(C) error) error {
	for _, name := range names {
		r.mu.Lock()
		if r.open == nil {
			r.open = make(map[string]*members[C])
		}
		m := r.open[name]
		if m == nil {
			m = new(members[C])
			r.open[name] = m
		}
		r.mu.Unlock()
		m.join(c, func(C) error { return nil })
	}
	return greet(c)
}

func (r *rooms[C]) leave(names []string, c C) {
	for _, name := range names {
		r.room(name).leave(c)
	}
}

// room returns the members of a room that somebody has joined.
func (r *rooms[C]) room(name string) *members[C] {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.open[name]
}
