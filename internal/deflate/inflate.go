package deflate

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

// ErrTooBig says that a message is larger than its limit when inflated.
var ErrTooBig = errors.New("message too big when inflated")

// Decompressor is the receiving direction of a connection. It is not safe for concurrent use.
type Decompressor struct {
	window window
}

// NewDecompressor returns the receiving direction, which keeps the window that was agreed on.
func NewDecompressor(d Direction) Decompressor {
	return Decompressor{newWindow(d, maxWindow)}
}

// Inflate returns the message whose compressed form is p, if it has at most limit bytes; 0 is no
// limit. Beside the result it holds as much again where that has more than 32 KiB.
func (d *Decompressor) Inflate(p []byte, limit int64) ([]byte, error) {
	z := d.begin()
	defer z.end()
	z.feed(p, true)
	var parts [][]byte
	size := 0
	for {
		part, err := z.next()
		if size += len(part); limit > 0 && int64(size) > limit {
			return nil, ErrTooBig
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
		parts = append(parts, bytes.Clone(part))
		if err == io.EOF {
			break
		}
	}
	d.window.keep(z.buf[:z.w])
	if len(parts) == 1 {
		return parts[0], nil
	}
	return bytes.Join(parts, nil), nil
}

var inflaters = sync.Pool{New: func() any { return new(inflater) }}

// begin returns an inflater of the next message.
func (d *Decompressor) begin() *inflater {
	z := inflaters.Get().(*inflater)
	z.begin(d.window.b)
	return z
}

func (z *inflater) end() {
	z.p = nil
	inflaters.Put(z)
}
