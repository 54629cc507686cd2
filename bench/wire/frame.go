// Package wire is the client's side of the measurements: the bytes that are
// sent, made beforehand and so the same for every library, and checks of what comes back.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Bits of a frame's header (RFC 6455, section 5.2).
const (
	final  = 0x80
	rsv1   = 0x40
	opText = 0x01
	opBin  = 0x02
	masked = 0x80
)

var key = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// Frame returns the masked frame of a message.
func Frame(text bool, payload []byte) []byte {
	if text {
		return frame(final|opText, payload)
	}
	return frame(final|opBin, payload)
}

// Fragments returns the frames of a binary message that is cut in two.
func Fragments(payload []byte) []byte {
	n := len(payload) / 2
	return append(frame(opBin, payload[:n]), frame(final, payload[n:])...)
}

// frame returns a masked frame with this first byte.
func frame(first byte, payload []byte) []byte {
	f := []byte{first}
	switch n := len(payload); {
	case n < 126:
		f = append(f, masked|byte(n))
	case n < 1<<16:
		f = binary.BigEndian.AppendUint16(append(f, masked|126), uint16(n))
	default:
		f = binary.BigEndian.AppendUint64(append(f, masked|127), uint64(n))
	}
	f = append(f, key[:]...)
	for i, b := range payload {
		f = append(f, b^key[i%4])
	}
	return f
}

// header is what the first bytes of a frame say.
type header struct {
	final, rsv1, control bool
	key                  [4]byte // zero where the payload is not masked
	length               uint64
}

const maxHeader = 14

// headerSize returns how many bytes the header has that begins with p, or 2 as
// long as that can't be said.
func headerSize(p []byte) int {
	if len(p) < 2 {
		return 2
	}
	n := 2
	switch p[1] &^ masked {
	case 126:
		n = 4
	case 127:
		n = 10
	}
	if p[1]&masked != 0 {
		n += 4
	}
	return n
}

// parseHeader returns what a whole header says. Servers may mask here: one that sends back bytes does.
func parseHeader(p []byte) header {
	h := header{final: p[0]&final != 0, rsv1: p[0]&rsv1 != 0, control: p[0]&0x08 != 0, length: uint64(p[1] &^ masked)}
	switch h.length {
	case 126:
		h.length = uint64(binary.BigEndian.Uint16(p[2:]))
	case 127:
		h.length = binary.BigEndian.Uint64(p[2:])
	}
	if p[1]&masked != 0 {
		copy(h.key[:], p[len(p)-4:])
	}
	return h
}

// Scanner counts the messages in what a server sends, without looking at their
// payloads. The zero value is ready.
type Scanner struct {
	// Size is what the payload of each message must have; 0 stands for any.
	Size uint64

	head  [maxHeader]byte
	have  int    // bytes of head
	left  uint64 // of the current frame's payload
	last  bool   // the current frame ends a message
	total uint64 // payload of the current message
}

var errClosing = errors.New("the server closes the connection")

// Scan returns how many messages end in p, which follows what was scanned before.
func (s *Scanner) Scan(p []byte) (messages int, err error) {
	for len(p) > 0 {
		if s.left > 0 {
			n := min(s.left, uint64(len(p)))
			s.left -= n
			p = p[n:]
		} else {
			size := headerSize(s.head[:s.have])
			n := copy(s.head[s.have:size], p)
			s.have += n
			p = p[n:]
			if s.have < size || s.have < headerSize(s.head[:s.have]) {
				continue
			}
			h := parseHeader(s.head[:s.have])
			s.have = 0
			s.left = h.length
			if h.control {
				if s.head[0]&0x0f == 0x08 {
					return messages, errClosing
				}
				s.last = false
			} else {
				s.last = h.final
				s.total += h.length
			}
		}
		if s.left == 0 && s.have == 0 && s.last {
			if s.Size != 0 && s.total != s.Size {
				return messages, fmt.Errorf("a message of %d bytes came back as one of %d", s.Size, s.total)
			}
			messages++
			s.total, s.last = 0, false
		}
	}
	return messages, nil
}
