package deflate

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// pair is both ends of one direction, and the oracle listening.
type pair struct {
	dir      Direction
	c        Compressor
	d        Decompressor
	received []byte // of compressed messages, all
}

func newPair(dir Direction, level, limit int) *pair {
	return &pair{dir: dir, c: NewCompressor(dir, level, limit), d: NewDecompressor(dir)}
}

// How a message is sent. Uncompressed is no concern of either end.
const (
	whole = iota
	inPieces
	prepared
	uncompressed
)

// send sends a message, and returns an error unless it arrives: at a Decompressor in one piece or
// streamed, and at an oracle that keeps exactly the agreed window.
func (p *pair) send(m []byte, how, piece int) error {
	var payload []byte
	switch how {
	case whole:
		payload = p.c.Append(nil, m, true)
		p.c.Sent(m)
	case inPieces:
		for rest, last := m, false; !last; {
			n := min(piece+1, len(rest))
			last = n == len(rest)
			before := len(payload)
			payload = p.c.Append(payload, rest[:n], last)
			if len(payload) == before {
				return fmt.Errorf("a piece of %d bytes gives nothing", n)
			}
			p.c.Sent(rest[:n])
			rest = rest[n:]
		}
	case prepared:
		payload = p.c.Kind().Append(nil, m)
		p.c.Sent(m)
	case uncompressed:
		return nil
	}

	var history []byte
	if p.dir.Takeover {
		history = lastBytes(p.received, 1<<p.dir.Bits)
	}
	if got, err := oracle(payload, history, 1<<p.dir.Bits, 0); err != nil || !bytes.Equal(got, m) {
		return fmt.Errorf("the oracle has %v, %d bytes of %d", err, len(got), len(m))
	}
	streamed := p.d
	streamed.window.b = slices.Clone(p.d.window.b)
	if got, err := feed(&streamed, payload, 0, piece+1); err != nil || !bytes.Equal(got, m) {
		return fmt.Errorf("Stream has %v, %d bytes of %d", err, len(got), len(m))
	}
	if got, err := p.d.Inflate(payload, int64(len(m))); err != nil || !bytes.Equal(got, m) {
		return fmt.Errorf("Inflate has %v, %d bytes of %d", err, len(got), len(m))
	}
	if p.received = append(p.received, m...); !bytes.HasSuffix(p.received, p.d.window.b) || !bytes.HasSuffix(p.received, p.c.window.b) {
		return fmt.Errorf("a window is not what was received last")
	}
	return nil
}

// Whatever was agreed, messages arrive, and never refer back further than that: every level, every
// window, every way to send.
func TestRoundTrip(t *testing.T) {
	texts := samples()
	for level := 1; level <= 9; level++ {
		for bits := minBits; bits <= maxBits; bits++ {
			if bits < maxBits && level > 1 {
				continue // a limited window has one level
			}
			for _, takeover := range []bool{false, true} {
				for _, limit := range []int{256, 5000, maxWindow} {
					r := rand.New(rand.NewPCG(uint64(level*bits), uint64(limit)))
					for name, text := range texts {
						p := newPair(Direction{takeover, bits}, level, limit)
						text = text[:min(len(text), 8000)]
						for i, at := 0, 0; at < len(text) || i < 4; i++ {
							n := min(r.IntN(1<<r.IntN(14)), len(text)-at)
							if err := p.send(text[at:at+n], i%4, r.IntN(5000)); err != nil {
								t.Fatalf("level %d, %d bits, takeover %v, limit %d, %s, message %d of %d bytes: %v",
									level, bits, takeover, limit, name, i, n, err)
							}
							at += n
						}
					}
				}
			}
		}
	}
}

// Repeats just within and just beyond the agreed window: the former must be used, the latter not.
func TestWindowIsHonoured(t *testing.T) {
	noise := samples()["noise"]
	piece := noise[:200]
	for level := 1; level <= 9; level++ {
		for bits := minBits; bits <= maxBits; bits++ {
			if bits < maxBits && level > 1 {
				continue
			}
			for distance := 1<<bits - 8; distance <= 1<<bits+8; distance++ {
				m := slices.Concat(piece, noise[1000:][:distance-len(piece)], piece)
				p := newPair(Direction{true, bits}, level, maxWindow)
				if err := p.send(m, whole, 100); err != nil {
					t.Errorf("level %d, %d bits, repeat after %d in one message: %v", level, bits, distance, err)
				}
				p = newPair(Direction{true, bits}, level, maxWindow)
				if err := p.send(m[:distance], whole, 100); err != nil {
					t.Errorf("level %d, %d bits: %v", level, bits, err)
				}
				if err := p.send(piece, whole, 100); err != nil {
					t.Errorf("level %d, %d bits, repeat after %d in another message: %v", level, bits, distance, err)
				}
			}
		}
	}
}

// With context takeover, what was sent before makes a message smaller, and only with it.
func TestTakeoverPays(t *testing.T) {
	for level := 1; level <= 9; level++ {
		m := samples()["noise"][:1000]
		for _, takeover := range []bool{false, true} {
			c := NewCompressor(Direction{takeover, maxBits}, level, 4096)
			c.Append(nil, m, true)
			c.Sent(m)
			if n := len(c.Append(nil, m, true)); (n < 100) != takeover {
				t.Errorf("level %d, takeover %v: %d bytes sent again are %d", level, takeover, len(m), n)
			}
		}
	}
}

// What was compressed but not sent leaves no trace.
func TestNotSent(t *testing.T) {
	p := newPair(Direction{true, maxBits}, 1, 4096)
	text := samples()["records"]
	for i := range 50 {
		p.c.Append(nil, text[i*500+7:][:400], i%2 == 0)
		if err := p.send(text[i*500:][:400], whole, 100); err != nil {
			t.Fatal(err)
		}
	}
}

// Append appends: what dst holds stays, and is no part of what is compressed.
func TestAppendAppends(t *testing.T) {
	m := samples()["records"][:1000]
	c := NewCompressor(Direction{true, maxBits}, 1, 4096)
	plain := c.Append(nil, m, true)
	for _, room := range []int{0, 1, 100, 5000} {
		dst := append(make([]byte, 0, 6+room), "header"...)
		if got := c.Append(dst, m, true); !bytes.Equal(got, append([]byte("header"), plain...)) {
			t.Errorf("with room for %d: %.40x", room, got)
		}
		if got := c.Kind().Append(dst, m); !bytes.Equal(got, append([]byte("header"), plain...)) {
			t.Errorf("prepared, with room for %d: %.40x", room, got)
		}
	}
	if got := c.Append(nil, nil, true); !bytes.Equal(got, []byte{0}) { // 7.2.3.6
		t.Errorf("an empty message is %x", got)
	}
}

// A direction keeps nothing before the first message, at most its window after any, and nothing ever
// without takeover.
func TestKept(t *testing.T) {
	for _, e := range []struct {
		takeover            bool
		bits, limit         int
		compressor, inflate int
	}{
		{true, 15, 4096, 4096, 32768},
		{true, 15, 5000, 5000, 32768},
		{true, 12, 4096, 4096, 4096},
		{true, 12, 32768, 4096, 4096},
		{true, 8, 4096, 256, 256},
		{true, 15, 0, 0, 32768},
		{false, 15, 4096, 0, 0},
		{false, 8, 4096, 0, 0},
	} {
		p := newPair(Direction{e.takeover, e.bits}, 1, e.limit)
		if p.c.window.b != nil || p.d.window.b != nil {
			t.Errorf("%+v: something is kept before the first message", e)
		}
		for _, m := range [][]byte{{}, []byte("a"), samples()["noise"], []byte("b"), samples()["zeros"]} {
			if err := p.send(m, whole, 5000); err != nil {
				t.Fatal(err)
			}
			if c, d := cap(p.c.window.b), cap(p.d.window.b); c > e.compressor || d > e.inflate {
				t.Errorf("%+v: %d and %d bytes are kept after %d", e, c, d, len(m))
			}
		}
		if c, d := cap(p.c.window.b), cap(p.d.window.b); c != e.compressor || d != e.inflate {
			t.Errorf("%+v: %d and %d bytes are kept", e, c, d)
		}
	}
}
