package spout

import (
	"context"
	"fmt"
	"io"

	"github.com/spoutws/spout/internal/proto"
)

// maxEmptyReads is how often in a row a source may return nothing and no error.
const maxEmptyReads = 100

// WriteFrom sends one message whose payload is read from r until io.EOF; each Read of it that
// returns something makes a frame, compressed if that was agreed on and the first one is worth it.
// Messages of other goroutines wait until it is complete, and those that are queued meanwhile are sent
// uncompressed. A Read of r is not interrupted when ctx or the connection ends.
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
	buf := getLarge() // what is read is sent as one frame
	defer func() { putBuffer(buf) }()
	var text proto.UTF8
	op := proto.Op(t)
	compress := c.compression != nil
	returned := false
	defer func() {
		if !returned {
			c.endStream(errSourceGone, op == proto.OpContinuation)
		}
	}()
	var err error
	empty := 0
	for end := false; !end && err == nil; {
		var n int
		n, err = r.Read(buf)
		end = err == io.EOF
		if end {
			err = nil
		}
		if n > 0 || end {
			empty = 0
		} else if empty++; empty == maxEmptyReads && err == nil {
			err = io.ErrNoProgress
		}
		if err == nil && t == TextMessage && (!text.Write(buf[:n]) || end && !text.Complete()) {
			err = &UsageError{"write", "text message is not UTF-8; use BinaryMessage for other data"}
		}
		if err == nil && (n > 0 || end) {
			h := proto.Header{Fin: end, Op: op}
			if compress {
				compress, err = c.streamCompressed(ctx, h, buf[:n])
			} else {
				err = c.streamFrame(ctx, h, buf[:n])
			}
		}
		if err == nil && n > 0 {
			op = proto.OpContinuation
		}
		if n == largeBuffer && len(buf) == largeBuffer {
			putBuffer(buf)
			buf = getHuge()
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
	o := c.queue()
	if !o.streaming && len(o.waiters) == 0 {
		o.streaming = true
		return nil
	}
	w := &waiter{stream: true, turn: make(chan error, 1)}
	o.waiters = append(o.waiters, w)
	return c.await(ctx, w)
}

// streaming reports whether the WriteFrom under way may go on: an own Close waits for it, a
// peer's, or a failure, does not. c.mu is held.
func (c *Conn) streaming() bool { return c.out != nil && c.out.streaming }

// streamCompressed sends a piece of the message under way as a compressed frame, or the first one as it is
// if the message is not worth compressing, and reports which of both.
func (c *Conn) streamCompressed(ctx context.Context, h proto.Header, p []byte) (bool, error) {
	z := c.compression
	z.mu.Lock()
	payload := z.out.Append(getLarge()[:0], p, h.Fin)
	z.mu.Unlock()
	defer putBuffer(payload)
	if h.Op != proto.OpContinuation {
		if len(payload) >= len(p) && len(p) >= z.out.Window() {
			return false, c.streamFrame(ctx, h, p)
		}
		h.RSV = proto.RSV1
	}
	err := c.streamFrame(ctx, h, payload)
	if err == nil {
		z.mu.Lock()
		z.out.Sent(p)
		z.mu.Unlock()
	}
	return true, err
}

// streamFrame queues a frame of the message under way when there is room for it.
func (c *Conn) streamFrame(ctx context.Context, h proto.Header, payload []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("spout: write: %w", err)
	}
	n := proto.FrameSize(len(payload), bool(c.cfg.mask))
	if c.streaming() && !c.out.streamRoom(n) {
		w := &waiter{f: frame{payload: payload}, stream: true, turn: make(chan error, 1)}
		c.out.streamer = w
		if err := c.await(ctx, w); err != nil {
			return err
		}
	}
	if !c.streaming() {
		return c.end
	}
	if f := (frame{header: h, payload: payload}); !c.sendNow(f) {
		c.addStreamed(f)
		c.flush()
	}
	return nil
}

// addStreamed queues a frame of the message whose turn it is. c.mu is held.
func (c *Conn) addStreamed(f frame) {
	o := c.out
	before := o.size
	o.addFrame(f.header, f.payload, false)
	c.answering(before)
}

// endStream ends a WriteFrom, of which something was sent if begun.
func (c *Conn) endStream(err error, begun bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.streaming() {
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
	c.out.grant()
	c.flush()
	return err
}

// breakStream gives up the message of a WriteFrom, behind which the close frame waits, so that this
// goes out at once. c.mu is held.
func (c *Conn) breakStream() {
	if !c.streaming() {
		return
	}
	c.out.abandonStream()
	if c.end.Code != CloseAbnormal {
		c.sendClose(c.end.Code, c.end.Reason)
	}
}
