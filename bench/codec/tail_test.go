package main

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/spoutws/spout/bench/payload"
)

// TestTail holds how one can tell that a message was whole: the inflater is given the tail of
// RFC 7692, section 7.2.2, and nothing behind it. It then takes the tail's end as a length, with Read and
// directly behind a ReadByte, and asks for more with ReadByte.
func TestTail(t *testing.T) {
	for _, x := range inflaters {
		r := x.new()
		for _, d := range deflaters {
			f := d.new()
			for _, m := range payload.Chat.Series(200, 10) {
				out := &buffer{}
				f(out, nil, m)
				if !bytes.HasSuffix(out.b, []byte(tail)) {
					t.Fatalf("%s: a flush ends with % x", d.name, out.b[max(0, len(out.b)-4):])
				}
				s := &source{p: out.b}
				got, err := readAll(r, s)
				if !bytes.Equal(got, m) || err != errUsedUp || s.calls != [2]byte{'r', 'b'} || s.read > len(tail) {
					t.Errorf("%s of %s: %v, %d bytes of %d, last calls %q for %d bytes", x.name, d.name, err, len(got), len(m), s.calls, s.read)
				}
			}
		}
	}
}

// TestNoTail shows why the tail is needed: klauspost's inflater reads ahead of what it decodes, and
// does not come to the end of a message without it. The standard library's does.
func TestNoTail(t *testing.T) {
	complete := make(map[string]int)
	const n = 200
	for _, x := range inflaters {
		r, f := x.new(), klauspost(1, 0).new()
		for _, m := range payload.Chat.Series(300, n) {
			out := &buffer{}
			f(out, nil, m)
			s := &source{p: bytes.TrimSuffix(out.b, []byte(tail))}
			if got, err := readAll(r, s); bytes.Equal(got, m) && err == errUsedUp && s.calls == [2]byte{'b', 'r'} && s.read == len(tail) {
				complete[x.name]++
			}
		}
	}
	if complete["std"] != n || complete["klauspost"] == n {
		t.Errorf("without the tail, std has inflated %d and klauspost %d of %d messages; want all and not all", complete["std"], complete["klauspost"], n)
	}
}

// readAll is io.ReadAll on a message without history, with the error that ended it.
func readAll(r resettable, s *source) ([]byte, error) {
	if err := r.Reset(s, nil); err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	if errors.Is(err, errUsedUp) {
		err = errUsedUp
	}
	return b, err
}
