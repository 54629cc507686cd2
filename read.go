package spout

import (
	"context"
	"fmt"
	"io"
	"iter"

	"github.com/spoutws/spout/internal/proto"
)

// inboxLimit is how many bytes of an unfinished message are taken while nobody wants the whole.
const inboxLimit = 64 << 10

// inbox is the message that has arrived, or is arriving, and was not yet received. It is guarded
// by Conn.mu.
type inbox struct {
	content
	typ      Type
	begun    bool // there is a message
	deflated bool // and it is compressed
	end      bool // and it is complete
	skip     bool // its rest is not wanted by anybody

	unread  bool           // there may be more of it, for the goroutine that streams it
	reading bool           // a goroutine is in Read or Reader
	wanted  bool           // and waits for a whole message
	reader  *messageReader // the stream that was given out last, unless used up
	inflate *inflater      // and what inflates it
	ready   chan struct{}  // something changed for the goroutine that waits
}

func (c *Conn) inbox() *inbox {
	if c.in == nil {
		c.in = &inbox{}
	}
	return c.in
}

// full reports whether the connection must not be read now.
func (in *inbox) full() bool {
	return in != nil && !in.skip && (in.end || len(in.buf) >= inboxLimit && !in.wanted)
}

// leaves reports whether the rest of the message may be left unread until somebody wants it, or as a
// stream: what has come before is what there is on the wire, and nobody wants it whole.
func (in *inbox) leaves() bool {
	return in != nil && in.begun && !in.end && !in.wanted && !in.skip && !in.deflated
}

// space returns where so many bytes that belong to the message may be read to, instead of being copied
// there: nil if that would not save much.
func (in *inbox) space(left uint64) []byte {
	if in == nil || in.skip || in.reader != nil {
		return nil
	}
	p := in.buf[len(in.buf):cap(in.buf)]
	if p = p[:min(uint64(len(p)), left)]; len(p) < mediumBuffer {
		return nil
	}
	return p[:min(len(p), largeBuffer)]
}

func (in *inbox) add(ev proto.Event) {
	if ev.First {
		in.typ, in.begun, in.deflated = Type(ev.Op), true, ev.Compressed
	}
	if in.skip {
		if ev.End {
			in.clear()
		}
		return
	}
	in.append(ev.Payload, ev.Left, ev.End)
	in.end = ev.End
}

// clear forgets the message.
func (in *inbox) clear() {
	in.content = content{} // not freed: it may be being read to
	in.begun, in.deflated, in.end, in.skip, in.unread = false, false, false, false, false
}

func (in *inbox) take() Message {
	m := in.message(in.typ, in.deflated)
	in.clear()
	return m
}

// content is the data of a message as far as it has arrived.
type content struct {
	buf    []byte
	memory *memory // what buf lies in, unless it is small
}

// append appends a piece of a message of which left bytes, or more, follow unless it is the last. It
// grows by what has arrived, never by what is merely claimed. Only the reader calls it, which is not
// reading to what is outgrown then.
func (d *content) append(piece []byte, left uint64, last bool) {
	n := len(d.buf)
	if n < cap(d.buf) && len(piece) > 0 && &d.buf[:n+1][n] == &piece[0] {
		d.buf = d.buf[:n+len(piece)] // it was read to its place
		return
	}
	need := n + len(piece)
	if need <= cap(d.buf) && d.buf != nil {
		d.buf = append(d.buf, piece...)
		return
	}
	most := 2*need + 64
	size := most
	switch {
	case last:
		size = need
	case left > 0 && left <= uint64(need):
		size = need + int(left)
	}
	if n == 0 {
		d.buf, d.memory = lay(piece, size, most)
		return
	}
	outgrown := d.memory
	d.buf, d.memory = lay(d.buf, size, most)
	d.buf = append(d.buf, piece...)
	outgrown.free()
}

// message returns the message that is its content.
func (d *content) message(t Type, deflated bool) Message {
	return Message{Type: t, Data: d.buf, deflated: deflated, memory: d.memory, loan: d.memory.loan()}
}

// Read returns the next message. When ctx ends, it returns an error that wraps ctx.Err(); the
// connection is unharmed and nothing is lost: what has arrived of a message stays for the next
// call. When the connection ends it returns a *[CloseError].
//
// One goroutine may read at a time, and none while the connection is served by a [Handler]; then
// Read returns a *[UsageError].
func (c *Conn) Read(ctx context.Context) (Message, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.beginRead(ctx); err != nil {
		return Message{}, err
	}
	defer c.endRead()
	c.in.wanted = true
	c.readRest()
	if err := c.awaitRead(ctx, func() bool { return c.in.end }); err != nil {
		return Message{}, err
	}
	m, ok := c.in.message(c.in.typ, c.in.deflated), true
	if m.deflated {
		// The inbox stays full meanwhile: what follows is not to be heard before.
		c.mu.Unlock()
		m, ok = c.inflate(m)
		c.mu.Lock()
	}
	c.in.clear()
	c.wakeReader()
	if !ok {
		return Message{}, c.end
	}
	return m, nil
}

// Messages returns an iterator over the messages that arrive. It ends silently when the
// connection is closed with 1000 or without a code, and else after an error as Read returns it.
func (c *Conn) Messages(ctx context.Context) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for {
			m, err := c.Read(ctx)
			if code := CloseCode(err); code == CloseNormal || code == CloseNoStatus {
				return
			}
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}

// Reader returns the next message as a stream: it returns when the message begins, and the
// stream ends with io.EOF when the message does. ctx bounds this call and the reading of the
// stream. The next Read or Reader discards what of the message was not read.
func (c *Conn) Reader(ctx context.Context) (Type, io.Reader, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.beginRead(ctx); err != nil {
		return 0, nil, err
	}
	defer c.endRead()
	if err := c.awaitRead(ctx, func() bool { return c.in.begun && !c.in.skip }); err != nil {
		return 0, nil, err
	}
	c.in.reader = &messageReader{c: c, ctx: ctx}
	if c.in.deflated {
		c.in.inflate = newInflater(c, c.in.typ)
	}
	return c.in.typ, c.in.reader, nil
}

// messageReader is one message as a stream.
type messageReader struct {
	c   *Conn
	ctx context.Context
	eof bool
}

func (r *messageReader) Read(p []byte) (int, error) {
	c := r.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.eof {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	if c.in == nil || c.in.reader != r {
		if c.end != nil {
			return 0, c.end
		}
		return 0, &UsageError{"read", "the message was given up for the next one"}
	}
	if c.in.reading {
		return 0, errConcurrentRead
	}
	c.in.reading = true
	defer c.endRead()
	n, err := r.read(p)
	if err == io.EOF {
		r.eof = true
		c.in.reader = nil
		c.in.clear()
		c.wakeReader()
	}
	return n, err
}

// read is Read for whoever has claimed the inbox. c.mu is held.
func (r *messageReader) read(p []byte) (int, error) {
	c := r.c
	if c.in.inflate != nil {
		return c.in.inflate.read(r.ctx, p)
	}
	for {
		n := copy(p, c.in.buf)
		if c.in.buf = c.in.buf[n:]; len(c.in.buf) == 0 && !c.in.end {
			c.in.content = content{}
			c.wakeReader()
			if n < len(p) {
				n += c.stream.pull(p[n:])
			}
		}
		switch {
		case c.in.end && len(c.in.buf) == 0:
			return n, io.EOF
		case n > 0:
			return n, nil
		}
		if err := c.awaitPiece(r.ctx); err != nil {
			return 0, err
		}
	}
}

var errConcurrentRead = &UsageError{"read", "another goroutine is reading; one may at a time"}

// beginRead claims the inbox. c.mu is held.
func (c *Conn) beginRead(ctx context.Context) error {
	if c.handler != nil {
		return &UsageError{"read", "the connection is served by a Handler, which gets its messages"}
	}
	in := c.inbox()
	if in.reading {
		return errConcurrentRead
	}
	in.reading = true
	if err := c.giveUpReader(ctx); err != nil {
		c.endRead()
		return err
	}
	return nil
}

// giveUpReader discards what is left of a message that was given out as a stream. The inbox is
// claimed and c.mu held.
func (c *Conn) giveUpReader(ctx context.Context) error {
	in := c.in
	if in.reader == nil {
		return nil
	}
	if in.inflate != nil {
		// The messages to come may refer to what is discarded.
		if err := in.inflate.discard(ctx); err != nil {
			return err
		}
		in.inflate = nil
	}
	in.reader = nil
	if in.content = (content{}); in.end {
		in.clear()
	} else {
		in.skip = true
	}
	c.wakeReader()
	c.readRest()
	return nil
}

// readRest has the reader go on with what was left unread until somebody wanted it. c.mu is held.
func (c *Conn) readRest() {
	if c.in != nil && c.in.unread {
		c.in.unread = false
		c.stream.readOn()
	}
}

// endRead ends the claim to the inbox. c.mu is held.
func (c *Conn) endRead() {
	c.in.reading, c.in.wanted = false, false
	c.in.closeInflater()
}

// closeInflater gives up the inflater of a stream that nobody reads any more.
func (in *inbox) closeInflater() {
	if in.inflate != nil && in.reader == nil && !in.reading {
		in.inflate.stream.Close()
		in.inflate = nil
	}
}

// awaitPiece waits for a piece of the message that is given out as a stream. c.mu is held.
func (c *Conn) awaitPiece(ctx context.Context) error {
	return c.awaitRead(ctx, func() bool { return len(c.in.buf) > 0 || c.in.end || c.in.unread })
}

// awaitRead waits until done, the end of ctx or that of the connection. c.mu is held.
func (c *Conn) awaitRead(ctx context.Context, done func() bool) error {
	for {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("spout: read: %w", err)
		}
		if done() {
			return nil
		}
		if c.over || c.closing {
			return c.end
		}
		if c.in.ready == nil {
			c.in.ready = make(chan struct{}, 1)
		}
		ready := c.in.ready
		c.wakeReader()
		c.mu.Unlock()
		select {
		case <-ready:
		case <-ctx.Done():
		}
		c.mu.Lock()
	}
}

// signalRead tells the goroutine that waits in awaitRead to look again. c.mu is held.
func (c *Conn) signalRead() {
	if c.in != nil && c.in.ready != nil {
		select {
		case c.in.ready <- struct{}{}:
		default:
		}
	}
}

// dropInbox gives up what was not received. c.mu is held.
func (c *Conn) dropInbox() {
	if c.in != nil {
		c.in.clear()
		c.in.reader = nil
		c.in.closeInflater()
		c.signalRead()
	}
}
