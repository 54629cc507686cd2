package main

import (
	"bufio"
	"bytes"
	std "compress/flate"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
)

// inflater is a decompressor of one of the libraries.
type inflater struct {
	name string
	new  func() resettable
}

type resettable interface {
	io.Reader
	Reset(r io.Reader, history []byte) error
}

var inflaters = []inflater{
	{"std", func() resettable { return std.NewReader(nil).(resettable) }},
	{"klauspost", func() resettable { return flate.NewReader(nil).(resettable) }},
}

// input is a way of giving a message to an inflater.
type input struct {
	name string
	new  func() func(p []byte) io.Reader
}

// The libraries know some types of readers and call them directly.
var inputs = []input{
	{"bytes.Reader", func() func([]byte) io.Reader {
		r := bytes.NewReader(nil)
		return func(p []byte) io.Reader { r.Reset(p); return r }
	}},
	{"own type", func() func([]byte) io.Reader {
		s := &source{}
		return func(p []byte) io.Reader { *s = source{p: p}; return s }
	}},
	{"bufio.Reader", func() func([]byte) io.Reader {
		r := bytes.NewReader(nil)
		b := bufio.NewReader(nil)
		return func(p []byte) io.Reader { r.Reset(p); b.Reset(r); return b }
	}},
}

// errUsedUp says that an inflater asks for more than there is.
var errUsedUp = errors.New("input is used up")

// source is a message as input, of which it remembers how it was asked for. calls are
// the last two: 'r' for Read, 'b' for ReadByte.
type source struct {
	p     []byte
	calls [2]byte
	read  int // how many bytes the last Read asked for
}

func (s *source) ReadByte() (byte, error) {
	s.calls = [2]byte{s.calls[1], 'b'}
	if len(s.p) == 0 {
		return 0, errUsedUp
	}
	c := s.p[0]
	s.p = s.p[1:]
	return c, nil
}

func (s *source) Read(p []byte) (int, error) {
	s.calls, s.read = [2]byte{s.calls[1], 'r'}, len(p)
	if len(s.p) == 0 {
		return 0, errUsedUp
	}
	n := copy(p, s.p)
	s.p = s.p[n:]
	return n, nil
}

// inflate reads n bytes of a message into buf, again and again.
func inflate(r resettable, in io.Reader, history, buf []byte, n int) error {
	if err := r.Reset(in, history); err != nil {
		return err
	}
	for n > 0 {
		k, err := r.Read(buf)
		if n -= k; err != nil && n > 0 {
			return fmt.Errorf("%d bytes missing: %w", n, err)
		}
	}
	return nil
}
