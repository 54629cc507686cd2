package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/spoutws/spout"
)

// attachment is what a connection is in.
type attachment struct {
	hub  *Hub
	conn *spout.Conn

	mu    sync.Mutex
	gone  bool // the connection is closed
	names []string
	in    []*member // by the same index
}

// errAlready says that a connection joins twice.
var errAlready = errors.New("the connection is in the room already")

// attach notes that the connection is about to be a member of a room.
func (h *Hub) attach(c *spout.Conn, room string, m *member) (*attachment, error) {
	a, made := h.conns.getOrMake(c, func() *attachment { return &attachment{hub: h, conn: c} }, func(*attachment) {})
	if made {
		c.AfterClose(a.leaveAll)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.gone:
		return nil, fmt.Errorf("hub: join %q: %w", room, context.Cause(c.Context()))
	case slices.Contains(a.names, room):
		return nil, fmt.Errorf("hub: join %q: %w", room, errAlready)
	}
	a.names = append(a.names, room)
	a.in = append(a.in, m)
	return a, nil
}

// joined reports whether the member is wanted still, now that it has joined.
func (a *attachment) joined(m *member) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	m.joined = true
	return slices.Contains(a.in, m)
}

// detach takes note that the connection leaves a room. It returns the member if it is there and has joined:
// else the one who has it join takes it out again.
func (a *attachment) detach(room string) *member {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.Index(a.names, room)
	if i < 0 {
		return nil
	}
	m := a.in[i]
	a.remove(i)
	if !m.joined {
		return nil
	}
	return m
}

// failed takes note that the member did not get into its room. The connection may have left since, and have come back as
// another member.
func (a *attachment) failed(m *member) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if i := slices.Index(a.in, m); i >= 0 {
		a.remove(i)
	}
}

// remove forgets a member. a.mu is held.
func (a *attachment) remove(i int) {
	a.names = slices.Delete(a.names, i, i+1)
	a.in = slices.Delete(a.in, i, i+1)
}

// leaveAll takes a connection that is closed out of all rooms.
func (a *attachment) leaveAll() {
	a.hub.conns.drop(a.conn, func() bool { return true })
	a.mu.Lock()
	a.gone = true
	in := slices.DeleteFunc(a.in, func(m *member) bool { return !m.joined })
	a.in, a.names = nil, nil
	a.mu.Unlock()
	for _, m := range in {
		m.abandon()
	}
}
