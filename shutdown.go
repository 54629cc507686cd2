package spout

import (
	"context"
	"math/rand/v2"
	"time"
)

// Shutdown closes connections in small batches, so that their clients do not all connect to another
// server in the same moment, and this one does not write to all of them in one burst. The batches are
// equal: wherever the clients come back, the fullest moment has no more of them than the others.
const (
	shutdownBatch = 10 // connections at a time, or more where there is no time for so many batches
	shutdownPause = time.Second / 100
	shutdownTime  = 30 * time.Second // for all batches, where the context has no deadline
)

// Shutdown ends all connections in good order. From now on new requests get 503. Each connection is
// closed with 1012: an event that is under way may finish, what is queued is sent before the close
// frame, and the closing handshake has Options.CloseTimeout. What a program that reads in a loop sends
// after that is refused. Shutdown returns when every OnClose has returned.
//
// Connections are closed in equal batches of at most 10, the first at once, each other one at random
// within a hundredth of a second of its own; until its turn comes, a connection works as before. The
// batches are larger where they must be for the last to come within half of the time that ctx leaves,
// or within 30 s if it has no deadline.
//
// When ctx ends before all is done, Shutdown drops what is left, with a close frame where that
// leaves without waiting, and returns ctx's error; it does not wait for OnClose then. A call during
// another one shares its end and may be the faster one.
//
// [http.Server.Shutdown] does not know of upgraded connections: call this before or beside it. It
// must not be called within an event, which it would wait for.
func (s *Server) Shutdown(ctx context.Context) error {
	idle := s.beginShutdown()
	conns := s.snapshot()
	left := batches(ctx, len(conns))
	for slot := time.Now(); ; slot = slot.Add(shutdownPause) {
		batch := conns[:len(conns)/left]
		conns = conns[len(batch):]
		for _, c := range batch {
			c.retire()
		}
		var next <-chan time.Time // never, after the last batch
		if left--; left > 0 {
			next = time.After(time.Until(slot.Add(shutdownPause + rand.N(shutdownPause))))
		}
		select {
		case <-next:
		case <-idle:
			return nil
		case <-ctx.Done():
			select {
			case <-idle:
				return nil
			default:
			}
			for _, c := range s.snapshot() {
				c.Close(CloseServiceRestart, "")
				c.CloseNow()
			}
			return ctx.Err()
		}
	}
}

// batches is in how many batches Shutdown closes n connections.
func batches(ctx context.Context, n int) int {
	window := shutdownTime
	if deadline, ok := ctx.Deadline(); ok {
		window = time.Until(deadline) / 2
	}
	return max(1, min((n+shutdownBatch-1)/shutdownBatch, int(window/shutdownPause)))
}

// beginShutdown has new requests refused, and returns what is closed when nothing is left.
func (s *Server) beginShutdown() (idle <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shutdown = true
	if s.idle == nil {
		s.idle = make(chan struct{})
		s.checkIdle()
	}
	return s.idle
}

// retire closes a connection for Shutdown. If an event is under way, what that sends is accepted
// still: the answer to a message that the handler has begun to work on is not lost.
func (c *Conn) retire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rarely().retiring = true
	c.retireBetweenEvents()
}

// retiring reports whether no further event is to begin, for Shutdown. c.mu is held.
func (c *Conn) retiring() bool { return c.rare != nil && c.rare.retiring }

// retireBetweenEvents closes the connection if that is asked for and no event is under way. c.mu is
// held, but not while writing.
func (c *Conn) retireBetweenEvents() {
	if !c.retiring() || c.event || c.opening || c.end != nil {
		return
	}
	c.closing = true
	c.startClose(CloseServiceRestart, "", nil)
	c.dropInbox()
}
