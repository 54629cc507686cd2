package proto

import "encoding/binary"

// Op is the opcode of a frame (RFC 6455, section 5.2).
type Op uint8

// The opcodes that RFC 6455 defines; all others are reserved.
const (
	OpContinuation Op = 0x0
	OpText         Op = 0x1
	OpBinary       Op = 0x2
	OpClose        Op = 0x8
	OpPing         Op = 0x9
	OpPong         Op = 0xA
)

// Control reports whether frames of this opcode are control frames: "Control frames are
// identified by opcodes where the most significant bit of the opcode is 1" (section 5.5).
func (op Op) Control() bool { return op&0x8 != 0 }

// MaxControl is the largest payload of a control frame in bytes (section 5.5).
const MaxControl = 125

// MaxHeader is the length of the longest frame header in bytes: two bytes, a 64-bit length and
// a masking key.
const MaxHeader = 14

// RSV1 is the bit of [Header.RSV] that marks a compressed message in the header of its first frame
// (RFC 7692, section 6).
const RSV1 = 4

// Header is the header of one frame.
type Header struct {
	Fin    bool
	RSV    uint8 // RSV1, RSV2 and RSV3 as the bits 4, 2 and 1
	Op     Op
	Masked bool
	Key    Key    // if Masked
	Length uint64 // of the payload, in bytes
}

// HeaderSize returns the number of bytes of the header that begins with these two bytes.
func HeaderSize(b0, b1 byte) int {
	n := 2
	switch b1 & 0x7F {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if b1&0x80 != 0 {
		n += 4
	}
	return n
}

// parse sets h to the complete header b and reports whether its length has the minimal form. It sets
// field by field: a struct written in bytes and then copied in words stalls the processor.
func (h *Header) parse(b []byte) (minimal bool) {
	h.Fin = b[0]&0x80 != 0
	h.RSV = b[0] >> 4 & 0x7
	h.Op = Op(b[0] & 0xF)
	h.Masked = b[1]&0x80 != 0
	minimal = true
	rest := b[2:]
	switch n := b[1] & 0x7F; n {
	case 126:
		h.Length = uint64(binary.BigEndian.Uint16(rest))
		minimal = h.Length > 125
		rest = rest[2:]
	case 127:
		h.Length = binary.BigEndian.Uint64(rest)
		minimal = h.Length > 0xFFFF
		rest = rest[8:]
	default:
		h.Length = uint64(n)
	}
	if h.Masked {
		h.Key = Key(binary.LittleEndian.Uint32(rest))
	}
	return minimal
}

// AppendHeader appends the header in its minimal form.
func AppendHeader(dst []byte, h Header) []byte {
	b0 := h.RSV<<4 | byte(h.Op)
	if h.Fin {
		b0 |= 0x80
	}
	var b1 byte
	if h.Masked {
		b1 = 0x80
	}
	switch {
	case h.Length <= 125:
		dst = append(dst, b0, b1|byte(h.Length))
	case h.Length <= 0xFFFF:
		dst = append(dst, b0, b1|126)
		dst = binary.BigEndian.AppendUint16(dst, uint16(h.Length))
	default:
		dst = append(dst, b0, b1|127)
		dst = binary.BigEndian.AppendUint64(dst, h.Length)
	}
	if h.Masked {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(h.Key))
	}
	return dst
}

// AppendFrame appends one frame with the given payload, masked with h.Key if h.Masked. It sets
// the length itself, and leaves payload as it is.
func AppendFrame(dst []byte, h Header, payload []byte) []byte {
	h.Length = uint64(len(payload))
	dst = AppendHeader(dst, h)
	start := len(dst)
	dst = append(dst, payload...)
	if h.Masked {
		h.Key.Mask(dst[start:])
	}
	return dst
}

// FrameSize returns the number of bytes of a frame whose payload has n bytes.
func FrameSize(n int, masked bool) int {
	size := 2 + n
	switch {
	case n > 0xFFFF:
		size += 8
	case n > 125:
		size += 2
	}
	if masked {
		size += 4
	}
	return size
}
