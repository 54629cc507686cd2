package proto

import (
	"crypto/sha1"
	"encoding/base64"
	"slices"
	"strings"
)

// maxListItems bounds what a list in a handshake header may hold: the tokens of a list of tokens,
// or the extensions and parameters of a list of extensions. No honest handshake comes near it, and
// it keeps a megabyte of commas from becoming many megabytes of slices.
const maxListItems = 100

// acceptGUID is appended to a key before hashing (RFC 6455, 1.3).
const acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// IsToken reports whether s is a token: one or more of the characters that RFC 9110, 5.6.2 allows.
func IsToken(s string) bool {
	return s != "" && tokenLen(s) == len(s)
}

// tokenLen returns the length of the longest start of s that consists of token characters.
func tokenLen(s string) int {
	for i := range len(s) {
		if !isTokenChar(s[i]) {
			return i
		}
	}
	return len(s)
}

func isTokenChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// HasToken reports whether one of the comma-separated lists in values has token as an element,
// ignoring the case of ASCII letters. It answers "does Connection have upgrade" (RFC 6455, 4.1 and
// 4.2.1); what else stands in the lists does not matter.
func HasToken(values []string, token string) bool {
	for _, list := range values {
		for element := range strings.SplitSeq(list, ",") {
			if equalFold(trimSpace(element), token) {
				return true
			}
		}
	}
	return false
}

// equalFold is strings.EqualFold for ASCII letters only: to Unicode, the Kelvin sign is a k.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// trimSpace removes the optional whitespace of RFC 9110, 5.6.3 from both ends.
func trimSpace(s string) string { return strings.Trim(s, " \t") }

// ParseTokens returns the elements of the comma-separated lists in values, in order, as
// Sec-WebSocket-Protocol has them (RFC 6455, 4.1 and 4.3: 1#token, each of them once). Names are
// compared exactly. Empty elements are skipped (RFC 9110, 5.6.1.2). ok is false if an element is not
// a token or comes twice, if there are values but no element, or if there are more than 100; tokens
// is nil then. No values at all are an empty list, and ok.
func ParseTokens(values []string) (tokens []string, ok bool) {
	for _, list := range values {
		for element := range strings.SplitSeq(list, ",") {
			element = trimSpace(element)
			if element == "" {
				continue
			}
			if !IsToken(element) || slices.Contains(tokens, element) || len(tokens) == maxListItems {
				return nil, false
			}
			tokens = append(tokens, element)
		}
	}
	return tokens, len(tokens) > 0 || len(values) == 0
}

// ValidKey reports whether key can be a Sec-WebSocket-Key: the base64 form of 16 bytes
// (RFC 6455, 4.1 and 4.2.1), with padding and without stray bits.
func ValidKey(key string) bool {
	const size = 16
	if len(key) != (size+2)/3*4 {
		return false
	}
	var nonce [(size + 2) / 3 * 3]byte
	n, err := base64.StdEncoding.Strict().Decode(nonce[:], []byte(key))
	return err == nil && n == size
}

// AcceptKey returns the Sec-WebSocket-Accept that answers key (RFC 6455, 4.2.2).
func AcceptKey(key string) string {
	sum := sha1.Sum([]byte(key + acceptGUID))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// ValidHeaderValue reports whether s can be written as the value of a header without ending it or
// being read as something else: it has no control character but the tab (RFC 9110, 5.5).
func ValidHeaderValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
