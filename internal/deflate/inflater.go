package deflate

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
)

var (
	// ErrCorrupt says that a message is not the compressed form of anything.
	ErrCorrupt = errors.New("compressed message is corrupt or cut")
	// ErrInput says that a [Stream] has to be fed before it can go on.
	ErrInput = errors.New("more input is needed")
)

const (
	maxWindow = 1 << maxBits
	maxMatch  = 258
	endBlock  = 256         // the symbol
	tooFar    = math.MaxInt // a distance
)

// inflater inflates one message, which it may be given cut anywhere. Whatever it lacks input for it
// does not begin, so between any two of its steps it can be left, and entered again.
type inflater struct {
	p     []byte // input that was not taken yet
	last  bool   // and no more follows
	b     uint64 // bits that were taken and not used yet, the next one lowest
	n     uint   // how many
	state func(*inflater) error
	final bool // no block of the same stream follows the one under way

	stored int // bytes left of a stored block

	// The codes of a dynamic block: how many are for literals, how many there are in all, and how many
	// code the lengths of these; the lengths, and how many are known.
	literals, codes, lengthCodes int
	lengths                      [286 + 32]byte
	known                        int

	lit, dist *huffman   // the codes of the block
	dynamic   [2]huffman // where they are those of a dynamic one

	// What the message may refer to: w bytes, of which the last are its own.
	buf [2 * maxWindow]byte
	w   int
}

// begin begins a message that follows history.
func (z *inflater) begin(history []byte) {
	z.feed(nil, false)
	z.b, z.n = 0, 0
	z.state, z.final = (*inflater).header, false
	z.w = copy(z.buf[:], history)
}

// feed gives input when there is none left; last says that none follows.
func (z *inflater) feed(p []byte, last bool) { z.p, z.last = p, last }

// next returns what comes next of the message, until it is called again. The error is io.EOF at its end,
// [ErrInput] when there is nothing more without more input, or [ErrCorrupt].
func (z *inflater) next() (out []byte, err error) {
	if len(z.buf)-z.w < maxMatch {
		z.w = copy(z.buf[:maxWindow], z.buf[z.w-maxWindow:z.w])
	}
	from := z.w
	for err == nil && len(z.buf)-z.w >= maxMatch {
		err = z.state(z)
	}
	return z.buf[from:z.w], err
}

// need sees to it that at least so many bits are taken, if they are there.
func (z *inflater) need(n uint) bool {
	for z.n < n && len(z.p) > 0 {
		z.b |= uint64(z.p[0]) << z.n
		z.n += 8
		z.p = z.p[1:]
	}
	return z.n >= n
}

// take returns bits that are needed.
func (z *inflater) take(n uint) int {
	v := z.b & (1<<n - 1)
	z.b >>= n
	z.n -= n
	return int(v)
}

// short returns what it means that the input does not suffice; whole says whether the message may end
// here.
func (z *inflater) short(whole bool) error {
	switch {
	case !z.last:
		return ErrInput
	case whole:
		return io.EOF
	}
	return ErrCorrupt
}

// header begins a block (RFC 1951, 3.2.3).
func (z *inflater) header() error {
	if !z.need(3) {
		// A message may end with a final block, and has nothing to be relieved of then.
		return z.short(z.final && z.n == 0)
	}
	z.final = z.take(1) == 1
	switch z.take(2) {
	case 0:
		z.take(z.n % 8)
		z.state = (*inflater).storedLength
	case 1:
		z.lit, z.dist = &fixedLiterals, &fixedDistances
		z.state = (*inflater).symbols
	case 2:
		z.state = (*inflater).counts
	default:
		return ErrCorrupt
	}
	return nil
}

// blockEnd goes on behind a block. A final one is padded, and "the next DEFLATE block follows the
// padded data if any" (section 7.2.1).
func (z *inflater) blockEnd() error {
	if z.final {
		z.take(z.n % 8)
	}
	z.state = (*inflater).header
	return nil
}

// storedLength reads the length of a stored block (RFC 1951, 3.2.4).
func (z *inflater) storedLength() error {
	if !z.need(32) {
		// "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload of the message"
		// (section 7.2.2): they are the length that is missing here, and nothing else ever.
		return z.short(z.n == 0)
	}
	n, complement := z.take(16), z.take(16)
	if n != complement^0xffff {
		return ErrCorrupt
	}
	z.stored = n
	z.state = (*inflater).copyStored
	return nil
}

func (z *inflater) copyStored() error {
	for z.stored > 0 && z.n > 0 {
		z.buf[z.w] = byte(z.take(8))
		z.w++
		z.stored--
	}
	n := copy(z.buf[z.w:], z.p[:min(z.stored, len(z.p))])
	z.p = z.p[n:]
	z.w += n
	switch z.stored -= n; {
	case z.stored == 0:
		return z.blockEnd()
	case len(z.p) == 0:
		return z.short(false)
	}
	return nil // The buffer is full.
}

// counts reads how many codes a dynamic block has (RFC 1951, 3.2.7).
func (z *inflater) counts() error {
	if !z.need(14) {
		return z.short(false)
	}
	z.literals = z.take(5) + 257
	z.codes = z.literals + z.take(5) + 1
	z.lengthCodes = z.take(4) + 4
	if z.literals > 286 {
		return ErrCorrupt
	}
	clear(z.lengths[:19])
	z.known = 0
	z.state = (*inflater).codeOfLengths
	return nil
}

var lengthOrder = [...]byte{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// codeOfLengths reads the code that the lengths of all codes are written in.
func (z *inflater) codeOfLengths() error {
	for ; z.known < z.lengthCodes; z.known++ {
		if !z.need(3) {
			return z.short(false)
		}
		z.lengths[lengthOrder[z.known]] = byte(z.take(3))
	}
	if z.dynamic[0].build(z.lengths[:19]) != complete {
		return ErrCorrupt
	}
	z.known = 0
	z.state = (*inflater).readLengths
	return nil
}

// readLengths reads the lengths of all codes.
func (z *inflater) readLengths() error {
	for z.known < z.codes {
		z.need(maxCode + 7)
		c := z.dynamic[0].next(z.b)
		symbol, used := c.symbol(), c.length()
		var extra uint
		times := 1
		switch symbol {
		case 16:
			extra, times = 2, 3
		case 17:
			extra, times = 3, 3
		case 18:
			extra, times = 7, 11
		}
		if used+extra > z.n {
			return z.short(false)
		}
		z.take(used)
		times += z.take(extra)
		if z.known+times > z.codes {
			return ErrCorrupt
		}
		var value byte
		switch {
		case symbol < 16:
			value = byte(symbol)
		case symbol == 16 && z.known == 0:
			return ErrCorrupt
		case symbol == 16:
			value = z.lengths[z.known-1]
		}
		for range times {
			z.lengths[z.known] = value
			z.known++
		}
	}
	z.lit, z.dist = &z.dynamic[0], &z.dynamic[1]
	literals := z.lit.build(z.lengths[:z.literals])
	distances := z.dist.build(z.lengths[z.literals:z.codes])
	if z.lengths[endBlock] == 0 || literals != complete && literals != lone || distances == broken {
		return ErrCorrupt
	}
	z.state = (*inflater).symbols
	return nil
}

// symbols inflates a block's symbols (RFC 1951, 3.2.5).
func (z *inflater) symbols() (err error) {
	p, b, n, w := z.p, z.b, z.n, z.w
	lit, ended := z.lit, false
	for len(z.buf)-w >= maxMatch {
		switch { // No symbol has more than 48 bits.
		case n >= 48:
		case len(p) >= 8:
			// This sets bits above n too, which are taken later, and then set to the same again.
			b |= binary.LittleEndian.Uint64(p) << n
			p = p[(63-n)/8:]
			n |= 56
		default:
			for ; n < 56 && len(p) > 0; p = p[1:] {
				b |= uint64(p[0]) << n
				n += 8
			}
		}

		c := lit.next(b)
		symbol, used := c.symbol(), c.length()
		if symbol < endBlock && 0 < used && used <= n {
			z.buf[w] = byte(symbol)
			w++
			b >>= used
			n -= used
			continue
		}
		distance, length := 0, 0
		if symbol > endBlock {
			distance, length, used = z.match(b, symbol, used)
		}
		if used > n {
			err = z.short(false)
			break
		}
		if used == 0 || distance > w {
			err = ErrCorrupt
			break
		}
		b >>= used
		n -= used
		if ended = symbol == endBlock; ended {
			break
		}
		// What is copied may be longer than the distance, and is then repeated.
		from, end := w-distance, w+length
		for w < end {
			w += copy(z.buf[w:end], z.buf[from:w])
		}
	}
	z.p, z.b, z.n, z.w = p, b&(1<<n-1), n, w
	if ended {
		return z.blockEnd()
	}
	return err
}

// match returns the match that b begins with a symbol of, and how many bits that takes.
func (z *inflater) match(b uint64, symbol int, used uint) (distance, length int, total uint) {
	if symbol-endBlock > len(lengthSpans) {
		return tooFar, 0, used
	}
	l := lengthSpans[symbol-endBlock-1]
	length = int(l.base) + int(b>>used&(1<<l.extra-1))
	used += uint(l.extra)
	c := z.dist.next(b >> used)
	used += c.length()
	if c == 0 || c.symbol() >= len(distanceSpans) {
		return tooFar, 0, used
	}
	d := distanceSpans[c.symbol()]
	return int(d.base) + int(b>>used&(1<<d.extra-1)), length, used + uint(d.extra)
}
