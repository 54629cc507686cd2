package conformance

import (
	"bytes"
	"compress/flate"
)

// The numbers of RFC 1951, section 3.2.5 to 3.2.7.
const (
	endOfBlock    = 256
	longestMatch  = 258
	largestWindow = 1 << 15
)

var (
	lengthBase    = []int{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra   = []int{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distanceBase  = []int{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	distanceExtra = []int{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
	codeOrder     = []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

	fixedLengths   = newCode(fixedBits())
	fixedDistances = newCode(bytesToInts(bytes.Repeat([]byte{5}, 30)))
)

// fixedBits are the lengths of the fixed code for literals and match lengths.
func fixedBits() []int {
	var b []byte
	for _, v := range []struct {
		bits byte
		n    int
	}{{8, 144}, {9, 112}, {7, 24}, {8, 8}} {
		b = append(b, bytes.Repeat([]byte{v.bits}, v.n)...)
	}
	return bytesToInts(b)
}

func bytesToInts(b []byte) []int {
	n := make([]int, len(b))
	for i, c := range b {
		n[i] = int(c)
	}
	return n
}

// code is a Huffman code, made of the lengths of its symbols (section 3.2.2).
type code struct {
	lens    []int
	values  []int   // what stands for each symbol
	count   [16]int // symbols by length
	symbols []int   // by length, then by number
	missing int     // unused parts of 1<<15; negative where codes overlap
}

func newCode(lens []int) *code {
	c := &code{lens: lens, values: make([]int, len(lens)), missing: 1 << 15}
	next := 0
	for length := 1; length <= 15; length++ {
		for symbol, n := range lens {
			if n == length {
				c.values[symbol] = next
				next++
				c.count[length]++
				c.symbols = append(c.symbols, symbol)
				c.missing -= 1 << (15 - length)
			}
		}
		next <<= 1
	}
	return c
}

// token is a literal byte or, with a length, a match.
type token struct {
	literal          byte
	length, distance int
}

func literals(s string) []token {
	t := make([]token, len(s))
	for i := range len(s) {
		t[i].literal = s[i]
	}
	return t
}

func match(length, distance int) token { return token{length: length, distance: distance} }

// blocks writes DEFLATE blocks, every part of which may be wrong. Its methods return it.
type blocks struct {
	b    []byte
	free int // unused bits of the last byte
}

// bits writes the n lowest bits of v, the lowest first.
func (w *blocks) bits(v, n int) *blocks {
	for i := range n {
		if w.free == 0 {
			w.b, w.free = append(w.b, 0), 8
		}
		w.b[len(w.b)-1] |= byte(v>>i&1) << (8 - w.free)
		w.free--
	}
	return w
}

// huffman writes the symbol of a code, the highest bit first.
func (w *blocks) huffman(c *code, symbol int) *blocks {
	for i := c.lens[symbol] - 1; i >= 0; i-- {
		w.bits(c.values[symbol]>>i, 1)
	}
	return w
}

func (w *blocks) align() *blocks { w.free = 0; return w }

// header writes the start of a block: final is 1 for one with BFINAL set.
func (w *blocks) header(final, kind int) *blocks { return w.bits(final, 1).bits(kind, 2) }

// stored writes a block without compression.
func (w *blocks) stored(final int, data string) *blocks {
	w.header(final, 0).align().bits(len(data), 16).bits(len(data)^0xffff, 16)
	w.b = append(w.b, data...)
	return w
}

// fixed writes a block with the fixed codes. Padding follows a final one.
func (w *blocks) fixed(final int, tokens ...token) *blocks {
	w.header(final, 1).tokens(tokens).huffman(fixedLengths, endOfBlock)
	if final == 1 {
		w.align()
	}
	return w
}

// tokens writes literals and matches with the fixed codes.
func (w *blocks) tokens(tokens []token) *blocks {
	for _, t := range tokens {
		if t.length == 0 {
			w.huffman(fixedLengths, int(t.literal))
			continue
		}
		w.coded(fixedLengths, endOfBlock+1, lengthBase, lengthExtra, t.length)
		w.coded(fixedDistances, 0, distanceBase, distanceExtra, t.distance)
	}
	return w
}

// coded writes a length or a distance.
func (w *blocks) coded(c *code, first int, base, extra []int, v int) {
	i := len(base) - 1
	for base[i] > v {
		i--
	}
	w.huffman(c, first+i).bits(v-base[i], extra[i])
}

// message is the payload of a message: the blocks, and an empty one without its last four bytes.
func (w *blocks) message() []byte { return w.header(0, 0).align().b }

// greedy finds tokens for data that reach back no further than the window into data and into the
// history before it.
func greedy(history, data []byte, window int) []token {
	all := append(bytes.Clone(history), data...)
	last := map[[3]byte]int{} // where three bytes stood
	var tokens []token
	note := func(i int) {
		if i+3 <= len(all) {
			last[[3]byte(all[i:])] = i
		}
	}
	for i := range history {
		note(i)
	}
	for i := len(history); i < len(all); {
		t := token{literal: all[i]}
		if i+3 <= len(all) {
			if from, ok := last[[3]byte(all[i:])]; ok && i-from <= window {
				n := 3
				for n < longestMatch && i+n < len(all) && all[from+n] == all[i+n] {
					n++
				}
				t = match(n, i-from)
			}
		}
		tokens = append(tokens, t)
		for range max(1, t.length) {
			note(i)
			i++
		}
	}
	return tokens
}

// deflated is the payload of a message, made by the standard library, which reaches back into
// what was compressed before as far as it likes.
func deflated(level int, history, data []byte) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriterDict(&b, level, history)
	if err != nil {
		panic(err) // a level that does not exist
	}
	w.Write(data)
	w.Flush()
	return b.Bytes()[:b.Len()-4]
}
