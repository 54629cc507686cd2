package deflate

import "io"

// Stream inflates one message as it arrives. While it is under way, the Decompressor must not be used
// otherwise. It must be closed unless it was read to its end.
type Stream struct {
	d   *Decompressor
	z   *inflater // nil once there is nothing to come
	out []byte    // inflated, and not read yet
	err error     // why there is no more
}

// Stream begins a message.
func (d *Decompressor) Stream() *Stream { return &Stream{d: d, z: d.begin()} }

// Feed gives input after [ErrInput]; last says that the message ends with it. It keeps p until
// it asks for more.
func (s *Stream) Feed(p []byte, last bool) {
	if s.z != nil {
		s.z.feed(p, last)
	}
}

// Read reads what was inflated. The error is [ErrInput], io.EOF at the end, or [ErrCorrupt].
func (s *Stream) Read(p []byte) (int, error) {
	for len(s.out) == 0 {
		if s.err == nil {
			s.out, s.err = s.z.next()
			continue
		}
		err := s.err
		switch err {
		case ErrInput:
			s.err = nil
		case io.EOF:
			if s.z != nil {
				s.d.window.keep(s.z.buf[:s.z.w])
			}
			fallthrough
		default:
			s.Close()
			s.err = err
		}
		return 0, err
	}
	n := copy(p, s.out)
	s.out = s.out[n:]
	return n, nil
}

// Close gives up what was not read.
func (s *Stream) Close() {
	if s.z != nil {
		s.z.end()
		s.z = nil
	}
	s.out, s.err = nil, io.ErrClosedPipe
}
