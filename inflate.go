package spout

import (
	"context"
	"fmt"
	"io"

	"github.com/spoutws/spout/internal/deflate"
	"github.com/spoutws/spout/internal/proto"
)

// inflate returns a received message as it was before it was compressed. If that can't be, the
// connection is failed.
func (c *Conn) inflate(m Message) (Message, bool) {
	data, err := c.compression.in.Inflate(m.Data, c.cfg.rules.Limit)
	m.memory.free()
	if err == nil && m.Type == TextMessage {
		var text proto.UTF8
		if !text.Write(data) || !text.Complete() {
			c.violated(&proto.Violation{Code: proto.CodeInvalidText, Reason: "text is not UTF-8"})
			return Message{}, false
		}
	}
	if err != nil {
		c.violated(inflateViolation(err))
		return Message{}, false
	}
	return Message{Type: m.Type, Data: data}, true
}

// inflateViolation returns the violation for which a message that can't be inflated fails the
// connection.
func inflateViolation(err error) *proto.Violation {
	v := &proto.Violation{Code: proto.CodeInvalidText, Reason: err.Error()}
	if err == deflate.ErrTooBig {
		v.Code = proto.CodeTooBig
	}
	return v
}

// inflater inflates a message that was given out as a stream. All but its stream is used by whoever
// has claimed the inbox, with Conn.mu held.
type inflater struct {
	c      *Conn
	stream *deflate.Stream
	size   int64
	typ    Type
	text   proto.UTF8
}

func newInflater(c *Conn, t Type) *inflater {
	return &inflater{c: c, stream: c.compression.in.Stream(), typ: t}
}

// read returns inflated bytes of the message, io.EOF at its end.
func (z *inflater) read(ctx context.Context, p []byte) (int, error) {
	c := z.c
	for {
		if err := ctx.Err(); err != nil {
			return 0, fmt.Errorf("spout: read: %w", err)
		}
		c.mu.Unlock()
		n, err := z.stream.Read(p)
		c.mu.Lock()
		if err == deflate.ErrInput {
			if err := c.awaitPiece(ctx); err != nil {
				return 0, err
			}
			z.stream.Feed(c.in.buf, c.in.end)
			c.in.content = content{} // not freed: it is used on
			c.wakeReader()
			continue
		}
		if v := z.check(p[:n], err); v != nil {
			c.mu.Unlock()
			c.violated(v)
			c.mu.Lock()
			c.in.reader = nil // nothing of it is to be read any more
			return 0, c.end
		}
		return n, err
	}
}

// check holds the rules about what was inflated.
func (z *inflater) check(p []byte, err error) *proto.Violation {
	z.size += int64(len(p))
	limit := z.c.cfg.rules.Limit
	switch {
	case limit > 0 && z.size > limit:
		return inflateViolation(deflate.ErrTooBig)
	case err != nil && err != io.EOF:
		return inflateViolation(err)
	case z.typ == TextMessage && (!z.text.Write(p) || err == io.EOF && !z.text.Complete()):
		return &proto.Violation{Code: proto.CodeInvalidText, Reason: "text is not UTF-8"}
	}
	return nil
}

// discard reads the message to its end.
func (z *inflater) discard(ctx context.Context) error {
	buf := getSmall()
	defer putBuffer(buf)
	for {
		if _, err := z.read(ctx, buf); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}
