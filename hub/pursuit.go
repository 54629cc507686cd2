package hub

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// pursuit is how a room keeps up with its Log: what is delivered follows what the members have, or what is
// between them is fetched before. It is guarded by room.mu.
type pursuit struct {
	last     Position          // up to here the members have everything, or were told
	pursuing bool              // what is after it is being fetched
	waiting  backlog[Delivery] // meanwhile
	again    bool              // more is to be fetched than what is being fetched now
	reason   error             // why something may be missing
}

// errHole is why something may be missing where the broker does not know of it.
var errHole = errors.New("the broker's deliveries do not follow one another")

// logged receives what a Log delivers.
type logged struct{ *room }

func (r logged) Deliver(d Delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.pursuing:
		if !r.waiting.add(d, len(d.Data)) {
			r.again = true // it is fetched
		}
	case r.follows(d):
		r.advance(d)
	default:
		r.waiting.add(d, len(d.Data))
		r.startPursuit(errHole)
	}
}

func (r logged) Lost(reason error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pursuing {
		r.again, r.reason = true, reason
		return
	}
	r.startPursuit(reason)
}

// follows reports whether nothing is between the last message and d. r.mu is held.
func (r *room) follows(d Delivery) bool {
	return d.Position.Epoch == r.last.Epoch && d.Previous == r.last.Offset
}

// advance publishes the message that is next. r.mu is held.
func (r *room) advance(d Delivery) {
	r.last = d.Position
	r.publish(d)
}

// startPursuit has what may be missing fetched. r.mu is held.
func (r *room) startPursuit(reason error) {
	r.pursuing, r.reason = true, reason
	go r.pursue()
}

// Between two attempts to fetch, a room waits so long.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = time.Second
)

// pursue fetches what may be missing, until what is delivered follows.
func (r *room) pursue() {
	for pause := firstPause; !r.closed.Load(); {
		r.mu.Lock()
		from, before := r.last, len(r.waiting.list)
		r.again = false
		r.mu.Unlock()
		replay, err := r.since(from)
		if err != nil {
			if pause == firstPause {
				r.hub.logger().Warn("hub: what may be missing can't be fetched yet", "room", r.name, "error", err)
			}
		} else if done, atOnce := r.fetched(from, replay, before); done {
			return
		} else if atOnce {
			continue
		}
		time.Sleep(pause/2 + rand.N(pause/2))
		pause = min(2*pause, lastPause)
	}
}

// fetched publishes what came after from, or announces that it can't be had, and then what was delivered meanwhile: so
// many messages before the Log was asked. It reports whether nothing is missing now, or else whether to ask at once what
// is: since something came of it, or since there is news.
func (r *room) fetched(from Position, replay Replay, before int) (done, atOnce bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if replay.Complete {
		for _, d := range replay.Missed {
			r.advance(d)
		}
		r.last = replay.Top
	} else {
		r.last = replay.Top
		r.gap(r.reason)
	}
	done = r.catchUp(before)
	return done, r.last != from || r.again
}

func (r *room) since(p Position) (Replay, error) {
	r.hub.fetches.take()
	defer r.hub.fetches.giveBack()
	ctx, cancel := context.WithTimeout(context.Background(), operationTime)
	defer cancel()
	return r.log.Since(ctx, r.name, p)
}

// turns are a bounded number of what may be done at a time, so that a broker that comes back is not asked by all rooms
// at once. The zero value is ready.
type turns struct {
	once sync.Once
	c    chan struct{}
}

// maxFetches is how many rooms ask at a time.
const maxFetches = 32

func (t *turns) take() {
	t.once.Do(func() { t.c = make(chan struct{}, maxFetches) })
	t.c <- struct{}{}
}

func (t *turns) giveBack() { <-t.c }

// catchUp publishes what was delivered meanwhile, and reports whether nothing is missing now. What was delivered before
// the Log said where the room stands, is of an epoch that is over if it is of another one. r.mu is held.
func (r *room) catchUp(before int) (done bool) {
	for i, d := range r.waiting.list {
		switch {
		case i < before && d.Position.Epoch != r.last.Epoch, !d.Position.after(r.last):
		case r.follows(d):
			r.advance(d)
		default:
			r.waiting.list, r.reason = r.waiting.list[i:], errHole
			return false
		}
		r.waiting.size -= len(d.Data)
	}
	r.waiting = backlog[Delivery]{}
	r.pursuing = r.again
	return !r.again
}
