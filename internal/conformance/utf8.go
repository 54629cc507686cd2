package conformance

import (
	"fmt"
	"strings"
)

// Text that is UTF-8, by class.
var validText = []struct{ name, title, text string }{
	{"ascii", "ASCII", "The quick brown fox"},
	{"nul", "U+0000", "\x00"},
	{"del", "U+007F", "\x7f"},
	{"two-first", "the first of two bytes, U+0080", "\xc2\x80"},
	{"two-last", "the last of two bytes, U+07FF", "\xdf\xbf"},
	{"three-first", "the first of three bytes, U+0800", "\xe0\xa0\x80"},
	{"before-surrogates", "the last before the surrogates, U+D7FF", "\xed\x9f\xbf"},
	{"after-surrogates", "the first after the surrogates, U+E000", "\xee\x80\x80"},
	{"replacement", "the replacement character, U+FFFD", "\xef\xbf\xbd"},
	{"noncharacter-fffe", "the noncharacter U+FFFE", "\xef\xbf\xbe"},
	{"three-last", "the last of three bytes, the noncharacter U+FFFF", "\xef\xbf\xbf"},
	{"noncharacter-fdd0", "the noncharacter U+FDD0", "\xef\xb7\x90"},
	{"four-first", "the first of four bytes, U+10000", "\xf0\x90\x80\x80"},
	{"noncharacter-1ffff", "the noncharacter U+1FFFF", "\xf0\x9f\xbf\xbf"},
	{"four-last", "the last of all, U+10FFFF", "\xf4\x8f\xbf\xbf"},
	{"bom", "a byte order mark, which stays", "\xef\xbb\xbftext"},
	{"mixed", "one to four bytes by turns", "a\u00e9\u20ac\U0001d11e"},
	{"scripts", "many scripts", "Zażółć κόσμε Привет שלום नमस्ते 你好 ありがとう 🎈"},
}

// Byte sequences that are not UTF-8, by class (RFC 3629, section 4). fastest is the number of
// bytes after which no continuation can mend it, or 0 where only the end of the message shows it.
var invalidText = []struct {
	name, title, bytes string
	fastest            int
	early              bool // ask whether it is noticed at once
}{
	{"lone-80", "a lone continuation byte 80", "\x80", 1, true},
	{"lone-bf", "a lone continuation byte bf", "\xbf", 1, false},
	{"lone-two", "two continuation bytes", "\x80\xbf", 1, false},
	{"lone-after-two", "a continuation byte too many after two bytes", "\xc3\xa9\xa9", 3, false},
	{"lone-after-four", "a continuation byte too many after four bytes", "\xf0\x9f\x8e\x88\x80", 5, false},
	{"overlong-c0", "the overlong c0 80", "\xc0\x80", 1, true},
	{"overlong-c0-af", "the overlong slash c0 af", "\xc0\xaf", 1, false},
	{"overlong-c1", "the overlong c1 bf", "\xc1\xbf", 1, false},
	{"overlong-e0-80", "the overlong e0 80 80", "\xe0\x80\x80", 2, true},
	{"overlong-e0-9f", "the overlong e0 9f bf", "\xe0\x9f\xbf", 2, false},
	{"overlong-f0-80", "the overlong f0 80 80 80", "\xf0\x80\x80\x80", 2, true},
	{"overlong-f0-8f", "the overlong f0 8f bf bf", "\xf0\x8f\xbf\xbf", 2, false},
	{"surrogate-first", "the surrogate U+D800", "\xed\xa0\x80", 2, true},
	{"surrogate-high", "the surrogate U+DBFF", "\xed\xaf\xbf", 2, false},
	{"surrogate-low", "the surrogate U+DC00", "\xed\xb0\x80", 2, false},
	{"surrogate-last", "the surrogate U+DFFF", "\xed\xbf\xbf", 2, false},
	{"surrogate-pair", "a pair of surrogates", "\xed\xa0\x81\xed\xb0\x80", 2, false},
	{"above-f4", "the number 110000, beyond the last", "\xf4\x90\x80\x80", 2, true},
	{"above-f5", "the lead byte f5", "\xf5\x80\x80\x80", 1, false},
	{"above-f7", "the lead byte f7", "\xf7\xbf\xbf\xbf", 1, false},
	{"five-bytes", "a sequence of five bytes", "\xf8\x88\x80\x80\x80", 1, false},
	{"six-bytes", "a sequence of six bytes", "\xfc\x84\x80\x80\x80\x80", 1, false},
	{"fe", "the byte fe", "\xfe", 1, false},
	{"ff", "the byte ff", "\xff", 1, true},
	{"lead-ascii-2", "a lead byte of two, then ASCII", "\xc3x", 2, false},
	{"lead-ascii-3", "a lead byte of three, then ASCII", "\xe2xx", 2, true},
	{"lead-ascii-4", "a lead byte of four, then ASCII", "\xf0xxx", 2, false},
	{"lead-lead", "a lead byte after a lead byte", "\xc3\xc3\xa9", 2, false},
	{"third-ascii", "ASCII as the third of three bytes", "\xe2\x82x", 3, false},
	{"third-of-four", "ASCII as the third of four bytes", "\xf0\x9fxx", 3, false},
	{"fourth-ascii", "ASCII as the fourth of four bytes", "\xf0\x9f\x8ex", 4, true},
	{"cut-two", "two bytes cut to one", "\xc3", 0, false},
	{"cut-three-1", "three bytes cut to one", "\xe2", 0, false},
	{"cut-three-2", "three bytes cut to two", "\xe2\x82", 0, false},
	{"cut-four-1", "four bytes cut to one", "\xf0", 0, false},
	{"cut-four-2", "four bytes cut to two", "\xf0\x9f", 0, false},
	{"cut-four-3", "four bytes cut to three", "\xf0\x9f\x8e", 0, false},
}

func utf8Cases(l *list) {
	l.family = UTF8
	for _, v := range validText {
		l.add("valid-"+v.name, "Text with "+v.title, ruleText, echo(text(v.text)))
	}
	for _, v := range invalidText {
		// Text before and after, so that the fault is not where a buffer begins or ends.
		tail := " after"
		if v.fastest == 0 {
			tail = ""
		}
		l.add("invalid-"+v.name, "Text with "+v.title, ruleUTF8, fails(1007, text("before "+v.bytes+tail)))
	}
	utf8Cuts(l)
	utf8Early(l)

	l.add("binary", "Binary that is not UTF-8", ruleBinary, echo(bin([]byte("\xff\xfe\x80\xed\xa0\x80"))))
	l.add("binary-then-text", "Binary that ends within a character, then text", ruleBinary, echo(bin([]byte("\xe2\x82")), text("\u20ac")))
	l.add("next-message", "A character begun in one message and ended in the next", ruleUTF8, fails(1007, text("\xe2\x82"), text("\xac")))
	l.add("after-valid", "Bad text after good: the state does not linger", ruleUTF8, func(s *session) {
		s.open()
		s.exchangeFrames(text("\u20ac"))
		s.sendFrames(text("\x82\xac"))
		s.failed(1007)
	})
	l.add("long", "Text of 64 KiB in characters of three bytes", ruleText, echo(text(euros(65536))))
	l.add("long-invalid", "Text of 64 KiB whose last character is cut", ruleUTF8, fails(1007, text(euros(65536)[:65534])))
	for _, at := range []int{0, 7, 8, 15, 16} {
		b := []byte(letters(17))
		b[at] = 0xff
		l.add(fmt.Sprintf("position-%d", at), fmt.Sprintf("17 bytes of ASCII, but for the byte ff at place %d", at), ruleUTF8, fails(1007, newFrame(opText, b)))
	}
}

// euros is n bytes of the euro sign, the last of them perhaps ASCII.
func euros(n int) string {
	return strings.Repeat("\u20ac", n/3) + strings.Repeat("x", n%3)
}

// utf8Cuts puts every cut through text that is valid, and through sequences that are not.
func utf8Cuts(l *list) {
	const mixed = "a\u00e9\u20ac\U0001d11e" // 1 + 2 + 3 + 4 bytes
	for at := 1; at < len(mixed); at++ {
		l.add(fmt.Sprintf("fragment-cut-%d", at), fmt.Sprintf("Characters of one to four bytes in two fragments, cut after byte %d", at), ruleText,
			echo(fragments(text(""), mixed[:at], mixed[at:])...))
	}
	for at := 1; at < len(mixed); at++ {
		l.add(fmt.Sprintf("segment-cut-%d", at), fmt.Sprintf("Characters of one to four bytes in one frame, written in two pieces cut after byte %d", at), ruleText,
			echoInPieces(cutAt(6+at), text(mixed)))
	}
	l.add("fragment-bytewise", "Characters of one to four bytes in fragments of one byte", ruleText, echo(fragments(text(""), evenly(mixed, 1)...)...))
	l.add("segment-bytewise", "Characters of one to four bytes in one frame, byte by byte", ruleText, echoInPieces(piecesOf(1), text(mixed)))
	l.add("ping-in-character", "A ping within a character that two fragments share", ruleText, echo(text("\xe2").part(), ping("\x82"), cont("\x82\xac")))
	l.add("empty-in-character", "An empty fragment within a character", ruleText, echo(fragments(text(""), "\xf0\x9f", "", "\x8e\x88")...))
	for _, v := range invalidText {
		for at := 1; at < len(v.bytes) && len(v.bytes) <= 4; at++ {
			l.add(fmt.Sprintf("invalid-%s-fragment-cut-%d", v.name, at),
				fmt.Sprintf("Text with %s, in two fragments cut after its byte %d", v.title, at), ruleUTF8,
				fails(1007, fragments(text(""), "x"+v.bytes[:at], v.bytes[at:])...))
		}
	}
	l.add("invalid-last-empty", "A cut character, then an empty last fragment", ruleUTF8, fails(1007, fragments(text(""), "\xe2\x82", "")...))
	l.add("invalid-across-ping", "A lead byte, a ping, then ASCII", ruleUTF8, func(s *session) {
		s.open()
		s.sendFrames(text("\xe2").part(), ping("\x82\xac"))
		s.answers(ping("\x82\xac"))
		s.sendFrames(cont("x"))
		s.failed(1007)
	})
}

// utf8Early asks whether the connection fails at the byte that makes the text impossible, or
// only when the message is whole. The RFC sets no time, so the latter is lenient.
func utf8Early(l *list) {
	for _, v := range invalidText {
		if !v.early {
			continue
		}
		l.add("early-"+v.name, "An unfinished message with "+v.title+" fails before its end", ruleUTF8, func(s *session) {
			s.open()
			s.sendFrames(text("x"+v.bytes[:v.fastest]).part(), ping("early"))
			e := s.next()
			if e.kind == pongFrame {
				s.lenient(Rule{}, "the server noticed only when the message was whole")
				s.sendFrames(cont(v.bytes[v.fastest:]))
				s.failed(1007)
				return
			}
			s.isFailure(e, 1007)
		})
	}
	for _, v := range []struct{ name, bytes string }{{"ff", "\xff"}, {"overlong", "\xe0\x80"}, {"surrogate", "\xed\xa0"}, {"above", "\xf4\x90"}} {
		l.add("early-in-frame-"+v.name, fmt.Sprintf("An unfinished frame with %x fails before its end", v.bytes), ruleUTF8, func(s *session) {
			s.open()
			whole := text("x" + v.bytes + "and more").bytes()
			at := 6 + 1 + len(v.bytes)
			s.send(whole[:at])
			e := s.soon()
			if e.kind == silence {
				s.lenient(Rule{}, "the server noticed only when the frame was whole")
				s.send(whole[at:])
				s.failed(1007)
				return
			}
			s.isFailure(e, 1007)
		})
	}
}
