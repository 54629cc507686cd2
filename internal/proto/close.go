package proto

import (
	"encoding/binary"
	"unicode/utf8"
)

// Close codes (RFC 6455, section 7.4.1, and the IANA registry it founds).
const (
	CodeNormal      uint16 = 1000
	CodeProtocol    uint16 = 1002
	CodeNoStatus    uint16 = 1005 // never on the wire: the close frame had no code
	CodeAbnormal    uint16 = 1006 // never on the wire: there was no close frame
	CodeInvalidText uint16 = 1007
	CodePolicy      uint16 = 1008
	CodeTooBig      uint16 = 1009
	CodeInternal    uint16 = 1011
)

// MaxReason is the largest reason of a close frame in bytes: a control frame less the code.
const MaxReason = MaxControl - 2

// ValidCode reports whether the code may stand in a close frame: those registered for it, and
// 3000 to 4999 for libraries and applications (section 7.4.2).
func ValidCode(code uint16) bool {
	switch {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1014:
		return true
	}
	return code >= 3000 && code <= 4999
}

// AppendClose appends the payload of a close frame. Code 0 gives the empty payload.
func AppendClose(dst []byte, code uint16, reason string) []byte {
	if code == 0 {
		return dst
	}
	dst = binary.BigEndian.AppendUint16(dst, code)
	return append(dst, reason...)
}

// parseClose reads the payload of a close frame; one without a code means 1005 (section 7.1.5).
func parseClose(p []byte) (code uint16, reason []byte, err *Violation) {
	if len(p) == 0 {
		return CodeNoStatus, nil, nil
	}
	// "If there is a body, the first two bytes of the body MUST be a 2-byte unsigned integer" (5.5.1)
	if len(p) == 1 {
		return 0, nil, &Violation{CodeProtocol, "close frame with one byte of payload"}
	}
	code, reason = binary.BigEndian.Uint16(p), p[2:]
	if !ValidCode(code) {
		return 0, nil, &Violation{CodeProtocol, "close code that may not be sent"}
	}
	if !utf8.Valid(reason) {
		return 0, nil, &Violation{CodeInvalidText, "close reason is not UTF-8"}
	}
	return code, reason, nil
}
