package proto

import (
	"fmt"
	"sync"
	"testing"
	"unicode/utf8"
)

// oracle returns the transcript of a complete input. It was written from RFC 6455 alone, to be
// obvious, not fast: one frame after the other, every byte by itself, each message whole.
func oracle(rules *Rules, input []byte) (lines []string) {
	say := func(format string, args ...any) []string { return append(lines, fmt.Sprintf(format, args...)) }

	kind := "" // of the message under way
	compressed := ""
	message := []byte{}
	fragments := 0

	for len(input) > 0 {
		// The header, section 5.2.
		at := 0 // of the next byte
		missing := false
		number := func(bytes int) (n uint64) {
			for range bytes {
				if at == len(input) {
					missing = true
					return 0
				}
				n = n*256 + uint64(input[at])
				at++
			}
			return n
		}
		first, second := number(1), number(1)
		final, reserved, opcode := first/128 == 1, first/16%8, first%16
		masked, length := second/128 == 1, second%128
		shortest := uint64(0) // length that needs this form
		switch length {
		case 126:
			length, shortest = number(2), 126
		case 127:
			length, shortest = number(8), 65536
		}
		var key [4]byte
		if masked {
			for j := range key {
				key[j] = byte(number(1))
			}
		}
		if missing {
			return say(cutInFrame)
		}

		control := opcode >= 8
		starts := opcode == 1 || opcode == 2
		if rules.Deflate && starts && reserved == 4 { // RFC 7692, 6
			reserved, compressed = 0, "compressed "
		} else if starts && kind == "" {
			compressed = ""
		}
		switch {
		case reserved != 0, // 5.2
			opcode >= 3 && opcode <= 7, opcode >= 11, // 5.2
			masked != rules.Server,    // 5.1
			length < shortest,         // 5.2
			length>>63 == 1,           // 5.2
			control && length > 125,   // 5.5
			control && !final,         // 5.5
			opcode == 0 && kind == "", // 5.4
			starts && kind != "":      // 5.4
			return say("fail 1002")
		}
		if !control {
			size := uint64(len(message)) + length // both are below 1<<63
			limit := uint64(rules.Limit)
			if compressed != "" && 0 < limit && limit <= 1<<62 {
				limit += limit/8 + 1024 + 16*uint64(fragments)
			}
			if size >= 1<<63 || limit > 0 && size > limit {
				return say("fail 1009")
			}
			if fragments++; rules.MaxFragments > 0 && fragments > rules.MaxFragments {
				return say("fail 1008")
			}
		}

		// The payload, section 5.3, as far as it is there.
		payload := input[at:]
		if uint64(len(payload)) > length {
			payload = payload[:length]
		}
		whole := uint64(len(payload)) == length
		input = input[at+len(payload):]
		var data []byte
		for i := range payload {
			data = append(data, payload[i]^key[i%4])
		}

		if control {
			switch {
			case !whole:
				return say(cutInFrame)
			case opcode == 9:
				lines = say("ping %q", data)
			case opcode == 10:
				lines = say("pong %q", data)
			case len(data) == 0: // 7.1.5
				return say(`close 1005 ""`)
			case len(data) == 1: // 5.5.1
				return say("fail 1002")
			default:
				code, reason := int(data[0])*256+int(data[1]), data[2:]
				if !sendable(code) {
					return say("fail 1002")
				}
				if !utf8.Valid(reason) {
					return say("fail 1007")
				}
				return say("close %d %q", code, reason)
			}
			continue
		}

		// The message, sections 5.4 and 8.1.
		switch opcode {
		case 1:
			kind = "text"
		case 2:
			kind = "binary"
		}
		message = append(message, data...)
		done := whole && final
		if kind == "text" && compressed == "" && (!beginsText(string(message)) || done && !utf8.Valid(message)) {
			return say("fail 1007")
		}
		if !whole {
			return say(cutInFrame)
		}
		if done {
			lines = say("%s%s %q", compressed, kind, message)
			kind, message, fragments = "", nil, 0
		}
	}
	if kind != "" {
		return say(cutInMessage)
	}
	return lines
}

// beginsText reports whether some valid UTF-8 text begins with s.
func beginsText(s string) bool {
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			return beginnings()[s] // what is left must begin a character
		}
		s = s[n:]
	}
	return true
}

// beginnings returns every string with which the encoding of a character begins without being
// complete.
var beginnings = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		for s := string(r); len(s) > 1; {
			s = s[:len(s)-1]
			if all[s] {
				break
			}
			all[s] = true
		}
	}
	return all
})

func TestOracleBeginsText(t *testing.T) {
	for _, s := range []string{"", "a", "é", "\xc3", "€\xe2\x82", "\xe0", "\xed\x9f", "\xf0\x90", "\xf4\x8f\xbf", "\uFFFD"} {
		if !beginsText(s) {
			t.Errorf("%q begins valid text", s)
		}
	}
	for _, s := range []string{"\x80", "a\xc1", "\xc3a", "\xe0\x9f", "\xed\xa0", "\xf0\x8f", "\xf4\x90", "\xf5", "\xff", "\xe2\x82\xe2"} {
		if beginsText(s) {
			t.Errorf("%q begins no valid text", s)
		}
	}
	// By the table of RFC 3629: one, two and three bytes of a character that is not complete.
	two := 16*64 - 32 - 32
	three := 5*64 - 16 - 48
	if got, want := len(beginnings()), 30+16+5+two+three+three*64; got != want {
		t.Errorf("%d beginnings of characters, want %d", got, want)
	}
}
