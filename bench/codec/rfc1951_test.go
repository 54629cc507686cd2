package main

import (
	"errors"
	"fmt"
)

// This file is an inflater of its own, written after RFC 1951 alone. It is slow
// and strict: it checks what the fast ones have no reason to check, whether a
// distance stays within the window that was agreed on.

var (
	errShort  = errors.New("input ends within a block")
	errTooFar = errors.New("distance beyond the window")
)

// bitReader reads the bits of a DEFLATE stream, lowest first (section 3.1.1).
type bitReader struct {
	src []byte
	pos int // in bits
}

func (r *bitReader) bit() (int, error) {
	if r.pos/8 >= len(r.src) {
		return 0, errShort
	}
	b := int(r.src[r.pos/8]>>(r.pos%8)) & 1
	r.pos++
	return b, nil
}

func (r *bitReader) bits(n int) (v int, err error) {
	for i := range n {
		b, err := r.bit()
		if err != nil {
			return 0, err
		}
		v |= b << i
	}
	return v, nil
}

// huffman maps a code, written as its length and value, to its symbol.
type huffman map[[2]int]int

// newHuffman assigns codes to lengths as section 3.2.2 says.
func newHuffman(lengths []int) huffman {
	var count [16]int
	for _, n := range lengths {
		count[n]++
	}
	count[0] = 0
	var next [16]int
	for n := 1; n < len(next); n++ {
		next[n] = (next[n-1] + count[n-1]) << 1
	}
	h := make(huffman)
	for symbol, n := range lengths {
		if n > 0 {
			h[[2]int{n, next[n]}] = symbol
			next[n]++
		}
	}
	return h
}

// symbol reads one code. Codes are packed with their highest bit first.
func (r *bitReader) symbol(h huffman) (int, error) {
	code := 0
	for n := 1; n <= 15; n++ {
		b, err := r.bit()
		if err != nil {
			return 0, err
		}
		code = code<<1 | b
		if s, ok := h[[2]int{n, code}]; ok {
			return s, nil
		}
	}
	return 0, errors.New("a code that stands for nothing")
}

// The tables of section 3.2.5.
var (
	lengthBase   = []int{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra  = []int{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	codeLenOrder = []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
)

// distanceCode returns the base and the number of extra bits of a distance code.
func distanceCode(code int) (base, extra int) {
	if code < 4 {
		return code + 1, 0
	}
	extra = code/2 - 1
	return (2+code%2)<<extra + 1, extra
}

// fixedCodes returns the codes of section 3.2.6.
func fixedCodes() (literals, distances huffman) {
	lengths := make([]int, 288)
	for i := range lengths {
		switch {
		case i < 144, i >= 280:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		default:
			lengths[i] = 7
		}
	}
	five := make([]int, 30)
	for i := range five {
		five[i] = 5
	}
	return newHuffman(lengths), newHuffman(five)
}

// dynamicCodes reads the codes at the beginning of a block (section 3.2.7).
func (r *bitReader) dynamicCodes() (literals, distances huffman, err error) {
	var counts [3]int
	for i, n := range []int{5, 5, 4} {
		if counts[i], err = r.bits(n); err != nil {
			return nil, nil, err
		}
	}
	nLiterals, nDistances, nLengths := counts[0]+257, counts[1]+1, counts[2]+4
	codeLengths := make([]int, len(codeLenOrder))
	for _, at := range codeLenOrder[:nLengths] {
		if codeLengths[at], err = r.bits(3); err != nil {
			return nil, nil, err
		}
	}
	code := newHuffman(codeLengths)
	var lengths []int
	for len(lengths) < nLiterals+nDistances {
		symbol, err := r.symbol(code)
		if err != nil {
			return nil, nil, err
		}
		value, repeat := symbol, 1
		switch symbol {
		case 16:
			if len(lengths) == 0 {
				return nil, nil, errors.New("nothing to repeat")
			}
			repeat, err = r.bits(2)
			value, repeat = lengths[len(lengths)-1], repeat+3
		case 17:
			repeat, err = r.bits(3)
			value, repeat = 0, repeat+3
		case 18:
			repeat, err = r.bits(7)
			value, repeat = 0, repeat+11
		}
		if err != nil {
			return nil, nil, err
		}
		for range repeat {
			lengths = append(lengths, value)
		}
	}
	if len(lengths) > nLiterals+nDistances {
		return nil, nil, errors.New("more code lengths than announced")
	}
	return newHuffman(lengths[:nLiterals]), newHuffman(lengths[nLiterals:]), nil
}

// inflateStrictly inflates whole blocks that follow the output history, until
// src is used up, and returns the history with what is new. A distance beyond
// window is an error, also where the history would reach so far back.
func inflateStrictly(history, src []byte, window int) ([]byte, error) {
	r, out := &bitReader{src: src}, history
	for r.pos < 8*len(src) {
		header, err := r.bits(3)
		if err != nil {
			return nil, err
		}
		var literals, distances huffman
		switch header >> 1 {
		case 0:
			if out, err = r.stored(out); err != nil {
				return nil, err
			}
			continue
		case 1:
			literals, distances = fixedCodes()
		case 2:
			if literals, distances, err = r.dynamicCodes(); err != nil {
				return nil, err
			}
		default:
			return nil, errors.New("reserved type of block")
		}
		if out, err = r.block(out, literals, distances, window); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// stored copies a block without compression (section 3.2.4).
func (r *bitReader) stored(out []byte) ([]byte, error) {
	at := (r.pos + 7) / 8
	if at+4 > len(r.src) {
		return nil, errShort
	}
	n := int(r.src[at]) | int(r.src[at+1])<<8
	if inverse := int(r.src[at+2]) | int(r.src[at+3])<<8; n^inverse != 0xffff {
		return nil, errors.New("LEN and NLEN do not match")
	}
	if at += 4; at+n > len(r.src) {
		return nil, errShort
	}
	r.pos = 8 * (at + n)
	return append(out, r.src[at:at+n]...), nil
}

// block decodes what follows the codes of a block, to its end (section 3.2.3).
func (r *bitReader) block(out []byte, literals, distances huffman, window int) ([]byte, error) {
	for {
		symbol, err := r.symbol(literals)
		if err != nil {
			return nil, err
		}
		switch {
		case symbol < 256:
			out = append(out, byte(symbol))
			continue
		case symbol == 256:
			return out, nil
		case symbol-257 >= len(lengthBase):
			return nil, fmt.Errorf("length code %d", symbol)
		}
		length, err := r.bits(lengthExtra[symbol-257])
		if err != nil {
			return nil, err
		}
		length += lengthBase[symbol-257]
		code, err := r.symbol(distances)
		if err != nil {
			return nil, err
		}
		base, extra := distanceCode(code)
		distance, err := r.bits(extra)
		if err != nil {
			return nil, err
		}
		distance += base
		if distance > min(window, len(out)) {
			return nil, fmt.Errorf("%w: %d at offset %d, window %d", errTooFar, distance, len(out), window)
		}
		for range length {
			out = append(out, out[len(out)-distance])
		}
	}
}
