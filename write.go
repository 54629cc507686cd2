package spout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

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
		c.out.add(m)
		c.flush()
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
	c.out.add(m)
	c.flush()
	return nil
}

// hasRoom reports whether the message may be queued now: not past calls that wait.
func (c *Conn) hasRoom(m Message) bool {
	return len(c.out.waiters) == 0 && c.out.room(m.frameSize(c.out.mask), c.cfg.sendLimit)
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

// streamPiece is how much of a stream is read, and sent as one frame, at a time.
const streamPiece = 32 << 10

// WriteFrom sends one message whose payload is read from r until io.EOF; each Read of it that
// returns something makes a frame. Messages of other goroutines wait until it is complete.
//
// If r fails, ctx ends or text turns out not to be UTF-8 in mid-message, the message can't be
// completed and the connection is closed with 1011; before its first byte, nothing is sent and the
// connection is unharmed.
func (c *Conn) WriteFrom(ctx context.Context, t Type, r io.Reader) error {
	if err := (Message{Type: t}).check(); err != nil {
		return err
	}
	if err := c.beginStream(ctx); err != nil {
		return err
	}
	buf := getLarge()
	defer putBuffer(buf)
	var text proto.UTF8
	op := proto.Op(t)
	returned := false
	defer func() {
		if !returned {
			c.endStream(errSourceGone, op == proto.OpContinuation)
		}
	}()
	var err error
	for end := false; !end && err == nil; {
		var n int
		n, err = r.Read(buf[:streamPiece])
		end = err == io.EOF
		if end {
			err = nil
		}
		if err == nil && t == TextMessage && (!text.Write(buf[:n]) || end && !text.Complete()) {
			err = &UsageError{"write", "text message is not UTF-8; use BinaryMessage for other data"}
		}
		if err == nil && (n > 0 || end) {
			err = c.streamFrame(ctx, proto.Header{Fin: end, Op: op}, buf[:n])
		}
		if err == nil && n > 0 {
			op = proto.OpContinuation
		}
	}
	returned = true
	return c.endStream(err, op == proto.OpContinuation)
}

// beginStream waits until no other message is being streamed.
func (c *Conn) beginStream(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("spout: write: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end != nil {
		return c.end
	}
	if !c.out.streaming && len(c.out.waiters) == 0 {
		c.out.streaming = true
		return nil
	}
	w := &waiter{stream: true, turn: make(chan error, 1)}
	c.out.waiters = append(c.out.waiters, w)
	return c.await(ctx, w)
}

// streamFrame queues a frame of the message under way when there is room for it.
func (c *Conn) streamFrame(ctx context.Context, h proto.Header, payload []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := proto.FrameSize(len(payload), bool(c.out.mask))
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("spout: write: %w", err)
	}
	if c.out.streaming && !c.out.dead && !c.out.streamRoom(n, c.cfg.sendLimit) {
		w := &waiter{m: Message{Data: payload}, stream: true, turn: make(chan error, 1)}
		c.out.streamer = w
		if err := c.await(ctx, w); err != nil {
			return err
		}
	}
	// An own Close waits for the message; a peer's, or a failure, does not.
	if !c.out.streaming || c.out.dead {
		return c.end
	}
	c.out.addFrame(h, payload, false)
	c.flush()
	return nil
}

// endStream ends a WriteFrom, of which something was sent if begun.
func (c *Conn) endStream(err error, begun bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.out.streaming {
		return err
	}
	if err != nil && begun {
		if c.end == nil {
			c.fail(CloseInternal, "", err)
		} else {
			c.breakStream()
		}
		return err
	}
	c.out.release()
	c.out.grant(c.cfg.sendLimit)
	c.flush()
	return err
}

// breakStream gives up the message of a WriteFrom, behind which the close frame waits, so that this
// goes out at once. c.mu is held.
func (c *Conn) breakStream() {
	if !c.out.streaming {
		return
	}
	c.out.abandonStream()
	if c.end.Code != CloseAbnormal {
		c.sendClose(c.end.Code, c.end.Reason)
	}
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
	if !c.out.forget(w) {
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
	return c.out.size
}

// corkLimit is how much is held back for one write while input is decoded, and corkTime how long
// if a handler blocks meanwhile.
const (
	corkLimit = 64 << 10
	corkTime  = time.Millisecond
)

// cork holds back what is sent while more input is at hand, so that the answers to it leave in
// one write. c.mu is held.
func (c *Conn) cork() {
	if c.out.corked {
		return
	}
	c.out.corked = true
	if c.corkTimer == nil {
		c.corkTimer = time.AfterFunc(corkTime, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.uncork()
		})
		return
	}
	c.corkTimer.Reset(corkTime)
}

// uncork sends what was held back. c.mu is held.
func (c *Conn) uncork() {
	if c.out.corked {
		c.out.corked = false
		c.corkTimer.Stop()
	}
	c.flush()
}

// flush sends what waits, as far as that is possible without waiting, and leaves the rest to a
// goroutine that lives as long as there is a rest. c.mu is held, but not while writing.
func (c *Conn) flush() {
	o := &c.out
	if o.writing || o.dead || o.corked && o.size < corkLimit || !o.load() {
		return
	}
	o.writing = true
	// Twice, so that what others queue meanwhile leaves too, but no caller sends for the others
	// for ever.
	for range 2 {
		if !c.writeFlight(false) {
			break
		}
		if !o.load() {
			c.endWriting()
			return
		}
	}
	go c.drain()
}

// drain writes until nothing waits. It holds the write token.
func (c *Conn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.out.dead && c.out.load() {
		c.writeFlight(true)
	}
	c.endWriting()
}

// writeFlight writes once and reports whether the whole flight was taken. c.mu is held, but not
// while writing.
func (c *Conn) writeFlight(wait bool) bool {
	o := &c.out
	p := o.flight
	c.mu.Unlock()
	var n int
	var err error
	if wait {
		n, err = c.stream.write(p, c.cfg.writeTimeout)
	} else {
		n, err = c.stream.try(p)
	}
	c.mu.Lock()
	if o.dead {
		return false
	}
	if o.wrote(n); n > 0 {
		o.grant(c.cfg.sendLimit)
		c.wakeReader()
	}
	if err != nil {
		c.writeFailed(err)
		return false
	}
	return len(o.flight) == 0
}

// endWriting gives the write token back. c.mu is held.
func (c *Conn) endWriting() {
	o := &c.out
	if c.lingering && !o.dead {
		c.lingering = false
		c.mu.Unlock()
		c.halfClose()
		c.mu.Lock()
	}
	o.writing = false
	if o.dead {
		o.strand()
	}
	if c.idle != nil {
		close(c.idle)
		c.idle = nil
	}
}

// awaitWriter waits until nobody has the write token. c.mu is held, but not while waiting.
func (c *Conn) awaitWriter() {
	for c.out.writing {
		if c.idle == nil {
			c.idle = make(chan struct{})
		}
		idle := c.idle
		c.mu.Unlock()
		<-idle
		c.mu.Lock()
	}
}

// writeFailed ends the sending. c.mu is held.
func (c *Conn) writeFailed(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.lost(errWriteTimeout)
		c.kill()
		return
	}
	if c.end == nil {
		c.lost(err)
		c.provisional = true
	}
	c.out.refuse(c.end)
	c.out.drop()
	// What the peer sent before may still say why, so the reader goes on to the stream's end.
	c.deadline(now() + instant(lingerTime))
	c.wakeReader()
}
