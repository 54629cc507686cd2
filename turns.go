package spout

import "slices"

// waiter is a call that waits for its turn. It gets nil when its frame is queued or its stream may
// go on, an error when it never will.
type waiter struct {
	f        frame
	stream   bool // it wants to begin a stream
	compress bool // it wants room for f, and its turn as if it were a stream: f is not compressed yet
	turn     chan error
}

// room reports whether n bytes more may be queued; an empty queue takes any number.
func (o *outbox) room(n int) bool { return o.roomBeside(o.size, n) }

// answerRoom is room for the first answer of an event, which the answers to events before it leave
// room for: the reading has waited until there were few enough.
func (o *outbox) answerRoom(n int) bool { return o.roomBeside(o.size-o.answers, n) }

// streamRoom is room for the WriteFrom in mid-message, which must not wait for what follows it.
func (o *outbox) streamRoom(n int) bool { return o.roomBeside(o.size-o.behind, n) }

func (o *outbox) roomBeside(queued, n int) bool {
	return queued == 0 || o.limit == 0 || queued+o.flown+n <= o.limit
}

// left is how many bytes there is room for.
func (o *outbox) left() int {
	if o.limit == 0 {
		return largeBuffer
	}
	return max(0, o.limit-o.size-o.flown)
}

// grant serves the calls that wait, in their order, as far as there is room.
func (o *outbox) grant() {
	if w := o.streamer; w != nil && o.streamRoom(w.f.size(o.mask)) {
		o.streamer = nil
		w.turn <- nil
	}
	for len(o.waiters) > 0 {
		w := o.waiters[0]
		switch {
		case (w.stream || w.compress) && o.streaming, !w.stream && !o.room(w.f.size(o.mask)):
			return
		case w.stream || w.compress:
			o.streaming = true
		default:
			o.add(w.f)
		}
		o.waiters = slices.Delete(o.waiters, 0, 1)
		w.turn <- nil
	}
}

// forget takes a waiter back and reports whether it still waited.
func (o *outbox) forget(w *waiter) bool {
	if o.streamer == w {
		o.streamer = nil
		return true
	}
	i := slices.Index(o.waiters, w)
	if i >= 0 {
		o.waiters = slices.Delete(o.waiters, i, i+1)
	}
	return i >= 0
}

// refuse ends the waiting of all calls with err.
func (o *outbox) refuse(err error) {
	if o == nil {
		return
	}
	for _, w := range o.waiters {
		w.turn <- err
	}
	clear(o.waiters)
	o.waiters = o.waiters[:0]
}
