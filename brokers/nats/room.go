package natsbroker

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"github.com/spoutws/spout/hub"
)

var (
	errTooFast = errors.New("messages came faster than they were delivered")
	errBroken  = errors.New("the connection to NATS was broken")
)

// room is a subscription at NATS that the subscriptions of this node share.
type room struct {
	key, subject string
	worker       *worker
	feed         feed
	users        int // guarded by rooms.mu

	mu  sync.Mutex
	sub *nats.Subscription

	dropped bool // since the last message that was queued; guarded by worker.mu

	// For the worker:
	doubts uint64 // worker.doubts up to which all is known
	told   uint64 // and up to which it was told that something may be lost
	subs   []*subscription
}

// feed is what differs between kinds of rooms. The worker calls it.
type feed interface {
	// receive takes a message of the room.
	receive(r *room, m *nats.Msg)
	// lost says that messages may have been lost.
	lost(r *room)
}

type subscription struct {
	hub.Subscriber
	ended atomic.Bool
}

// receive takes a message from the queue.
func (r *room) receive(m *nats.Msg) {
	if w := r.worker; r.doubts != w.doubts && r.told != w.doubts {
		r.told = w.doubts
		r.lose(w.reason)
	}
	r.feed.receive(r, m)
}

// resolve says that all is as it should be from now on, after there were doubts. With one server all is as soon
// as something comes again, and that has been told then.
func (r *room) resolve(clustered bool) {
	w := r.worker
	if r.doubts != w.doubts && (clustered || r.told != w.doubts) {
		r.lose(w.reason)
	}
	r.doubts, r.told = w.doubts, w.doubts
}

// lose says that messages may have been lost, whose ever they were.
func (r *room) lose(reason error) {
	r.feed.lost(r)
	r.tell(reason)
}

func (r *room) tell(reason error) {
	for _, s := range r.subs {
		if !s.ended.Load() {
			s.Lost(reason)
		}
	}
}

func (r *room) deliver(d hub.Delivery) {
	for _, s := range r.subs {
		if !s.ended.Load() {
			s.Deliver(d)
		}
	}
}

func (r *room) isLog() bool { return strings.HasPrefix(r.key, kindLog+".") }

func (r *room) add(s *subscription) {
	if len(r.subs) == 0 {
		r.doubts, r.told = r.worker.doubts, r.worker.doubts
		r.feed.lost(r)
	}
	r.subs = append(r.subs, s)
	r.worker.rooms[r] = struct{}{}
}

func (r *room) remove(s *subscription) {
	if r.subs = slices.DeleteFunc(r.subs, func(other *subscription) bool { return other == s }); len(r.subs) == 0 {
		delete(r.worker.rooms, r)
	}
}

// rooms are those that this node subscribes to at NATS.
type rooms struct {
	mu    sync.RWMutex
	byKey map[string]*room
}

func (all *rooms) get(key string) *room {
	all.mu.RLock()
	defer all.mu.RUnlock()
	return all.byKey[key]
}

// take returns the room for one more user.
func (all *rooms) take(key string, make func() *room) *room {
	all.mu.Lock()
	defer all.mu.Unlock()
	r := all.byKey[key]
	if r == nil {
		r = make()
		all.byKey[key] = r
	}
	r.users++
	return r
}

// release takes a user away. NATS hears of it with the last one.
func (all *rooms) release(r *room) error {
	all.mu.Lock()
	r.users--
	last := r.users == 0
	if last {
		delete(all.byKey, r.key)
	}
	all.mu.Unlock()
	if !last {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sub == nil {
		return nil
	}
	return r.sub.Unsubscribe()
}

// subscribe subscribes at NATS if that was not done. It is not waited for.
func (r *room) subscribe(nc *nats.Conn, arrived chan *nats.Msg) (err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sub == nil {
		r.sub, err = nc.ChanSubscribe(r.subject, arrived)
	}
	return err
}
