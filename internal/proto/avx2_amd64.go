package proto

// The lengths from which on wide instructions pay, measured.
const (
	maskWideFrom = 256
	textWideFrom = 64
)

// avx2 says that the processor and the system have instructions for 256 bits.
var avx2 = hasAVX2()

func hasAVX2() bool {
	const (
		systemAndAVX = 1<<27 | 1<<28 // leaf 1, ECX: XGETBV may be asked, AVX is there
		extended     = 1 << 5        // leaf 7, EBX: AVX2 is there
		saved        = 1<<1 | 1<<2   // XCR0: the system saves XMM and YMM
	)
	highest, _, _ := cpuid(0)
	_, _, ecx1 := cpuid(1)
	_, ebx7, _ := cpuid(7)
	return highest >= 7 && ecx1&systemAndAVX == systemAndAVX && xgetbv()&saved == saved && ebx7&extended != 0
}

// cpuid returns what the processor says of itself under the first subleaf of a leaf.
func cpuid(leaf uint32) (eax, ebx, ecx uint32)

// xgetbv returns the lower half of XCR0.
func xgetbv() uint32

// maskWide masks what it can of p, and returns the rest.
func maskWide(k Key, p []byte) (rest []byte) {
	if !avx2 {
		return p
	}
	n := len(p) &^ 127
	maskAVX2(&p[0], n, k)
	return p[n:]
}

// maskAVX2 masks n bytes: a multiple of 128, and not none.
//
//go:noescape
func maskAVX2(p *byte, n int, k Key)

// textWide checks what it can of text that begins with a character, and returns from where on it is
// still to be checked, which is the beginning of a character again.
func textWide(p []byte) (rest []byte, ok bool) {
	if !avx2 {
		return p, true
	}
	if !textAVX2(&p[0], len(p), &pairErrors) {
		return nil, false
	}
	// What it does not tell is whether the last character is complete.
	rest = p[len(p)-3:]
	for len(rest) > 0 && rest[0]&0xC0 == 0x80 {
		rest = rest[1:]
	}
	return rest, true
}

// textAVX2 reports whether n bytes, at least 35, are text, whose last character may be incomplete and
// is then left to be checked.
//
// The algorithm is that of Keiser and Lemire, "Validating UTF-8 In Less Than One Instruction Per
// Byte" (2021). Nearly all that can be wrong shows in two adjacent bytes, and is looked up by both
// halves of the first and the upper half of the second; what remains is which bytes must be the
// third or fourth of a character.
//
//go:noescape
func textAVX2(p *byte, n int, errors *[3][16]byte) bool

// pairErrors has the errors, a bit each, that two adjacent bytes can have if the first one's upper
// half, its lower half, and the second one's upper half are given. Those which all three say are there.
var pairErrors = func() (errors [3][16]byte) {
	pair := func(bit byte, first, firstTo, second, secondTo int) {
		for b := first; b <= firstTo; b++ {
			errors[0][b>>4] |= bit
			errors[1][b&15] |= bit
		}
		for b := second; b <= secondTo; b++ {
			errors[2][b>>4] |= bit
		}
	}
	pair(1, 0xC0, 0xFF, 0x00, 0x7F) // a first byte without a second
	pair(1, 0xC0, 0xFF, 0xC0, 0xFF)
	pair(2, 0x00, 0x7F, 0x80, 0xBF)   // a continuation of nothing
	pair(4, 0xC0, 0xC1, 0x80, 0xBF)   // overlong
	pair(8, 0xE0, 0xE0, 0x80, 0x9F)   // overlong
	pair(16, 0xF0, 0xF0, 0x80, 0x8F)  // overlong
	pair(16, 0xF5, 0xFF, 0x80, 0x8F)  // beyond U+10FFFF
	pair(32, 0xF4, 0xFF, 0x90, 0xBF)  // beyond U+10FFFF
	pair(64, 0xED, 0xED, 0xA0, 0xBF)  // surrogates
	pair(128, 0x80, 0xBF, 0x80, 0xBF) // two continuations, unless they are to be there
	return errors
}()
