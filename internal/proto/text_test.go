package proto

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// Long texts are checked many bytes at a time, where the processor can: what such a step may get
// wrong depends on where in it a character stands.

// fillers are what may stand around a character: n bytes of text.
var fillers = []struct {
	name string
	of   func(n int) string
}{
	{"ASCII", func(n int) string { return strings.Repeat("x", n) }},
	{"two bytes", func(n int) string { return strings.Repeat("é", n/2) + strings.Repeat("x", n%2) }},
	{"three bytes", func(n int) string { return strings.Repeat("€", n/3) + strings.Repeat("x", n%3) }},
	{"four bytes", func(n int) string { return strings.Repeat("x", n%4) + strings.Repeat("𝄞", n/4) }},
}

// valid checks a text in one piece.
func valid(p []byte) bool {
	var u UTF8
	return u.Write(p) && u.Complete()
}

// begins checks what may be the beginning of a text, in one piece.
func begins(s string) bool {
	var u UTF8
	return u.Write([]byte(s))
}

// Every good and bad sequence, at every place in a long text.
func TestSection81AnyPlace(t *testing.T) {
	const size = 230 // of the text around
	for _, filler := range fillers {
		eachWay(func(way string) {
			t.Run(filler.name+"/"+way, func(t *testing.T) {
				for at := range size {
					before, after := filler.of(at), filler.of(size-at)
					for _, good := range goodText {
						if s := before + good + after; !valid([]byte(s)) {
							t.Fatalf("%q at %d is taken for bad", good, at)
						}
					}
					for _, c := range badText {
						if s := before + c.good + c.bad + after; begins(s) {
							t.Fatalf("%s at %d is taken for good", c.name, at)
						}
						if s := before + c.good + c.bad; begins(s) {
							t.Fatalf("%s at %d, the end, is taken for good", c.name, at)
						}
						if s := before + c.good; !begins(s) || valid([]byte(s)) != (c.good == "") {
							t.Fatalf("%s at %d, where %q is the end, is taken for bad, or complete", c.name, at, c.good)
						}
					}
				}
			})
		})
	}
}

// All pairs of bytes, with and without what can make them a character, around the ends of steps.
func TestSection81AllPairs(t *testing.T) {
	eachWay(func(way string) {
		t.Run(way, func(t *testing.T) {
			var p []byte
			for _, at := range []int{31, 62, 97} {
				for pair := range 1 << 16 {
					for _, end := range []string{"", "\x80", "\xbf\xbf", "\x80\x80\x80"} {
						p = append(p[:0], "one hundred bytes of text that is ASCII and long enough for several steps; what is written counts not"[:at]...)
						p = append(p, byte(pair>>8), byte(pair))
						p = append(p, end...)
						p = append(p, "; what follows"...)
						if got, want := valid(p), utf8.Valid(p); got != want {
							t.Fatalf("%04x, then %x, at %d: valid: %v", pair, end, at, got)
						}
					}
				}
			}
		})
	})
}

// What lies beside a text does not matter, wherever it begins and ends.
func TestTextGuarded(t *testing.T) {
	eachWay(func(way string) {
		t.Run(way, func(t *testing.T) {
			for _, filler := range fillers {
				for _, guard := range []byte{0x80, 0xFF, 0xE2, 'x'} {
					for n := range 300 {
						text := filler.of(n)
						for offset := range 65 {
							buf := slices.Repeat([]byte{guard}, offset+n+64)
							p := buf[offset : offset+n]
							copy(p, text)
							if !valid(p) {
								t.Fatalf("%d bytes of %s at %d beside %x are taken for bad", n, filler.name, offset, guard)
							}
							if n > 0 {
								if p[n-1] = 0xFF; valid(p) {
									t.Fatalf("%d bytes of %s at %d, the last one bad, are taken for good", n, filler.name, offset)
								}
							}
						}
					}
				}
			}
			for _, filler := range fillers {
				for _, n := range []int{4096, 65_535, 70_001} {
					p := []byte(filler.of(n))
					for _, at := range []int{0, 31, 32, n / 2, n - 33, n - 1} {
						b := p[at]
						if !valid(p) {
							t.Errorf("%d bytes of %s are taken for bad", n, filler.name)
						}
						if p[at] = 0xC0; valid(p) {
							t.Errorf("%d bytes of %s, that at %d bad, are taken for good", n, filler.name, at)
						}
						p[at] = b
					}
				}
			}
		})
	})
}

// A text within a longer one is valid or not, and begins one or not, wherever it is cut.
func FuzzText(f *testing.F) {
	for i, c := range badText {
		f.Add(c.good+c.bad, byte(i), byte(3*i), byte(5*i))
		f.Add("é"+c.good, byte(i), byte(64), byte(0))
	}
	for i, s := range goodText {
		f.Add(s, byte(i), byte(100-i), byte(64+i))
	}
	f.Fuzz(func(t *testing.T, s string, filler, before, after byte) {
		fill := fillers[int(filler)%len(fillers)].of
		s = fill(int(before)) + s + fill(int(after))
		goes, is := beginsText(s), utf8.ValidString(s)
		eachWay(func(way string) {
			for cut := range len(s) + 1 {
				var u UTF8
				ok := u.Write([]byte(s[:cut])) && u.Write([]byte(s[cut:]))
				if ok != goes || ok && u.Complete() != is {
					t.Errorf("%s: %q cut at %d: begins a text: %v, complete: %v", way, s, cut, ok, ok && u.Complete())
				}
			}
		})
	})
}

func ExampleUTF8() {
	var u UTF8
	fmt.Println(u.Write([]byte("\xe2\x82")), u.Complete())
	fmt.Println(u.Write([]byte("\xac")), u.Complete())
	// Output:
	// true false
	// true true
}
