package proto

import "encoding/binary"

// UTF8 checks text that arrives in pieces; the zero value is ready. It fails at the first byte
// that no valid text can have there, as RFC 6455, section 8.1 asks for, so that a cut never
// hides or delays an error.
type UTF8 struct{ state uint8 }

// The states are where a text may be within a character, as shifts into the entries of steps.
const (
	between uint64 = 6 * iota // characters
	beforeLast
	beforeTwo
	beforeThree
	afterE0
	afterED
	afterF0
	afterF4
	impossible
)

// steps has for each byte the states that it leads to, six bits for each state that it may be met
// in, so that a step is a load and a shift.
var steps = func() (steps [256]uint64) {
	for b := range steps {
		for from := between; from <= impossible; from += 6 {
			steps[b] |= impossible << from
		}
	}
	step := func(from uint64, low, high byte, to uint64) {
		for b := int(low); b <= int(high); b++ {
			steps[b] ^= (impossible ^ to) << from
		}
	}
	// The grammar of RFC 3629, section 4.
	step(between, 0x00, 0x7F, between)
	step(between, 0xC2, 0xDF, beforeLast)
	step(between, 0xE0, 0xE0, afterE0)
	step(between, 0xE1, 0xEC, beforeTwo)
	step(between, 0xED, 0xED, afterED)
	step(between, 0xEE, 0xEF, beforeTwo)
	step(between, 0xF0, 0xF0, afterF0)
	step(between, 0xF1, 0xF3, beforeThree)
	step(between, 0xF4, 0xF4, afterF4)
	step(afterE0, 0xA0, 0xBF, beforeLast) // less would be overlong
	step(afterED, 0x80, 0x9F, beforeLast) // more would be a surrogate
	step(afterF0, 0x90, 0xBF, beforeTwo)  // less would be overlong
	step(afterF4, 0x80, 0x8F, beforeTwo)  // more would be beyond U+10FFFF
	step(beforeThree, 0x80, 0xBF, beforeTwo)
	step(beforeTwo, 0x80, 0xBF, beforeLast)
	step(beforeLast, 0x80, 0xBF, between)
	return steps
}()

// Write adds the next piece of the text and reports whether all so far can be valid. After a
// false, the value is of no further use.
func (u *UTF8) Write(p []byte) bool {
	s := uint64(u.state)
	for ; s != between && len(p) > 0; p = p[1:] {
		if s = steps[p[0]] >> s & 63; s == impossible {
			return false
		}
	}
	if len(p) >= textWideFrom {
		var ok bool
		if p, ok = textWide(p); !ok {
			return false
		}
	}
	for len(p) >= 8 {
		b := p[:8:8]
		p = p[8:]
		if s&63 == between && binary.LittleEndian.Uint64(b)&notASCII == 0 {
			p = skipASCII(p)
			continue
		}
		// Without a branch: no processor could foresee which characters come.
		s = steps[b[0]] >> (s & 63)
		s = steps[b[1]] >> (s & 63)
		s = steps[b[2]] >> (s & 63)
		s = steps[b[3]] >> (s & 63)
		s = steps[b[4]] >> (s & 63)
		s = steps[b[5]] >> (s & 63)
		s = steps[b[6]] >> (s & 63)
		s = steps[b[7]] >> (s & 63)
	}
	for _, b := range p {
		s = steps[b] >> (s & 63)
	}
	u.state = uint8(s & 63)
	return u.state != uint8(impossible)
}

// notASCII has the bits that no word of ASCII has.
const notASCII = 0x8080808080808080

// skipASCII returns p without most of the ASCII that it begins with.
func skipASCII(p []byte) []byte {
	// A slice that never becomes empty, nor has more capacity than length, is cut twice as fast.
	p = p[:len(p):len(p)]
	for len(p) > 32 && (binary.LittleEndian.Uint64(p)|binary.LittleEndian.Uint64(p[8:])|
		binary.LittleEndian.Uint64(p[16:])|binary.LittleEndian.Uint64(p[24:]))&notASCII == 0 {
		p = p[32:]
	}
	return p
}

// Complete reports whether the text may end here: not within a character.
func (u *UTF8) Complete() bool { return u.state == uint8(between) }
