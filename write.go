package spout

import (
	"context"
	"fmt"
)

// Write sends a message. It waits until the queue has room for it (Options.SendLimit), which is
// how a slow peer slows its senders down, and returns as soon as the message is queued: it
// does not wait for the peer to take it. Messages of one goroutine keep their order.
//
// When ctx ends before there is room, nothing is sent and the error wraps ctx.Err(). On a
// connection that is no longer open it returns a *[CloseError], for a message that can't be sent a
// *[UsageError].
func (c *Conn) Write(ctx context.Context, m Message) error {
	if err := m.check(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("spout: write: %w", err)
	}
	w, err := c.offer(m, true)
	if w == nil {
		return err
	}
	c.mu.Lock()
	err = c.await(ctx, w)
	c.mu.Unlock()
	if err == nil && w.compress {
		err = c.addInTurn(m)
	}
	return err
}

// Send sends a message without waiting: it is handed to the network or queued, or the error is
// [ErrFull] because Options.SendLimit bytes wait already. Else it is like [Conn.Write].
func (c *Conn) Send(m Message) error {
	if err := m.check(); err != nil {
		return err
	}
	_, err := c.offer(m, false)
	return err
}

// offer queues the message if there is room for it, and sends what can be sent. If there is none, it
// returns ErrFull, or what waits for room if that is wanted.
func (c *Conn) offer(m Message, wait bool) (w *waiter, err error) {
	if c.worth(m) {
		w, err = c.enqueueCompressed(m, wait)
		c.mu.Lock()
	} else {
		f := m.frame()
		c.mu.Lock()
		if c.end == nil && c.out == nil && c.sendNow(f) {
			c.mu.Unlock()
			return nil, nil
		}
		w, err = c.enqueue(f, wait)
	}
	defer c.mu.Unlock()
	if w == nil && err == nil {
		c.flush()
	}
	return w, err
}

// enqueue is offer without the sending. c.mu is held.
func (c *Conn) enqueue(f frame, wait bool) (*waiter, error) {
	if c.end != nil {
		return nil, c.end
	}
	if c.hasRoom(f) {
		c.add(f)
		return nil, nil
	}
	if !wait {
		return nil, ErrFull
	}
	w := &waiter{f: f, turn: make(chan error, 1)}
	c.out.waiters = append(c.out.waiters, w)
	return w, nil
}

// add queues a frame, for which there is room. c.mu is held.
func (c *Conn) add(f frame) {
	o := c.queue()
	before := o.size
	o.add(f)
	c.answering(before)
}

// queue returns what waits to be sent, for adding to it. c.mu is held.
func (c *Conn) queue() *outbox {
	if c.out == nil {
		c.out = outboxes.Get().(*outbox)
		c.out.mask, c.out.limit = c.cfg.mask, c.cfg.sendLimit
	}
	return c.out
}

// hasRoom reports whether the frame may be queued now: not past calls that wait. c.mu is held.
func (c *Conn) hasRoom(f frame) bool {
	o := c.out
	if o == nil {
		return true
	}
	room := o.room
	if c.event && !c.answered {
		room = o.answerRoom
	}
	return len(o.waiters) == 0 && room(f.size(o.mask))
}

// WriteJSON sends v as a text message in JSON, as [Conn.Write] does.
func (c *Conn) WriteJSON(ctx context.Context, v any) error {
	m, err := JSON(v)
	if err != nil {
		return err
	}
	return c.Write(ctx, m)
}

// SendJSON sends v as a text message in JSON, as [Conn.Send] does.
func (c *Conn) SendJSON(v any) error {
	m, err := JSON(v)
	if err != nil {
		return err
	}
	return c.Send(m)
}

// await waits for the turn of w, which is registered. c.mu is held, but not while waiting.
func (c *Conn) await(ctx context.Context, w *waiter) error {
	c.uncork()
	c.mu.Unlock()
	var err error
	granted := true
	select {
	case err = <-w.turn:
	case <-ctx.Done():
		granted = false
	}
	c.mu.Lock()
	if granted {
		return err
	}
	if c.out == nil || !c.out.forget(w) {
		return <-w.turn
	}
	// What waited behind it may have room where it had none.
	c.out.grant()
	c.flush()
	return fmt.Errorf("spout: write: %w", ctx.Err())
}

// Buffered returns the number of bytes that wait to be sent.
func (c *Conn) Buffered() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queued()
}

// queued returns the number of bytes of data that wait. c.mu is held.
func (c *Conn) queued() int {
	if c.out == nil {
		return 0
	}
	return c.out.size
}
