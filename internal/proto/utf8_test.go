package proto

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// badText has every class of bytes that cannot follow: the good ones before, which may be within a
// character, and the bad one.
var badText = []struct{ name, good, bad string }{
	{"lone continuation byte, lowest", "", "\x80"},
	{"lone continuation byte, highest", "", "\xbf"},
	{"overlong two bytes, lowest", "", "\xc0"},
	{"overlong two bytes, highest", "", "\xc1"},
	{"beyond U+10FFFF, lead F5", "", "\xf5"},
	{"lead of five bytes", "", "\xf8"},
	{"lead of six bytes", "", "\xfc"},
	{"FE", "", "\xfe"},
	{"FF", "", "\xff"},
	{"overlong three bytes, lowest", "\xe0", "\x80"},
	{"overlong three bytes, highest", "\xe0", "\x9f"},
	{"surrogate, lowest", "\xed", "\xa0"},
	{"surrogate, highest", "\xed", "\xbf"},
	{"overlong four bytes, lowest", "\xf0", "\x80"},
	{"overlong four bytes, highest", "\xf0", "\x8f"},
	{"beyond U+10FFFF, lowest", "\xf4", "\x90"},
	{"beyond U+10FFFF, highest", "\xf4", "\xbf"},
	{"two bytes, then ASCII", "\xc3", "a"},
	{"two bytes, then a lead", "\xc3", "\xc3"},
	{"three bytes, then ASCII", "\xe2", "a"},
	{"three bytes, then ASCII, later", "\xe2\x82", "\x7f"},
	{"three bytes, then a lead", "\xe2\x82", "\xc2"},
	{"four bytes, then ASCII", "\xf0", "\x00"},
	{"four bytes, then ASCII, later", "\xf0\x9d", "a"},
	{"four bytes, then ASCII, last", "\xf0\x9d\x84", "a"},
	{"four bytes, then a lead", "\xf0\x9d\x84", "\xf0"},
	{"four bytes, then FF", "\xf4\x8f\xbf", "\xff"},
}

// goodText has the ends of every range of RFC 3629, section 4.
var goodText = []string{
	"", "\x00", "a", "\x7f", "\u0080", "\u07ff", "\u0800", "\u0fff", "\u1000", "\ucfff", "\ud000", "\ud7ff",
	"\ue000", "\ufffd", "\ufffe", "\uffff", "\U00010000", "\U0003ffff", "\U00040000", "\U000fffff", "\U00100000", "\U0010ffff",
	"κόσμε 𝄞 \ufeff", strings.Repeat("long enough for whole words ", 4) + "€",
}

// around are texts to put before and after, for the paths of the checker that take many bytes at once.
var around = []string{"", "x", "é", "sixteen bytes ok", "€€€€€€€€𝄞"}

// checkText checks s in two pieces and in single bytes and returns how many bytes were taken until it
// failed, or -1, and whether the text may end after s.
func checkText(s string, cut int) (failed int, complete bool) {
	var whole, singly UTF8
	failed = -1
	for i := range len(s) {
		if !singly.Write([]byte(s[i : i+1])) {
			failed = i
			break
		}
	}
	ok := whole.Write([]byte(s[:cut])) && whole.Write([]byte(s[cut:]))
	if ok != (failed < 0) || ok && whole.Complete() != singly.Complete() {
		panic(fmt.Sprintf("%q cut at %d: %v, in single bytes failed at %d", s, cut, ok, failed))
	}
	return failed, ok && whole.Complete()
}

func TestSection81Good(t *testing.T) {
	for _, before := range around {
		for _, good := range goodText {
			s := before + good
			for cut := range len(s) + 1 {
				if failed, complete := checkText(s, cut); failed >= 0 || !complete {
					t.Errorf("%q cut at %d: failed at %d, complete: %v", s, cut, failed, complete)
				}
			}
		}
	}
}

func TestSection81Bad(t *testing.T) {
	for _, c := range badText {
		t.Run(c.name, func(t *testing.T) {
			for _, before := range around {
				for _, after := range around {
					s := before + c.good + c.bad + after
					for cut := range len(s) + 1 {
						if failed, _ := checkText(s, cut); failed != len(before+c.good) {
							t.Errorf("%q cut at %d: failed at %d", s, cut, failed)
						}
					}
					if failed, complete := checkText(before+c.good, 0); failed >= 0 || complete != (c.good == "") {
						t.Errorf("%q: failed at %d, complete: %v", before+c.good, failed, complete)
					}
				}
			}
		})
	}
}

// Every state of the checker meets every byte; at the end of the longest sequences, those at the
// ends of ranges.
func TestSection81AllBytes(t *testing.T) {
	var visit func(u UTF8, s string)
	visit = func(u UTF8, s string) {
		if u.Complete() != (s == "") {
			t.Fatalf("after %q: complete: %v", s, u.Complete())
		}
		for b := range 256 {
			if len(s) == 3 && b&0x0f > 0 && b&0x0f < 15 {
				continue
			}
			next, longer := u, s+string([]byte{byte(b)})
			switch ok := next.Write([]byte{byte(b)}); {
			case ok != beginsText(longer):
				t.Fatalf("%q: %v", longer, ok)
			case !ok:
			case utf8.ValidString(longer):
				if next != (UTF8{}) {
					t.Fatalf("%q: %+v", longer, next)
				}
			default:
				visit(next, longer)
			}
		}
	}
	visit(UTF8{}, "")
}

// section81 carries bad texts in messages, whole and fragmented.
var section81 = func() (table []exchange) {
	fail := []string{"fail 1007"}
	for _, c := range badText {
		s := "€" + c.good + c.bad + "late"
		at := len("€" + c.good)
		table = append(table,
			exchange{name: c.name, frames: []frame{{fin | OpText, s}}, want: fail},
			exchange{name: c.name + ", fragmented at it", frames: []frame{{OpText, s[:at]}, {fin | OpContinuation, s[at:]}}, want: fail},
			exchange{name: c.name + ", fragmented before it, with a ping",
				frames: []frame{{OpText, s[:at-1]}, {fin | OpPing, ""}, {OpContinuation, s[at-1 : at]}, {OpContinuation, ""}, {fin | OpContinuation, s[at:]}},
				want:   []string{`ping ""`, "fail 1007"}},
			exchange{name: c.name + ", in binary", frames: []frame{{fin | OpBinary, s}}, want: []string{fmt.Sprintf("binary %q", s)}})
	}
	for _, s := range []string{"\xc3", "\xe2", "\xe2\x82", "\xf0", "\xf0\x9d", "\xf0\x9d\x84"} {
		table = append(table,
			exchange{name: fmt.Sprintf("ends in %q", s), frames: []frame{{fin | OpText, "x" + s}}, want: fail},
			exchange{name: fmt.Sprintf("ends in %q, fragmented", s),
				frames: []frame{{OpText, "x" + s}, {fin | OpPong, ""}, {fin | OpContinuation, ""}}, want: []string{`pong ""`, "fail 1007"}},
			exchange{name: fmt.Sprintf("%q is of that message alone", s),
				frames: []frame{{OpText, s}, {fin | OpContinuation, ""}, {fin | OpText, "x"}}, want: fail})
	}
	return append(table, exchange{name: "each message anew",
		frames: []frame{{fin | OpText, "é"}, {fin | OpBinary, "\xc3"}, {fin | OpText, "é"}},
		want:   []string{`text "é"`, `binary "\xc3"`, `text "é"`}})
}()

func TestSection81Messages(t *testing.T) { converse(t, section81) }

// The text is valid or not, and fails where it must, wherever it is cut.
func FuzzUTF8(f *testing.F) {
	for _, c := range badText {
		f.Add("x" + c.good + c.bad)
		f.Add("€" + c.good)
	}
	for _, s := range goodText {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = s[:min(len(s), 256)] // each is checked at every cut
		failed, complete := checkText(s, 0)
		if complete != utf8.ValidString(s) {
			t.Errorf("%q: complete: %v", s, complete)
		}
		if failed >= 0 && (!beginsText(s[:failed]) || beginsText(s[:failed+1])) || failed < 0 && !beginsText(s) {
			t.Errorf("%q: failed at %d", s, failed)
		}
		for cut := range len(s) + 1 {
			if again, still := checkText(s, cut); again != failed || still != complete {
				t.Errorf("%q cut at %d: failed at %d, not %d", s, cut, again, failed)
			}
		}
	})
}
