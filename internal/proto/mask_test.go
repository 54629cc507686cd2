package proto

import (
	"bytes"
	"testing"
)

// maskBytes is section 5.3 by the letter: "transformed-octet-i = original-octet-i XOR
// masking-key-octet-j", with j = i MOD 4.
func maskBytes(key Key, p []byte) []byte {
	octets := []byte{byte(key), byte(key >> 8), byte(key >> 16), byte(key >> 24)}
	q := make([]byte, len(p))
	for i := range p {
		q[i] = p[i] ^ octets[i%4]
	}
	return q
}

// maskGuarded masks p, cut at cut, within a larger buffer at an offset, and reports whether the
// bytes before and after it are untouched.
func maskGuarded(key Key, p []byte, offset, cut int) (masked []byte, next Key, guarded bool) {
	const guard = 0xA5
	buf := bytes.Repeat([]byte{guard}, offset+len(p)+64)
	masked = buf[offset : offset+len(p)]
	copy(masked, p)
	next = key.Mask(masked[:cut]).Mask(masked[cut:])
	for i, b := range buf {
		if b != guard && (i < offset || i >= offset+len(p)) {
			return masked, next, false
		}
	}
	return masked, next, true
}

func testMask(t *testing.T, key Key, p []byte, offset, cut int) {
	got, next, guarded := maskGuarded(key, p, offset, cut)
	if !guarded {
		t.Errorf("%d bytes at offset %d, cut at %d: a byte beside them changed", len(p), offset, cut)
	}
	if want := maskBytes(key, p); !bytes.Equal(got, want) {
		t.Errorf("%d bytes at offset %d, cut at %d: %x, want %x", len(p), offset, cut, got, want)
	}
	// The key returned goes on where p ended.
	more, want := make([]byte, 8), maskBytes(key, make([]byte, len(p)+8))[len(p):]
	if next.Mask(more); !bytes.Equal(more, want) {
		t.Errorf("%d bytes, cut at %d: then %x, want %x", len(p), cut, more, want)
	}
	if back, _, _ := maskGuarded(key, got, offset, cut); !bytes.Equal(back, p) {
		t.Errorf("%d bytes at offset %d: unmasked %x, want %x", len(p), offset, back, p)
	}
}

func TestSection53Mask(t *testing.T) {
	p := make([]byte, 70_000)
	for i := range p {
		p[i] = byte(i * 7)
	}
	eachWay(func(way string) {
		t.Run(way, func(t *testing.T) {
			for n := range 300 {
				for offset := range 65 {
					testMask(t, 0x3d21fa37, p[:n], offset, n/2)
				}
			}
			for _, n := range []int{200, 257, 383, 640} {
				for cut := range n + 1 {
					testMask(t, 0x04030201, p[:n], 3, cut)
				}
			}
			for _, n := range []int{1000, 4096, 65_535, 65_536, 70_000} {
				testMask(t, 0x3d21fa37, p[:n], 5, n/3)
			}
		})
	})
}

func FuzzMask(f *testing.F) {
	f.Add(uint32(0x3d21fa37), []byte("Hello"), byte(0), uint16(2))
	f.Add(uint32(0x04030201), bytes.Repeat([]byte{0}, 129), byte(7), uint16(65))
	f.Add(uint32(0x04030201), bytes.Repeat([]byte{1}, 600), byte(33), uint16(1))
	f.Add(uint32(0), []byte{}, byte(1), uint16(0))
	f.Fuzz(func(t *testing.T, key uint32, p []byte, offset byte, cut uint16) {
		eachWay(func(string) {
			testMask(t, Key(key), p, int(offset), min(int(cut), len(p)))
		})
	})
}
