package deflate

import (
	"sync"

	"github.com/klauspost/compress/flate"
)

// tailSize is the length of the empty block that ends a flush, of which a message is relieved
// (section 7.2.1).
const tailSize = 4

// stateless is the size in bytes below which a compressor does not look at its history, so that
// another is used that does.
const stateless = 128

// Compressor is the sending direction of a connection. It is not safe for concurrent use.
type Compressor struct {
	kind   Kind
	window window
}

// Kind is what a compressed payload depends on beside its content.
type Kind struct{ Level, Bits int }

// NewCompressor returns the sending direction, which keeps at most limit bytes for context takeover.
func NewCompressor(d Direction, level, limit int) Compressor {
	return Compressor{kind: Kind{level, d.Bits}, window: newWindow(d, limit)}
}

// Window returns how many bytes are kept, 0 without context takeover.
func (c *Compressor) Window() int { return c.window.size }

// Kind returns the kind of payload that the peer can inflate.
func (c *Compressor) Kind() Kind { return c.kind }

// Append appends the next piece of a message, or all of it, compressed. The piece must be sent, and
// then be told to [Compressor.Sent].
func (c *Compressor) Append(dst, p []byte, last bool) []byte {
	return c.kind.append(dst, c.window.b, p, last)
}

// Sent tells what was sent compressed, by Append or as a payload of this Kind: from now on, messages
// may refer to it.
func (c *Compressor) Sent(p []byte) { c.window.slide(p) }

// Append appends a whole message compressed so that it refers to nothing before it.
func (k Kind) Append(dst, p []byte) []byte { return k.append(dst, nil, p, true) }

func (k Kind) append(dst, history, p []byte, last bool) []byte {
	if len(p) <= 1<<k.Bits/2 {
		// No distance can be longer than all that is given: any compressor will do.
		history = history[max(0, len(history)+len(p)-1<<k.Bits):]
		k.Bits = maxBits
	}
	w := k.get()
	w.out = dst
	// Neither fails but where its destination does.
	if len(p) < stateless {
		flate.StatelessDeflate(w, p, false, history)
	} else {
		w.ResetDict(w, history)
		w.Writer.Write(p)
		w.Flush()
		w.ResetDict(w, nil) // it would keep history
	}
	dst, w.out = w.out, nil
	k.put(w)
	if last {
		dst = dst[:len(dst)-tailSize]
	}
	return dst
}

// writer is a compressor that appends to out.
type writer struct {
	*flate.Writer
	out []byte
}

func (w *writer) Write(p []byte) (int, error) {
	w.out = append(w.out, p...)
	return len(p), nil
}

// writers are the idle compressors: by level, and by bits where the window is limited.
var writers [2][16]sync.Pool

func (k Kind) pool() *sync.Pool {
	if k.Bits < maxBits {
		return &writers[1][k.Bits]
	}
	return &writers[0][k.Level]
}

func (k Kind) get() *writer {
	if w, ok := k.pool().Get().(*writer); ok {
		return w
	}
	w := &writer{}
	if k.Bits < maxBits {
		w.Writer, _ = flate.NewWriterWindow(w, 1<<k.Bits)
	} else {
		w.Writer, _ = flate.NewWriter(w, k.Level)
	}
	return w
}

func (k Kind) put(w *writer) { k.pool().Put(w) }
