package proto

import "unicode/utf8"

// UTF8 checks text that arrives in pieces; the zero value is ready. It fails at the first byte
// that no valid text can have there, as RFC 6455, section 8.1 asks for, so that a cut never
// hides or delays an error.
type UTF8 struct {
	need   uint8 // continuation bytes that the current sequence still lacks
	lo, hi uint8 // bounds of the next of them
}

// Write adds the next piece of the text and reports whether all so far can be valid. After a
// false, the value is of no further use.
func (u *UTF8) Write(p []byte) bool {
	for u.need > 0 && len(p) > 0 {
		if !u.next(p[0]) {
			return false
		}
		p = p[1:]
	}
	cut := len(p) - tail(p)
	if !utf8.Valid(p[:cut]) {
		return false
	}
	for _, b := range p[cut:] {
		if !u.next(b) {
			return false
		}
	}
	return true
}

// Complete reports whether the text may end here: not within a sequence.
func (u *UTF8) Complete() bool { return u.need == 0 }

// tail returns how many bytes at the end of p begin a sequence that p does not finish.
func tail(p []byte) int {
	for n := 1; n <= 3 && n <= len(p); n++ {
		b := p[len(p)-n]
		if b < 0x80 {
			return 0
		}
		if b >= 0xC0 {
			if n < sequence(b) {
				return n
			}
			return 0
		}
	}
	return 0
}

// sequence returns the length that the first byte of a sequence announces.
func sequence(b byte) int {
	switch {
	case b >= 0xF0:
		return 4
	case b >= 0xE0:
		return 3
	}
	return 2
}

// next takes one byte of a sequence of several, by the table of RFC 3629, section 4.
func (u *UTF8) next(b byte) bool {
	if u.need > 0 {
		if b < u.lo || b > u.hi {
			return false
		}
		u.need--
		u.lo, u.hi = 0x80, 0xBF
		return true
	}
	if b < 0xC2 || b > 0xF4 { // an overlong form, beyond U+10FFFF
		return false
	}
	u.lo, u.hi = 0x80, 0xBF
	u.need = uint8(sequence(b) - 1)
	switch b {
	case 0xE0: // overlong
		u.lo = 0xA0
	case 0xED: // surrogates
		u.hi = 0x9F
	case 0xF0: // overlong
		u.lo = 0x90
	case 0xF4: // beyond U+10FFFF
		u.hi = 0x8F
	}
	return true
}
