package proto

import (
	"encoding/binary"
	"math/bits"
)

// Key is a masking key (RFC 6455, section 5.3), with the octet that masks the next payload byte
// in its lowest byte.
type Key uint32

// Mask applies the key to p in place, which masks and unmasks alike, and returns the key for
// the bytes that follow p.
func (k Key) Mask(p []byte) Key {
	if len(p) >= maskWideFrom {
		p = maskWide(k, p)
	}
	wide := uint64(k)<<32 | uint64(k)
	// Unrolled by eight words: at 1 KiB three times as fast as word by word, and below as fast as
	// anything.
	for len(p) >= 64 {
		b := p[:64:64]
		binary.LittleEndian.PutUint64(b[0:], binary.LittleEndian.Uint64(b[0:])^wide)
		binary.LittleEndian.PutUint64(b[8:], binary.LittleEndian.Uint64(b[8:])^wide)
		binary.LittleEndian.PutUint64(b[16:], binary.LittleEndian.Uint64(b[16:])^wide)
		binary.LittleEndian.PutUint64(b[24:], binary.LittleEndian.Uint64(b[24:])^wide)
		binary.LittleEndian.PutUint64(b[32:], binary.LittleEndian.Uint64(b[32:])^wide)
		binary.LittleEndian.PutUint64(b[40:], binary.LittleEndian.Uint64(b[40:])^wide)
		binary.LittleEndian.PutUint64(b[48:], binary.LittleEndian.Uint64(b[48:])^wide)
		binary.LittleEndian.PutUint64(b[56:], binary.LittleEndian.Uint64(b[56:])^wide)
		p = p[64:]
	}
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^wide)
		p = p[8:]
	}
	for i := range p {
		p[i] ^= byte(k)
		k = Key(bits.RotateLeft32(uint32(k), -8))
	}
	return k
}
