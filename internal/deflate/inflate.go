package deflate

import (
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

var (
	// ErrCorrupt says that a message is not the compressed form of anything.
	ErrCorrupt = errors.New("compressed message is corrupt or cut")
	// ErrTooBig says that a message is larger than its limit when inflated.
	ErrTooBig = errors.New("message too big when inflated")
)

// chunkSize is how much is inflated at a time, in bytes.
const chunkSize = 32 << 10

// Decompressor is the receiving direction of a connection. It is not safe for concurrent use.
type Decompressor struct {
	window window
}

// NewDecompressor returns the receiving direction, which keeps the window that was agreed on.
func NewDecompressor(d Direction) Decompressor {
	return Decompressor{newWindow(d, 1<<maxBits)}
}

// Inflate returns the message whose compressed form is p, if it has at most limit bytes; 0 is no
// limit. It never holds more than that and one chunk beside the result.
func (d *Decompressor) Inflate(p []byte, limit int64) ([]byte, error) {
	in := d.begin(source{p: p, last: true})
	defer in.end()
	var chunks []*[chunkSize]byte
	defer func() {
		for _, c := range chunks {
			chunkPool.Put(c)
		}
	}()
	size := 0
	for {
		if size == len(chunks)*chunkSize {
			chunks = append(chunks, chunkPool.Get().(*[chunkSize]byte))
		}
		n, err := in.read(chunks[len(chunks)-1][size%chunkSize:])
		if size += n; limit > 0 && int64(size) > limit {
			return nil, ErrTooBig
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	message := make([]byte, 0, size)
	for i, c := range chunks {
		message = append(message, c[:min(chunkSize, size-i*chunkSize)]...)
	}
	return message, nil
}

var chunkPool = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// inflation is the inflating of one message.
type inflation struct {
	d      *Decompressor
	source source
	flate  io.ReadCloser
}

var inflations = sync.Pool{New: func() any {
	in := &inflation{}
	in.flate = flate.NewReader(&in.source)
	return in
}}

func (d *Decompressor) begin(s source) *inflation {
	in := inflations.Get().(*inflation)
	in.d, in.source = d, s
	in.reset()
	return in
}

// reset starts the inflater on what is left of the input, with what the window holds.
func (in *inflation) reset() {
	in.flate.(flate.Resetter).Reset(&in.source, in.d.window.b)
}

func (in *inflation) end() {
	in.d, in.source = nil, source{}
	inflations.Put(in)
}

// read returns what comes next of the message, io.EOF at its end, and ErrCorrupt or the error of the
// source if there is none.
func (in *inflation) read(p []byte) (int, error) {
	for {
		n, err := in.flate.Read(p)
		in.d.window.slide(p[:n])
		s := &in.source
		switch {
		case err == nil:
		case s.err != nil:
			err = s.err
		case err == errInputEnd && s.flushed:
			err = io.EOF
		case err == io.EOF && !s.inTail && !s.ended():
			// A final block, behind which others follow (section 7.2.3.4).
			in.reset()
			err = nil
		case err == io.EOF && !s.inTail:
		default:
			err = ErrCorrupt
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}
