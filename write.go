package spout

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/spoutws/spout/internal/proto"
)

// masker says whether frames are masked: those of a client are.
type masker bool

// apply gives the header a new masking key: "The masking key needs to be unpredictable" (RFC
// 6455, section 5.3). The generator is ChaCha8, seeded by the operating system.
func (m masker) apply(h *proto.Header) {
	if m {
		h.Masked, h.Key = true, proto.Key(rand.Uint32())
	}
}

// frameSize returns the size of the message as a frame.
func (m Message) frameSize(mask masker) int {
	return proto.FrameSize(len(m.payload()), bool(mask))
}

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
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end != nil {
		return c.end
	}
	if c.hasRoom(m) {
		c.add(m)
		return nil
	}
	w := &waiter{m: m, turn: make(chan error, 1)}
	c.out.waiters = append(c.out.waiters, w)
	return c.await(ctx, w)
}

// Send sends a message without waiting: it is handed to the network or queued, or the error is
// [ErrFull] because Options.SendLimit bytes wait already. Else it is like [Conn.Write].
func (c *Conn) Send(m Message) error {
	if err := m.check(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end != nil {
		return c.end
	}
	if !c.hasRoom(m) {
		return ErrFull
	}
	c.add(m)
	return nil
}

// add queues a message, for which there is room, and sends what can be sent. c.mu is held.
func (c *Conn) add(m Message) {
	o := c.queue()
	before := o.size
	o.add(m)
	if c.event {
		o.answers += o.size - before
	}
	c.flush()
}

// queue returns what waits to be sent, for adding to it. c.mu is held.
func (c *Conn) queue() *outbox {
	if c.out == nil {
		c.out = outboxes.Get().(*outbox)
		c.out.mask = c.cfg.mask
	}
	return c.out
}

// hasRoom reports whether the message may be queued now: not past calls that wait.
func (c *Conn) hasRoom(m Message) bool {
	o := c.out
	return o == nil || len(o.waiters) == 0 && o.room(m.frameSize(o.mask), c.cfg.sendLimit)
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
	c.out.grant(c.cfg.sendLimit)
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
