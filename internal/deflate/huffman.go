package deflate

import "math/bits"

// The longest code that is found by one look into a table, and the longest there is.
const (
	tableBits = 9
	maxCode   = 15
)

// code is the code of a symbol: symbol<<4 | length. 0 is none.
type code uint16

func (c code) symbol() int  { return int(c >> 4) }
func (c code) length() uint { return uint(c & 15) }

// huffman is a set of codes (RFC 1951, 3.2.2).
type huffman struct {
	// table has the code for all that may come next, or 0: it is longer, or none.
	table [1 << tableBits]code
	// symbols are those with a code, from the shortest code to the longest; count is how many there
	// are of each length.
	symbols [288]uint16
	count   [maxCode + 1]uint16
}

// How a set of codes uses the room there is.
const (
	broken   = iota // more codes than there is room for, or room without a code
	complete        // no room without a code
	lone            // one code of one bit
	none            // no code
)

// build makes the codes from the length of each symbol's; 0 is none.
func (h *huffman) build(lengths []byte) int {
	h.count = [maxCode + 1]uint16{}
	for _, n := range lengths {
		h.count[n]++
	}
	used := len(lengths) - int(h.count[0])
	h.count[0] = 0

	var value [maxCode + 1]int  // the next of each length
	var symbol [maxCode + 1]int // its place in symbols
	room := 1                   // for codes of the length under way
	for n := 1; n <= maxCode; n++ {
		value[n] = (value[n-1] + int(h.count[n-1])) << 1
		symbol[n] = symbol[n-1] + int(h.count[n-1])
		if room = room<<1 - int(h.count[n]); room < 0 {
			return broken
		}
	}
	clear(h.table[:])
	for s, n := range lengths {
		if n == 0 {
			continue
		}
		h.symbols[symbol[n]] = uint16(s)
		symbol[n]++
		if n <= tableBits {
			// "Huffman codes are packed starting with the most-significant bit" (section 3.1.1).
			first := bits.Reverse16(uint16(value[n])) >> (16 - n)
			for i := int(first); i < len(h.table); i += 1 << n {
				h.table[i] = code(s)<<4 | code(n)
			}
		}
		value[n]++
	}
	switch {
	case room == 0:
		return complete
	case used == 0:
		return none
	case used == 1 && h.count[1] == 1:
		return lone
	}
	return broken
}

// next returns the code that b begins with; 0 is none.
func (h *huffman) next(b uint64) code {
	if c := h.table[b%(1<<tableBits)]; c != 0 {
		return c
	}
	return h.search(b)
}

// search is next without the table: codes of one length are consecutive, and follow the shorter ones.
// It is kept out of next so that that is inlined.
//
//go:noinline
func (h *huffman) search(b uint64) code {
	bits, first, place := 0, 0, 0
	for n := 1; n <= maxCode; n++ {
		bits = bits<<1 | int(b&1)
		b >>= 1
		count := int(h.count[n])
		if bits-first < count {
			return code(int(h.symbols[place+bits-first])<<4 | n)
		}
		place += count
		first = (first + count) << 1
	}
	return 0
}

// The codes of section 3.2.6.
var fixedLiterals, fixedDistances = func() (l, d huffman) {
	var lengths [288]byte
	for s := range lengths {
		switch {
		case s < 144:
			lengths[s] = 8
		case s < 256:
			lengths[s] = 9
		case s < 280:
			lengths[s] = 7
		default:
			lengths[s] = 8
		}
	}
	l.build(lengths[:])
	for s := range 32 {
		lengths[s] = 5
	}
	d.build(lengths[:32])
	return l, d
}()

// span is what a symbol stands for: a number from base on, by extra bits.
type span struct{ base, extra uint16 }

// The symbols of section 3.2.5: lengths from 257 on, and distances.
var (
	lengthSpans   = append(spans(3, 4, 28), span{258, 0})
	distanceSpans = spans(1, 2, 30)
)

// spans returns spans that lie end to end, so many of each number of extra bits, except that twice
// as many have none.
func spans(base, each, total int) []span {
	all := make([]span, total)
	for i := range all {
		extra := max(i/each-1, 0)
		all[i] = span{uint16(base), uint16(extra)}
		base += 1 << extra
	}
	return all
}
