package deflate

import (
	"errors"
	"io"
	"iter"
)

// ErrInput says that a [Stream] has to be fed before it can go on.
var ErrInput = errors.New("more input is needed")

// Stream inflates one message as it arrives. While it is under way, the Decompressor must not be used
// otherwise. It must be closed unless it was read to its end.
type Stream struct {
	next func() ([]byte, bool)
	stop func()

	in   []byte
	last bool
	out  []byte // inflated, and not read yet
	err  error
}

// Stream begins a message.
//
// The inflater asks for input where it needs it, deep in a block, and can't be left and entered
// again there: it has a stack of its own.
func (d *Decompressor) Stream() *Stream {
	s := &Stream{err: io.ErrClosedPipe}
	s.next, s.stop = iter.Pull(func(yield func([]byte) bool) {
		in := d.begin(source{})
		defer in.end()
		chunk := chunkPool.Get().(*[chunkSize]byte)
		defer chunkPool.Put(chunk)
		in.source.more = func() error {
			for len(s.in) == 0 && !s.last {
				if !yield(nil) {
					return io.ErrClosedPipe
				}
			}
			in.source.p, in.source.last = s.in, s.last
			s.in = nil
			return nil
		}
		for {
			n, err := in.read(chunk[:])
			if n > 0 && !yield(chunk[:n]) {
				return
			}
			if err != nil {
				s.err = err
				return
			}
		}
	})
	return s
}

// Feed gives input after [ErrInput]; last says that the message ends with it. It keeps p until
// it asks for more.
func (s *Stream) Feed(p []byte, last bool) { s.in, s.last = p, last }

// Read reads what was inflated. The error is [ErrInput], io.EOF at the end, or [ErrCorrupt].
func (s *Stream) Read(p []byte) (int, error) {
	for len(s.out) == 0 {
		out, ok := s.next()
		switch {
		case !ok:
			return 0, s.err
		case out == nil:
			return 0, ErrInput
		}
		s.out = out
	}
	n := copy(p, s.out)
	s.out = s.out[n:]
	return n, nil
}

// Close gives up what was not read.
func (s *Stream) Close() { s.stop() }
