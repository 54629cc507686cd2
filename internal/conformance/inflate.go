package conformance

import (
	"cmp"
	"fmt"
	"slices"
)

// inflater decompresses the messages of one direction as RFC 7692, section 7.2.2, and RFC 1951
// have it: bit by bit, and with exactly the window that was agreed. It takes nothing that a
// decompressor with that window could not.
type inflater struct {
	window  int    // how many bytes a match may reach back
	forgets bool   // no context is taken over
	history []byte // the end of what was inflated before
	limit   int    // of the bytes of a message; largestFrame if 0
}

// inflateError is what the methods of a reading panic with; inflate returns it.
type inflateError string

func (e inflateError) Error() string { return string(e) }

func damaged(format string, args ...any) { panic(inflateError(fmt.Sprintf(format, args...))) }

// errInflated is the error of a message that exceeds the limit.
const errInflated = inflateError("stands for more bytes than it may")

// errUnended is the error of a message that is DEFLATE, but not what section 7.2.1 makes.
const errUnended = inflateError("does not end with an empty block without compression")

// inflate returns what the payload of a compressed message stands for.
func (z *inflater) inflate(payload []byte) (data []byte, err error) {
	if z.forgets {
		z.history = nil
	}
	r := &reading{in: append(slices.Clone(payload), 0, 0, 0xff, 0xff), out: slices.Clone(z.history), window: z.window}
	r.most = len(r.out) + cmp.Or(z.limit, largestFrame)
	defer func() {
		if p := recover(); p != nil {
			e, ok := p.(inflateError)
			if !ok {
				panic(p)
			}
			data, err = nil, e
		}
	}()
	ended := false // with the empty block whose end the sender took away
	for r.at < 8*len(r.in) {
		ended = r.block()
	}
	if !ended {
		panic(errUnended)
	}
	data = r.out[len(z.history):]
	z.history = r.out[max(0, len(r.out)-largestWindow):]
	return data, nil
}

// reading is one message being inflated.
type reading struct {
	in     []byte
	at     int // the next bit of in
	out    []byte
	window int
	most   int // bytes of out
}

// bits returns the next n bits, the first of them lowest.
func (r *reading) bits(n int) int {
	v := 0
	for i := range n {
		if r.at == 8*len(r.in) {
			damaged("ends within a block")
		}
		v |= int(r.in[r.at/8]>>(r.at%8)&1) << i
		r.at++
	}
	return v
}

// align goes on with the next whole byte.
func (r *reading) align() { r.at = (r.at + 7) / 8 * 8 }

// block inflates one block and tells whether it was empty and without compression.
func (r *reading) block() (emptyStored bool) {
	final := r.bits(1) == 1
	switch r.bits(2) {
	case 0:
		emptyStored = r.stored() == 0
	case 1:
		r.coded(fixedLengths, fixedDistances)
	case 2:
		r.coded(r.codes())
	default:
		damaged("has a block of the reserved type")
	}
	if final {
		r.align() // RFC 7692, 7.2.1: padding follows a final block, and perhaps another block
	}
	return emptyStored
}

func (r *reading) stored() (length int) {
	r.align()
	length = r.bits(16)
	if r.bits(16) != length^0xffff {
		damaged("has a block whose length does not match its complement")
	}
	for range length {
		r.out = append(r.out, byte(r.bits(8)))
	}
	return length
}

// coded inflates symbols up to the end of their block.
func (r *reading) coded(lengths, distances *code) {
	for {
		symbol := r.symbol(lengths)
		if symbol == endOfBlock {
			return
		}
		if len(r.out) > r.most {
			panic(errInflated)
		}
		if symbol < endOfBlock {
			r.out = append(r.out, byte(symbol))
			continue
		}
		if symbol -= endOfBlock + 1; symbol >= len(lengthBase) {
			damaged("has a length that does not exist")
		}
		length := lengthBase[symbol] + r.bits(lengthExtra[symbol])
		if symbol = r.symbol(distances); symbol >= len(distanceBase) {
			damaged("has a distance that does not exist")
		}
		distance := distanceBase[symbol] + r.bits(distanceExtra[symbol])
		switch {
		case distance > r.window:
			damaged("reaches %d bytes back, and the window has %d", distance, r.window)
		case distance > len(r.out):
			damaged("reaches %d bytes back, where only %d are known", distance, len(r.out))
		}
		for range length {
			r.out = append(r.out, r.out[len(r.out)-distance])
		}
	}
}

// codes reads the two codes at the start of a dynamic block.
func (r *reading) codes() (lengths, distances *code) {
	nlen, ndist, nclen := r.bits(5)+257, r.bits(5)+1, r.bits(4)+4
	if nlen > 286 || ndist > 30 {
		damaged("has a code with too many symbols")
	}
	var clens [19]int
	for i := range nclen {
		clens[codeOrder[i]] = r.bits(3)
	}
	meta := newCode(clens[:])
	if meta.missing != 0 {
		damaged("has a code with unused or overlapping parts")
	}
	var lens []int
	for len(lens) < nlen+ndist {
		value, times := 0, 1
		switch symbol := r.symbol(meta); symbol {
		case 16:
			if len(lens) == 0 {
				damaged("repeats a code length before there is one")
			}
			value, times = lens[len(lens)-1], 3+r.bits(2)
		case 17:
			times = 3 + r.bits(3)
		case 18:
			times = 11 + r.bits(7)
		default:
			value = symbol
		}
		lens = append(lens, slices.Repeat([]int{value}, times)...)
	}
	if len(lens) > nlen+ndist {
		damaged("repeats a code length too often")
	}
	if lens[endOfBlock] == 0 {
		damaged("has no code for the end of a block")
	}
	lengths, distances = newCode(lens[:nlen]), newCode(lens[nlen:])
	for _, c := range []*code{lengths, distances} {
		// Only a single symbol may leave a code incomplete; and there may be no distance at all.
		single := c.count[1] == 1 && len(c.symbols) == 1 || c == distances && len(c.symbols) == 0
		if c.missing < 0 || c.missing > 0 && !single {
			damaged("has a code with unused or overlapping parts")
		}
	}
	return lengths, distances
}

// symbol reads one symbol of a code.
func (r *reading) symbol(c *code) int {
	v, first, index := 0, 0, 0
	for length := 1; length <= 15; length++ {
		v |= r.bits(1)
		n := c.count[length]
		if v-first < n {
			return c.symbols[index+v-first]
		}
		index, first, v = index+n, (first+n)<<1, v<<1
	}
	damaged("has a code that stands for nothing")
	return 0
}
