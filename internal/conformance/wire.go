package conformance

import (
	"bytes"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// The opcodes of section 5.2.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA
)

// The reserved bits, as the first byte of a frame holds them.
const (
	rsv1 = 0x40
	rsv2 = 0x20
	rsv3 = 0x10
)

// exampleKey is the masking key of the RFC's examples. Cases use the same key for every frame
// where the key is not what they are about, so that a case always sends the same bytes.
var exampleKey = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// frame is one frame, every field of which may be wrong.
type frame struct {
	fin     bool
	rsv     byte // rsv1 | rsv2 | rsv3
	op      byte
	masked  bool
	key     [4]byte
	payload []byte

	form   int // bits of the length field: 7, 16 or 64; 0 for the shortest that fits
	length uint64
	lies   bool // the length field holds length, not that of the payload
}

func newFrame(op byte, payload []byte) frame {
	return frame{fin: true, op: op, masked: true, key: exampleKey, payload: payload}
}

func text(s string) frame    { return newFrame(opText, []byte(s)) }
func bin(p []byte) frame     { return newFrame(opBinary, p) }
func cont(s string) frame    { return newFrame(opContinuation, []byte(s)) }
func ping(s string) frame    { return newFrame(opPing, []byte(s)) }
func pong(s string) frame    { return newFrame(opPong, []byte(s)) }
func closing(b []byte) frame { return newFrame(opClose, b) }

// closeBody is the payload of a Close frame.
func closeBody(code uint16, reason string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, code), reason...)
}

// The methods below return a changed copy.

func (f frame) part() frame              { f.fin = false; return f }
func (f frame) reserved(bits byte) frame { f.rsv = bits; return f }
func (f frame) unmasked() frame          { f.masked = false; return f }
func (f frame) keyed(key [4]byte) frame  { f.key = key; return f }
func (f frame) longer(bits int) frame    { f.form = bits; return f }

// claiming writes n into a length field of the given width, whatever the payload is.
func (f frame) claiming(bits int, n uint64) frame {
	f.form, f.length, f.lies = bits, n, true
	return f
}

// bytes is the frame on the wire.
func (f frame) bytes() []byte {
	b := []byte{f.rsv | f.op, 0}
	if f.fin {
		b[0] |= 0x80
	}
	n := uint64(len(f.payload))
	if f.lies {
		n = f.length
	}
	form := f.form
	if form == 0 {
		form = shortest(n)
	}
	switch form {
	case 7:
		b[1] = byte(n)
	case 16:
		b[1] = 126
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	case 64:
		b[1] = 127
		b = binary.BigEndian.AppendUint64(b, n)
	}
	if !f.masked {
		return append(b, f.payload...)
	}
	b[1] |= 0x80
	b = append(b, f.key[:]...)
	return append(b, masked(f.payload, f.key)...)
}

// masked is a payload with a masking key applied, or taken off again.
func masked(p []byte, key [4]byte) []byte {
	out := make([]byte, len(p))
	subtle.XORBytes(out, p, bytes.Repeat(key[:], len(p)/4+1))
	return out
}

// shortest is the width of the shortest length field for n.
func shortest(n uint64) int {
	switch {
	case n <= 125:
		return 7
	case n <= 0xffff:
		return 16
	}
	return 64
}

// wire is the frames one after the other.
func wire(frames ...frame) []byte {
	var b []byte
	for _, f := range frames {
		b = append(b, f.bytes()...)
	}
	return b
}

// largestFrame is more than any case has a server send.
const largestFrame = 64 << 20

// broken is what a server's frame is wrong about.
type broken struct {
	rule Rule
	what string
}

// parse reads the frame of a server, or of a client, at the start of b and returns how long it is,
// or 0 while it is incomplete. It holds the frame to every rule that needs no memory of earlier
// ones. allowed are the reserved bits that an extension gives a meaning where a message begins.
func parse(b []byte, client bool, allowed byte) (f frame, n int, bad *broken) {
	if len(b) < 2 {
		return f, 0, nil
	}
	f.fin, f.rsv, f.op = b[0]&0x80 != 0, b[0]&0x70, b[0]&0x0f
	f.masked = b[1]&0x80 != 0
	length, form, header := uint64(b[1]&0x7f), 7, 2
	switch length {
	case 126:
		form, header = 16, 4
	case 127:
		form, header = 64, 10
	}
	control := f.op >= 8
	switch {
	case f.masked && !client:
		return f, 0, &broken{ruleServerMask, "sent a masked frame"}
	case !f.masked && client:
		return f, 0, &broken{ruleClientMask, "sent a frame that is not masked"}
	case f.rsv&^allowed != 0:
		return f, 0, &broken{ruleRSV, fmt.Sprintf("set reserved bits %#02x, which no extension in use gives a meaning", f.rsv)}
	case f.rsv != 0 && (control || f.op == opContinuation):
		return f, 0, &broken{ruleCompressedFirst, fmt.Sprintf("set reserved bits %#02x in a frame that does not begin a message", f.rsv)}
	case f.op > opBinary && f.op < opClose || f.op > opPong:
		return f, 0, &broken{ruleOpcode, fmt.Sprintf("sent the reserved opcode %#x", f.op)}
	case control && (!f.fin || form != 7):
		return f, 0, &broken{ruleControl, "sent a control frame that is fragmented or longer than 125 bytes"}
	}
	if len(b) < header {
		return f, 0, nil
	}
	switch form {
	case 16:
		length = uint64(binary.BigEndian.Uint16(b[2:]))
	case 64:
		length = binary.BigEndian.Uint64(b[2:])
	}
	if shortest(length) != form {
		return f, 0, &broken{ruleMinimal, fmt.Sprintf("sent the length %d in %d bits", length, form)}
	}
	if length > largestFrame {
		return f, 0, &broken{ruleLength, fmt.Sprintf("sent a frame of %d bytes, more than it ever received", length)}
	}
	if client {
		if len(b) < header+4 {
			return f, 0, nil
		}
		f.key = [4]byte(b[header:])
		header += 4
	}
	if uint64(len(b)-header) < length {
		return f, 0, nil
	}
	n = header + int(length)
	f.payload = b[header:n]
	if client {
		f.payload = masked(f.payload, f.key)
	}
	if f.op == opClose {
		bad = closeRules(f.payload)
	}
	return f, n, bad
}

// closeRules holds the payload of a server's Close frame to section 5.5.1 and 7.4.
func closeRules(p []byte) *broken {
	if len(p) == 0 {
		return nil
	}
	if len(p) == 1 {
		return &broken{ruleCloseBody, "sent a Close frame with a body of one byte"}
	}
	switch code := binary.BigEndian.Uint16(p); {
	case code < 1000:
		return &broken{ruleUnusedCodes, fmt.Sprintf("sent a Close frame with code %d", code)}
	case code == 1005:
		return &broken{rule1005, "sent a Close frame with code 1005"}
	case code == 1006:
		return &broken{rule1006, "sent a Close frame with code 1006"}
	case code == 1015:
		return &broken{rule1015, "sent a Close frame with code 1015"}
	}
	if !utf8.Valid(p[2:]) {
		return &broken{ruleReason, "sent a Close frame with a reason that is not UTF-8"}
	}
	return nil
}
