package deflate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// agree fails the test unless Inflate and Stream say of a message what the oracle says, however the
// message is cut. It returns that.
func agree(t *testing.T, payload, history []byte, limit int64, cuts ...int) ([]byte, error) {
	t.Helper()
	return agreeOn(t, Direction{Takeover: true, Bits: maxBits}, payload, history, limit, cuts...)
}

// agreeOn is agree in a direction that has received history, of which it keeps what was agreed.
func agreeOn(t *testing.T, dir Direction, payload, history []byte, limit int64, cuts ...int) ([]byte, error) {
	t.Helper()
	kept := 0
	if dir.Takeover {
		kept = 1 << dir.Bits
	}
	history = lastBytes(history, kept)
	// How far back a peer refers within a message is not enforced: all that is at hand anyway.
	want, wantErr := oracle(payload, history, maxWindow, limit)
	fail := func(by string, got []byte, err error) {
		t.Helper()
		t.Errorf("%s of %.200x, limit %d, after %d bytes: %.60q (%d bytes), %v; want %.60q (%d bytes), %v",
			by, payload, limit, len(history), got, len(got), err, want, len(want), wantErr)
	}
	after := history
	if wantErr == nil {
		after = append(slices.Clone(history), want...)
	}

	d := received(dir, history)
	got, err := d.Inflate(payload, limit)
	if err != wantErr || err == nil && !bytes.Equal(got, want) || err != nil && got != nil {
		fail("Inflate", got, err)
	}
	if err == nil && !bytes.Equal(d.window.b, lastBytes(after, kept)) {
		t.Errorf("Inflate of %.200x: the window is not the last bytes", payload)
	}
	for _, cuts := range [][]int{nil, cuts, {1}} {
		d := received(dir, history)
		got, err := feed(&d, payload, limit, cuts...)
		if err != wantErr || !bytes.Equal(got, want) {
			fail(fmt.Sprintf("Stream in pieces of %v", cuts), got, err)
		}
		if err == nil && !bytes.Equal(d.window.b, lastBytes(after, kept)) {
			t.Errorf("Stream of %.200x: the window is not the last bytes", payload)
		}
	}
	return want, wantErr
}

// received returns a direction that has received history.
func received(dir Direction, history []byte) Decompressor {
	d := NewDecompressor(dir)
	d.window.keep(history)
	return d
}

func lastBytes(p []byte, n int) []byte { return p[max(0, len(p)-n):] }

// feed inflates a message that arrives in pieces of these sizes, over and over; without any, whole.
// With an error it returns what came before that.
func feed(d *Decompressor, payload []byte, limit int64, sizes ...int) (out []byte, err error) {
	s := d.Stream()
	defer s.Close()
	buf := make([]byte, 1000)
	for i := 0; ; {
		n, err := s.Read(buf)
		if out = append(out, buf[:n]...); limit > 0 && int64(len(out)) > limit {
			return out[:limit+1], ErrTooBig
		}
		switch err {
		case nil:
		case ErrInput:
			size := len(payload)
			if len(sizes) > 0 {
				size = min(size, sizes[i%len(sizes)])
				i++
			}
			s.Feed(payload[:size], size == len(payload))
			payload = payload[size:]
		case io.EOF:
			return out, nil
		default:
			return out, err
		}
	}
}

// RFC 7692, 7.2.3: the examples.
func TestSection723(t *testing.T) {
	const hello = "f248cdc9c90700"
	for _, e := range []struct {
		section, what string
		messages      []string // in hexadecimal, one connection
		want          []string
	}{
		{"7.2.3.1", "one fixed block", []string{hello}, []string{"Hello"}},
		{"7.2.3.2", "without takeover", []string{hello, hello}, []string{"Hello", "Hello"}},
		{"7.2.3.2", "with takeover", []string{hello, "f200110000"}, []string{"Hello", "Hello"}},
		{"7.2.3.3", "no compression", []string{"000500faff48656c6c6f00"}, []string{"Hello"}},
		{"7.2.3.4", "final block", []string{"f348cdc9c9070000"}, []string{"Hello"}},
		{"7.2.3.5", "two blocks", []string{"f248050000 00ffffcac9c90700"}, []string{"Hello"}},
		{"7.2.3.6", "empty fragment", []string{"00"}, []string{""}},
	} {
		var history []byte
		d := NewDecompressor(Direction{Takeover: true, Bits: maxBits})
		for i, m := range e.messages {
			p := unhex(t, m)
			for cut := range len(p) + 1 {
				if got, err := agree(t, p, history, 0, cut, len(p)); string(got) != e.want[i] || err != nil {
					t.Errorf("%s, %s: %q, %v", e.section, e.what, got, err)
				}
			}
			if got, err := d.Inflate(p, 0); string(got) != e.want[i] || err != nil {
				t.Errorf("%s, %s, message %d: %q, %v", e.section, e.what, i, got, err)
			}
			history = append(history, e.want[i]...)
		}
	}
}

// Blocks at the end of a message and between its parts.
func TestBlocks(t *testing.T) {
	all := func(blocks ...func(*bitWriter)) []byte {
		var w bitWriter
		for _, b := range blocks {
			b(&w)
		}
		return w.b
	}
	final := func(b func(*bitWriter)) func(*bitWriter) {
		return func(w *bitWriter) {
			at := w.n
			b(w)
			w.b[at/8] |= 1 << (at % 8)
			w.align()
		}
	}
	fixed := func(symbols ...int) func(*bitWriter) { return func(w *bitWriter) { w.fixed(symbols...) } }
	stored := func(s string) func(*bitWriter) { return func(w *bitWriter) { w.stored(s) } }
	end := func(w *bitWriter) { w.bits(0, 3); w.align() } // of an empty stored block, the header
	const back3, by1, by4 = 257, 0, 3                     // 3 bytes, from 1 or 4 bytes ago
	a, abcd := fixed('a'), fixed('a', 'b', 'c', 'd')

	for _, e := range []struct {
		what string
		p    []byte
		want string
		err  error
	}{
		{"nothing at all", nil, "", ErrCorrupt},
		{"empty stored block", all(end), "", nil},
		{"empty stored block, final", all(final(end)), "", nil},
		{"two empty stored blocks", all(stored(""), end), "", nil},
		{"empty fixed block", all(fixed(), end), "", nil},
		{"empty fixed block, final", all(final(fixed())), "", nil},
		{"empty fixed blocks, final, and more", all(final(fixed()), final(fixed()), end), "", nil},
		{"empty blocks within", all(a, stored(""), fixed(), stored(""), final(stored("")), a, end), "aa", nil},
		{"fixed block whose padding is an empty stored one", all(a), "a", nil},
		{"fixed block with too little padding for that", all(fixed(200, 200, 200, 200)), "", ErrCorrupt},
		{"tail left where it was", all(a, end, func(w *bitWriter) { w.b = append(w.b, tail...) }), "", ErrCorrupt},
		{"half a tail left", all(a, end, func(w *bitWriter) { w.b = append(w.b, 0, 0) }), "", ErrCorrupt},
		{"stored block", all(stored("abc"), end), "abc", nil},
		{"stored block, final", all(final(stored("abc"))), "abc", nil},
		{"stored block, final, flushed", all(final(stored("abc")), end), "abc", nil},
		{"stored block, final, flushed by a final one", all(final(stored("abc")), final(end)), "abc", nil},
		{"stored block that does not end it", all(stored("abc")), "", ErrCorrupt},
		{"stored block whose data is the tail", all(func(w *bitWriter) { w.storedHeader(4, 4) }), "", ErrCorrupt},
		{"stored block whose data ends with the tail", all(func(w *bitWriter) { w.storedHeader(6, 6); w.b = append(w.b, "ab"...) }), "", ErrCorrupt},
		{"stored block whose length needs the tail", all(func(w *bitWriter) { w.bits(0, 3); w.align(); w.b = append(w.b, 0xff) }), "", ErrCorrupt},
		{"stored block, length and complement differ", all(func(w *bitWriter) { w.storedHeader(3, 2); w.b = append(w.b, "abc"...) }, end), "", ErrCorrupt},
		{"final block, padded with ones", all(final(a), func(w *bitWriter) { w.b[2] |= 0xfc }), "a", nil},
		{"final block, padded with ones, and more", all(final(a), func(w *bitWriter) { w.b[2] |= 0xfc }, a, end), "aa", nil},
		{"final block, then one that refers to it", all(final(abcd), fixed(back3, by4), end), "abcdabc", nil},
		{"final stored block, then one that refers to it", all(final(stored("abcd")), fixed(back3, by4), end), "abcdabc", nil},
		{"final block behind a final block", all(final(abcd), final(fixed(back3, by4))), "abcdabc", nil},
		{"run", all(fixed('a', back3, by1), end), "aaaa", nil},
		{"longest match", all(fixed('a', 285, by1), end), string(bytes.Repeat([]byte{'a'}, 259)), nil},
		{"distance before the beginning", all(fixed('a', back3, by4), end), "", ErrCorrupt},
		{"match at the very beginning", all(fixed(back3, by1), end), "", ErrCorrupt},
		{"reserved kind of block", all(func(w *bitWriter) { w.bits(0, 1); w.bits(3, 2); w.align() }, end), "", ErrCorrupt},
		{"length symbol 286", all(fixed('a', 286, by1), end), "", ErrCorrupt},
		{"length symbol 287", all(fixed('a', 287, by1), end), "", ErrCorrupt},
		{"distance symbol 30", all(fixed('a', back3, 30), end), "", ErrCorrupt},
		{"distance symbol 31", all(fixed('a', back3, 31), end), "", ErrCorrupt},
	} {
		if got, err := agree(t, e.p, nil, 0, 2, 3); err != e.err || err == nil && string(got) != e.want {
			t.Errorf("%s: %x: %q, %v; want %q, %v", e.what, e.p, got, err, e.want, e.err)
		}
	}
}

// RFC 1951, 3.2.7: the codes of a dynamic block. Every set of them is used both by itself and behind a
// message with other codes, of which nothing may be left.
func TestDynamicCodes(t *testing.T) {
	two := map[int]int{'a': 2, 'b': 2, 256: 2, 257: 2}
	with := func(codes map[int]int, more ...int) map[int]int {
		m := map[int]int{}
		for s, n := range codes {
			m[s] = n
		}
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	deep := map[int]int{256: 15, 'o': 15}
	for i := range 14 {
		deep['a'+i] = i + 1
	}
	var many []int
	for s := range 256 {
		many = append(many, s, 9)
	}
	before := dynamic(two, map[int]int{0: 1, 1: 1}, "00 01 11 1 10")

	for _, e := range []struct {
		what      string
		literals  map[int]int // length by symbol
		distances map[int]int
		bits      string // of the symbols
		want      string
		err       error
	}{
		{"two distances", two, map[int]int{0: 1, 1: 1}, "00 01 11 1 10", "ababa", nil},
		{"two distances, the other", two, map[int]int{0: 1, 1: 1}, "00 01 11 0 10", "abbbb", nil},
		{"one distance", two, map[int]int{1: 1}, "00 01 11 0 10", "ababa", nil},
		{"one distance, the code that is none", two, map[int]int{1: 1}, "00 01 11 1 10", "", ErrCorrupt},
		{"one distance of two bits", two, map[int]int{1: 2}, "00 01 11 00 10", "", ErrCorrupt},
		{"no distance, none needed", two, nil, "00 01 10", "ab", nil},
		{"no distance, but one used", two, nil, "00 01 11 1 10", "", ErrCorrupt},
		{"too few distances", two, map[int]int{0: 2, 1: 2, 2: 2}, "00 01 10", "", ErrCorrupt},
		{"too many distances", two, map[int]int{0: 1, 1: 1, 2: 1}, "00 01 10", "", ErrCorrupt},
		{"distance symbol 29", two, map[int]int{0: 1, 29: 1}, "00 11 1" + "0000000000000" + "10", "", ErrCorrupt},
		{"distance symbol 30, not used", two, map[int]int{1: 1, 30: 1}, "00 01 11 0 10", "ababa", nil},
		{"distance symbol 30, used", two, map[int]int{1: 1, 30: 1}, "00 01 11 1 10", "", ErrCorrupt},
		{"distance symbol 31, not used", two, map[int]int{1: 1, 31: 1}, "00 01 11 0 10", "ababa", nil},
		{"literal symbol 285", with(two, 257, 0, 285, 2), map[int]int{0: 1}, "00 11 0 10", string(bytes.Repeat([]byte{'a'}, 259)), nil},
		{"literal symbol 286, not used", with(two, 257, 0, 286, 2), nil, "00 01 10", "", ErrCorrupt},
		{"literal symbol 287, and all distances", with(two, 257, 0, 287, 2), map[int]int{0: 1, 31: 1}, "00 01 10", "", ErrCorrupt},
		{"no end of block", with(two, 256, 0, 258, 2), nil, "00 01", "", ErrCorrupt},
		{"nothing but the end of block", map[int]int{256: 1}, nil, "0", "", nil},
		{"nothing but the end of block, the code that is none", map[int]int{256: 1}, nil, "1", "", ErrCorrupt},
		{"end of block in two bits alone", map[int]int{256: 2}, nil, "00", "", ErrCorrupt},
		{"too few literals", with(two, 257, 3), nil, "00 01 10", "", ErrCorrupt},
		{"too many literals", with(two, 258, 2), nil, "00 01 10", "", ErrCorrupt},
		{"codes of 1 to 15 bits", deep, nil, "0 110 11111111110 111111111111110 111111111111111", "acko", nil},
		{"a code of 15 bits too many", with(deep, 'p', 15), nil, "0 110 11111111110 111111111111110 111111111111111", "", ErrCorrupt},
		{"a code of 15 bits too few", with(deep, 'o', 0), nil, "0 110 111111111111110", "", ErrCorrupt},
		{"all literals", with(map[int]int{}, append(many, 256, 1)...), nil, "100000000 111111111 0", "\x00\xff", nil},
	} {
		p := dynamic(e.literals, e.distances, e.bits)
		for _, first := range [][]byte{nil, before} {
			if first != nil {
				d := NewDecompressor(Direction{})
				if _, err := d.Inflate(first, 0); err != nil {
					t.Fatal(err)
				}
				want, _ := oracle(first, nil, maxWindow, 0)
				got, err := d.Inflate(slices.Concat(first, tail, p), 0)
				if err != e.err || err == nil && string(got) != string(want)+e.want {
					t.Errorf("%s, behind a block: %q, %v", e.what, got, err)
				}
			}
			if got, err := agree(t, p, nil, 0, 1, 2); err != e.err || err == nil && string(got) != e.want {
				t.Errorf("%s: %x: %q, %v; want %q, %v", e.what, p, got, err, e.want, e.err)
			}
		}
	}
}

// Symbols of as many bits as there can be, at every offset.
func TestLongestSymbols(t *testing.T) {
	// Codes of 1 to 15 bits, of which the last, all ones, has the symbol with the highest number.
	deep := func(highest, lowest int) map[int]int {
		codes := map[int]int{highest: 15, highest - 1: 15}
		for n := 1; n <= 14; n++ {
			codes[lowest+n] = n
		}
		return codes
	}
	literals, distances := deep(284, 'a'), deep(29, 0)
	delete(literals, 283)
	literals[256] = 15
	const end, length, distance = "111111111111110", "111111111111111", "111111111111111"
	content := ""
	for n := 1; n <= 14; n++ {
		literal := strings.Repeat("1", n-1) + "0"
		for range 3 {
			content += literal + length + "01010" + distance + "0101010101011"
		}
	}
	p := dynamic(literals, distances, content+end)
	if got, err := agree(t, p, samples()["noise"], 0, 5, 6, 7); err != nil || len(got) != 14*3*(1+227+10) {
		t.Errorf("%v, %d bytes", err, len(got))
	}
}

// The longest match from the largest distance, wherever that comes to lie.
func TestLongestMatches(t *testing.T) {
	noise := samples()["noise"]
	for _, around := range []int{maxWindow, 2*maxWindow - maxMatch, 2 * maxWindow, 3*maxWindow - maxMatch, 3 * maxWindow} {
		for n := around - 4; n <= around+4 && n <= len(noise); n++ {
			var w bitWriter
			for rest := noise[:n]; len(rest) > 0; {
				piece := rest[:min(len(rest), 65535)]
				w.stored(string(piece))
				rest = rest[len(piece):]
			}
			w.bits(1<<1, 3) // a fixed block: symbol 285, distance symbol 29 with all extra bits, the end
			w.code("11000101" + "11101" + "1111111111111" + "0000000")
			w.bits(0, 3)
			want := noise[:n]
			if n >= maxWindow {
				want = slices.Concat(want, noise[n-maxWindow:][:maxMatch])
			}
			got, err := agree(t, w.b, nil, 0, 30_000)
			if n < maxWindow && err != ErrCorrupt || n >= maxWindow && (err != nil || !bytes.Equal(got, want)) {
				t.Errorf("after %d bytes: %v, %d bytes", n, err, len(got))
			}
		}
	}
}

// Headers of dynamic blocks that can't be made by dynamic.
func TestDynamicHeader(t *testing.T) {
	for _, e := range []struct {
		what    string
		literal int
		lengths []int // of the codes 16, 17, 18, 0, 8, ... for lengths
		codes   string
	}{
		{"287 literals", 287, []int{1, 0, 0, 1}, ""},
		{"288 literals", 288, []int{1, 0, 0, 1}, ""},
		{"no code for lengths", 257, []int{0, 0, 0, 0}, ""},
		{"one code for lengths", 257, []int{0, 0, 1, 0}, "0 1111111 0 1111111"},
		{"too many codes for lengths", 257, []int{1, 1, 1, 0}, ""},
		{"too few codes for lengths", 257, []int{2, 2, 2, 0}, ""},
		{"repeats what is not there", 257, []int{1, 0, 0, 1}, "1 00"},
		{"zeros beyond the last", 257, []int{0, 0, 1, 1}, "1 1111111 1 1111111"},
	} {
		var w bitWriter
		w.bits(0, 1)
		w.bits(2, 2)
		w.bits(e.literal-257, 5)
		w.bits(0, 5)
		w.bits(len(e.lengths)-4, 4)
		for _, n := range e.lengths {
			w.bits(n, 3)
		}
		w.code(e.codes)
		w.b = append(w.b, make([]byte, 100)...)
		if got, err := agree(t, w.b, nil, 0, 1, 2); err != ErrCorrupt {
			t.Errorf("%s: %q, %v", e.what, got, err)
		}
	}
}

// A message cut anywhere is never that message, and what it begins with only where an empty block ends.
func TestTruncation(t *testing.T) {
	for level := 1; level <= 9; level++ {
		for name, text := range samples() {
			text = text[:min(len(text), 500)]
			p := Kind{level, maxBits}.Append(nil, text)
			for cut := range p {
				got, err := agree(t, p[:cut], nil, 0, 7, 1)
				if err == nil && (len(got) >= len(text) && len(text) > 0 || p[cut-1] != 0) {
					t.Errorf("level %d, %s, cut at %d of %d: %d bytes of %d", level, name, cut, len(p), len(got), len(text))
				}
			}
			if got, err := agree(t, p, nil, 0, 11); err != nil || !bytes.Equal(got, text) {
				t.Errorf("level %d, %s: %v", level, name, err)
			}
		}
	}
}

// The limit counts inflated bytes, and holds however a message comes to have them.
func TestLimit(t *testing.T) {
	for name, text := range samples() {
		text = text[:min(len(text), 70_000)]
		for _, level := range []int{1, 6, 9} {
			p := Kind{level, maxBits}.Append(nil, text)
			n := int64(len(text))
			for limit, want := range map[int64]error{0: nil, 1: ErrTooBig, n / 2: ErrTooBig, n - 1: ErrTooBig, n: nil, n + 1: nil} {
				if limit >= n || limit <= 0 {
					want = nil
				}
				if _, err := agree(t, p, nil, max(limit, 0), 1000); err != want {
					t.Errorf("%s, level %d: limit %d of %d: %v", name, level, limit, n, err)
				}
			}
		}
	}
}

// Junk gives ErrCorrupt or, by chance, something that the oracle makes of it too.
func TestJunk(t *testing.T) {
	noise := samples()["noise"]
	messages := 0
	for i := range 3000 {
		if _, err := agree(t, noise[i*7:][:i%97], noise[:i], 5000, i%5+1); err == nil {
			messages++
		}
	}
	t.Logf("%d of 3000 are the compressed form of something", messages)
	// Valid messages with one bit changed come further than noise does.
	for _, level := range []int{1, 5, 9} {
		p := Kind{level, maxBits}.Append(nil, samples()["records"][:500])
		for i := range 8 * len(p) {
			q := slices.Clone(p)
			q[i/8] ^= 1 << (i % 8)
			agree(t, q, nil, 5000, 3)
		}
	}
}

// A stream can be given up in any state, and is over then.
func TestStreamClose(t *testing.T) {
	p := Kind{6, maxBits}.Append(nil, samples()["letters"])
	d := received(Direction{Takeover: true, Bits: 12}, nil)
	for _, fed := range []int{-1, 0, 1, 50, 3000, len(p)} {
		for _, reads := range []int{0, 1, 5, 1000} {
			s := d.Stream()
			if fed >= 0 {
				s.Feed(p[:fed], fed == len(p))
			}
			for range reads {
				s.Read(make([]byte, 777))
			}
			s.Close()
			s.Feed(p, true)
			if n, err := s.Read(make([]byte, 10)); n != 0 || !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("fed %d, %d reads: Read after Close: %d, %v", fed, reads, n, err)
			}
			s.Close()
		}
	}
	for what, want := range map[string]error{"f248cdc9c90700": io.EOF, "f248cdc9c907": ErrCorrupt} {
		s := d.Stream()
		s.Feed(unhex(t, what), true)
		io.ReadAll(s)
		for range 2 {
			if n, err := s.Read(make([]byte, 10)); n != 0 || err != want {
				t.Errorf("%s: Read after the end: %d, %v; want %v", what, n, err, want)
			}
		}
	}
}
