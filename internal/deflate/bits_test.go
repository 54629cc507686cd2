package deflate

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var tail = []byte{0x00, 0x00, 0xff, 0xff}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	p, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// bitWriter writes DEFLATE blocks by hand.
type bitWriter struct {
	b []byte
	n int // bits written; those of whole bytes that were appended to b are not counted
}

// bits writes a number, its lowest bit first.
func (w *bitWriter) bits(v, n int) {
	if w.n%8 == 0 {
		w.n = 8 * len(w.b)
	}
	for i := range n {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n/8] |= byte(v>>i&1) << (w.n % 8)
		w.n++
	}
}

// code writes binary digits as they stand there.
func (w *bitWriter) code(digits string) {
	for _, c := range strings.ReplaceAll(digits, " ", "") {
		w.bits(int(c-'0'), 1)
	}
}

func (w *bitWriter) align() { w.n = 8 * len(w.b) }

func (w *bitWriter) storedHeader(length, complementOf int) {
	w.bits(0, 3)
	w.align()
	w.bits(length, 16)
	w.bits(complementOf^0xffff, 16)
}

func (w *bitWriter) stored(s string) {
	w.storedHeader(len(s), len(s))
	w.b = append(w.b, s...)
	w.align()
}

// fixed writes a block of fixed codes (RFC 1951, 3.2.6) without extra bits; behind a length symbol
// comes a distance symbol.
func (w *bitWriter) fixed(symbols ...int) {
	w.bits(0, 1)
	w.bits(1, 2)
	literals, distances := oracleFixed()
	put := func(codes map[int]int, symbol int) {
		for code, s := range codes {
			if s == symbol {
				w.code(strconv.FormatInt(int64(code), 2)[1:])
			}
		}
	}
	for i := 0; i < len(symbols); i++ {
		put(literals, symbols[i])
		if symbols[i] > 256 {
			i++
			put(distances, symbols[i])
		}
	}
	put(literals, 256)
}

// dynamic returns a message of one block with codes of these lengths, by symbol. Its content is in
// binary digits.
func dynamic(literals, distances map[int]int, content string) []byte {
	list := func(codes map[int]int, n int) (lengths []int) {
		for s := range codes {
			n = max(n, s+1)
		}
		for s := range n {
			lengths = append(lengths, codes[s])
		}
		return lengths
	}
	l, d := list(literals, 257), list(distances, 1)
	var w bitWriter
	w.bits(0, 1)
	w.bits(2, 2)
	w.bits(len(l)-257, 5)
	w.bits(len(d)-1, 5)
	// The lengths 0 to 15 have codes of 4 bits each, in order: these are their binary digits.
	w.bits(19-4, 4)
	for i := range 19 {
		if i < 3 {
			w.bits(0, 3)
		} else {
			w.bits(4, 3)
		}
	}
	for _, n := range slices.Concat(l, d) {
		for i := range 4 {
			w.bits(n>>(3-i), 1)
		}
	}
	w.code(content)
	w.bits(0, 3) // an empty stored block
	return w.b
}
