package hub

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/spoutws/spout"
)

// room is what a node has of a room: its members on this node, and the subscription for them.
type room struct {
	hub  *Hub
	name string
	log  Log // nil without history

	users   int           // members, and those who join; guarded by the lock of the Hub's rooms
	opened  chan struct{} // closed when the broker has answered
	err     error         // why it is not open, if it is not
	cancel  func()        // ends the subscription
	unwatch func()        // and that of presence

	closed atomic.Bool // nobody uses it any more

	mu      sync.Mutex
	members []*member
	pursuit          // of what the Log delivers
	hooks   []func() // calls of the application's, to come
	calling bool     // somebody calls them
}

// acquire returns a room, open, to be released.
func (h *Hub) acquire(ctx context.Context, name string) (*room, error) {
	var log Log
	if h.History != nil {
		var err error
		if log, err = h.openLog(ctx); err != nil {
			return nil, err
		}
	}
	r, made := h.rooms.getOrMake(name, func() *room {
		return &room{hub: h, name: name, log: log, opened: make(chan struct{})}
	}, func(r *room) { r.users++ })
	if made {
		r.err = r.open(ctx)
		close(r.opened)
	}
	select {
	case <-r.opened:
	case <-ctx.Done():
		r.release()
		return nil, ctx.Err()
	}
	if r.err != nil {
		err := r.err
		r.release()
		return nil, err
	}
	return r, nil
}

// open subscribes. No lock is held.
func (r *room) open(ctx context.Context) (err error) {
	b := r.hub.broker()
	if r.log == nil {
		r.cancel, err = b.Subscribe(ctx, r.name, live{r})
	} else {
		r.mu.Lock()
		r.pursuing, r.reason = true, errHole // until it is known where the room stands
		r.mu.Unlock()
		var top Position
		if top, r.cancel, err = r.log.Subscribe(ctx, r.name, logged{r}); err == nil {
			r.mu.Lock()
			r.last = top
			if !r.catchUp(0) {
				go r.pursue()
			}
			r.mu.Unlock()
		}
	}
	if err != nil || !r.hub.Presence {
		return err
	}
	if r.unwatch, err = b.(PresenceBroker).Watch(ctx, r.name, r.present); err != nil {
		r.cancel()
	}
	return err
}

// release gives the room back, and ends the subscription if nobody uses it any more.
func (r *room) release() {
	unused := false
	r.hub.rooms.drop(r.name, func() bool {
		r.users--
		unused = r.users == 0
		return unused
	})
	if !unused {
		return
	}
	r.closed.Store(true)
	<-r.opened
	if r.err == nil {
		r.cancel()
		if r.unwatch != nil {
			r.unwatch()
		}
	}
}

// add adds a member and returns where the room stands: it gets what follows.
func (r *room) add(m *member) (at Position) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.index = len(r.members)
	r.members = append(r.members, m)
	return r.last
}

// remove takes a member away.
func (r *room) remove(m *member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := len(r.members) - 1
	r.members[m.index] = r.members[last]
	r.members[m.index].index = m.index
	r.members[last] = nil
	r.members = r.members[:last]
}

func (r *room) conns() []*spout.Conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	conns := make([]*spout.Conn, len(r.members))
	for i, m := range r.members {
		conns[i] = m.conn
	}
	return conns
}

// live receives what a Broker delivers.
type live struct{ *room }

func (r live) Deliver(d Delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.publish(d)
}

func (r live) Lost(reason error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gap(reason)
}

// publish sends a message to all members. r.mu is held.
func (r *room) publish(d Delivery) {
	if n, ok := r.notice(d); ok {
		r.send(n)
	}
}

// notice returns a message for the members.
func (r *room) notice(d Delivery) (n *notice, ok bool) {
	m, ok := unmarshal(d.Data)
	if !ok {
		r.hub.logger().Error("hub: what the broker delivered is no message of a hub", "room", r.name, "bytes", len(d.Data))
		return nil, false
	}
	return &notice{Envelope: Envelope{Type: Message, Room: r.name, Position: d.Position}, plain: m.Prepare()}, true
}

// gap tells all members that messages may be missing before where the room stands. r.mu is held.
func (r *room) gap(reason error) {
	if r.closed.Load() {
		return
	}
	r.hub.logger().Warn("hub: messages may be missing", "room", r.name, "reason", reason)
	r.send(&notice{Envelope: Envelope{Type: Gap, Room: r.name, Position: r.last, Reason: reason.Error()}})
	if f := r.hub.OnGap; f != nil {
		r.call(func() { f(r.name, reason) })
	}
}

// present tells the members who comes and goes.
func (r *room) present(e PresenceEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed.Load() {
		return // another room with this name may be open by now
	}
	n := &notice{Envelope: Envelope{Type: Enter, Room: r.name, Member: &e.Member}}
	if e.Left {
		n.Type = Exit
	}
	r.send(n)
	if f := r.hub.OnPresence; f != nil {
		r.call(func() { f(r.name, e) })
	}
}

// send gives a notice to all members. It waits for none. r.mu is held.
func (r *room) send(n *notice) {
	for _, m := range r.members {
		m.receive(n)
	}
}

// call has a function of the application called after those before it, and without any lock, so that it may
// do what it likes with the Hub. r.mu is held.
func (r *room) call(f func()) {
	r.hooks = append(r.hooks, f)
	if r.calling {
		return
	}
	r.calling = true
	go r.callAll()
}

func (r *room) callAll() {
	done := false
	defer func() {
		if !done { // one has ended this goroutine
			go r.callAll()
		}
	}()
	for {
		r.mu.Lock()
		if len(r.hooks) == 0 {
			r.calling, done = false, true
			r.mu.Unlock()
			return
		}
		f := r.hooks[0]
		r.hooks = slices.Delete(r.hooks, 0, 1)
		r.mu.Unlock()
		r.hub.guard(f)
	}
}
