package spout

import (
	"errors"
	"fmt"
	"sync"

	"github.com/spoutws/spout/internal/deflate"
	"github.com/spoutws/spout/internal/proto"
)

// Deflate says how messages are compressed, with permessage-deflate (RFC 7692). A zero field means
// the default that stands beside it, a negative one means none. A peer that does not agree is spoken to
// without compression. What compressing does not make smaller is sent as it is, unless it fits
// SendWindow, where the next message may be like it: send what is compressed already with
// [Message.Uncompressed].
//
// With context takeover a message may refer to those before it, which is what makes small messages
// worth compressing; for that, a connection keeps the last bytes of each direction. Without, it
// keeps nothing between messages. The compressors themselves are shared by all connections.
//
// Who can have text of their own compressed together with a secret, and see the size of what is
// sent, can guess the secret: send secrets with [Message.Uncompressed].
type Deflate struct {
	// Level is how hard the compressor tries, from 1 (fastest) to 9. It makes no difference to a
	// message of more than half of the window to which the peer has limited this side. Default: 1.
	Level int

	// MinSize is the size in bytes of the smallest message that is compressed. Default: 128.
	// Negative: all are.
	MinSize int

	// SendWindow is how many bytes of what was sent are kept for context takeover, at most 32 KiB.
	// Default: 4 KiB. Negative: this side does without.
	SendWindow int

	// ReceiveWindow is how many bytes of what was received are kept for context takeover: a power
	// of two from 256 bytes (which few can keep to; 512 is better) to 32 KiB, to which the peer is
	// asked to keep. A peer that can't has to do without takeover; some servers do neither, and
	// can't be dialled with less than 32 KiB. Default: 4 KiB. Negative: the peer always has to do
	// without.
	ReceiveWindow int
}

const (
	maxWindow     = 32 << 10
	defaultWindow = 4 << 10
	// defaultMinSize is where compressing begins to save more than it costs (bench/README.md).
	defaultMinSize = 128
)

func (d *Deflate) check() error {
	wrong := func(field string, v int, want string) error {
		return &UsageError{"options", fmt.Sprintf("Deflate.%s: %d is not %s", field, v, want)}
	}
	switch w := d.ReceiveWindow; {
	case d.Level < 0 || d.Level > 9:
		return wrong("Level", d.Level, "from 1 to 9")
	case d.SendWindow > maxWindow:
		return wrong("SendWindow", d.SendWindow, "at most 32,768")
	case w > 0 && (w < 256 || w > maxWindow || w&(w-1) != 0):
		return wrong("ReceiveWindow", w, "a power of two from 256 to 32,768")
	}
	return nil
}

// compressing is a snapshot of Deflate with the defaults filled in.
type compressing struct {
	level, minSize int
	wish           deflate.Wish
}

func (d *Deflate) config() *compressing {
	if d == nil {
		return nil
	}
	return &compressing{
		level:   orDefault(d.Level, 1),
		minSize: orDefault(d.MinSize, defaultMinSize),
		wish: deflate.Wish{
			Send:    orDefault(d.SendWindow, defaultWindow),
			Receive: orDefault(d.ReceiveWindow, defaultWindow),
		},
	}
}

// answer settles which of a client's offers is accepted, if any, and returns the answer. What breaks
// the grammar is passed over like an offer that can't be honoured.
func (cfg *config) answer(offered []string, a *agreement) (extension string) {
	if cfg.compressing == nil {
		return ""
	}
	offers, _ := proto.ParseExtensions(offered)
	a.terms, extension, a.compressed = deflate.Answer(offers, cfg.compressing.wish)
	return extension
}

// accept checks a server's answer.
func (cfg *config) accept(answered []string) (ok bool, t deflate.Terms, err error) {
	if len(answered) == 0 {
		return false, t, nil
	}
	// "the recipient of such malformed data MUST immediately _Fail the WebSocket Connection_" (9.1)
	extensions, err := proto.ParseExtensions(answered)
	switch {
	case err != nil:
		return false, t, fmt.Errorf("Sec-WebSocket-Extensions of the answer is malformed: %w", err)
	// "indicates the use of an extension that was not present in the client's handshake" (4.1)
	case cfg.compressing == nil:
		return false, t, errors.New("the answer has an extension that was not offered")
	case len(extensions) != 1:
		return false, t, errors.New("the answer has more than one extension")
	}
	if t, err = deflate.Accept(extensions[0], cfg.compressing.wish); err != nil {
		return false, t, fmt.Errorf("Sec-WebSocket-Extensions of the answer: %w", err)
	}
	return true, t, nil
}

// compression is what a connection on which permessage-deflate was agreed has for it.
type compression struct {
	mu  sync.Mutex // taken before Conn.mu; held from the compressing of a message until it is queued
	out deflate.Compressor

	in deflate.Decompressor // belongs to the reader, or to whoever reads the inbox
}

func newCompression(z *compressing, t deflate.Terms) *compression {
	return &compression{
		out: deflate.NewCompressor(t.Send, z.level, z.wish.Send),
		in:  deflate.NewDecompressor(t.Receive),
	}
}

// worth reports whether the message is to be compressed.
func (c *Conn) worth(m Message) bool {
	return c.compression != nil && !m.uncompressed && len(m.frame().payload) >= c.cfg.compressing.minSize
}

// frame returns the message as a compressed frame, or as a plain one if that is better. The former
// must be told to out.Sent when it is queued. z.mu is held.
func (z *compression) frame(m Message) frame {
	if m.prepared != nil {
		return m.prepared.compressed(z.out.Kind())
	}
	f := m.frame()
	payload := z.out.Append(getLarge()[:0], f.payload, true)
	// What the window can hold is compressed even so: the next message may be like it.
	if len(payload) >= len(f.payload) && len(f.payload) >= z.out.Window() {
		putBuffer(payload)
		return f
	}
	f.header.RSV, f.payload, f.pooled = proto.RSV1, payload, true
	return f
}

// sent records that f, which is m, is queued: what is queued behind it may refer to it. z.mu is held.
func (z *compression) sent(f frame, m Message) {
	if f.header.RSV != 0 {
		z.out.Sent(m.frame().payload)
	}
}

// enqueueCompressed is enqueue for a message that is worth compressing.
func (c *Conn) enqueueCompressed(m Message, wait bool) (*waiter, error) {
	z := c.compression
	z.mu.Lock()
	defer z.mu.Unlock()
	f := m.frame()
	if c.mayCompress() {
		f = z.frame(m)
		defer f.free()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.streaming() {
		f = m.frame() // it goes behind a message of which not all is compressed yet
	}
	w, err := c.enqueue(f, wait)
	switch {
	case w != nil:
		w.f, w.compress = m.frame(), true
	case err == nil:
		z.sent(f, m)
	}
	return w, err
}

// mayCompress reports whether a message that is compressed now could be queued, as it looks.
func (c *Conn) mayCompress() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.end == nil && !c.streaming() && c.hasRoom(frame{})
}

// addInTurn compresses and sends a message that has waited until it was its turn.
func (c *Conn) addInTurn(m Message) error {
	add := func() error {
		z := c.compression
		z.mu.Lock()
		defer z.mu.Unlock()
		f := z.frame(m)
		defer f.free()
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.streaming() {
			return c.end
		}
		c.addStreamed(f)
		z.sent(f, m)
		return nil
	}
	if err := add(); err != nil {
		return err
	}
	return c.endStream(nil, false)
}
