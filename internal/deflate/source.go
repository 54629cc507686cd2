package deflate

import "errors"

// errInputEnd says to the inflater that there is no more.
var errInputEnd = errors.New("end of input")

// tail is what a message was relieved of: "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end
// of the payload of the message" (section 7.2.2).
var tail = []byte{0x00, 0x00, 0xff, 0xff}

// source is a compressed message and its tail, as input of the inflater. It sees whether the message
// was whole: then the inflater takes the tail for the length of a stored block. It asks for lengths and
// for stored data by Read, for all else by ReadByte; so a length is what Read takes behind a ReadByte.
type source struct {
	p    []byte // input at hand
	last bool   // and no more follows
	more func() error
	err  error // of more

	inTail  bool
	byByte  bool // the last call that took something was ReadByte
	flushed bool // the last thing that was taken is the tail, as a length
}

// fill sees to it that there is input at hand.
func (s *source) fill() error {
	for len(s.p) == 0 {
		switch {
		case !s.last:
			if s.err = s.more(); s.err != nil {
				return s.err
			}
		case !s.inTail:
			s.inTail, s.p = true, tail
		default:
			return errInputEnd
		}
	}
	return nil
}

// ended reports whether the message is used up.
func (s *source) ended() bool {
	for len(s.p) == 0 && !s.last {
		if s.err = s.more(); s.err != nil {
			return true
		}
	}
	return len(s.p) == 0
}

func (s *source) ReadByte() (byte, error) {
	if err := s.fill(); err != nil {
		return 0, err
	}
	c := s.p[0]
	s.p = s.p[1:]
	s.byByte, s.flushed = true, false
	return c, nil
}

func (s *source) Read(p []byte) (int, error) {
	s.flushed = false
	if err := s.fill(); err != nil {
		return 0, err
	}
	n := copy(p, s.p)
	s.p = s.p[n:]
	s.flushed = s.byByte && s.inTail && len(s.p) == 0
	s.byByte = false
	return n, nil
}
