package proto

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

var benchSizes = []int{16, 128, 1 << 10, 64 << 10}

func BenchmarkMask(b *testing.B) {
	for _, n := range append(benchSizes, 1<<20) {
		eachWay(func(way string) {
			b.Run(fmt.Sprintf("%dB/%s", n, way), func(b *testing.B) {
				p, key := make([]byte, n), Key(rand.Uint32())
				b.SetBytes(int64(n))
				for b.Loop() {
					key.Mask(p)
				}
			})
		})
	}
}

// texts are of many characters in no order that a processor could foresee.
var texts = []struct {
	name string
	next func(*rand.Rand) string
}{
	{"ascii", func(r *rand.Rand) string { return asciiWords[r.IntN(len(asciiWords))] }},
	{"german", func(r *rand.Rand) string { return germanWords[r.IntN(len(germanWords))] }},
	{"cjk", func(r *rand.Rand) string { return string(0x4E00 + r.Int32N(0x5000)) }},
	{"emoji", func(r *rand.Rand) string { return string(0x1F300+r.Int32N(0x300)) + "   "[:r.IntN(3)] }},
}

var (
	asciiWords  = strings.SplitAfter("a the connection waits until its peer has taken everything that was sent, or times out. ", " ")
	germanWords = strings.SplitAfter("der Gruß über die Höhe wäre schön, und Bücher müssen nicht für alle größer sein als vorher. ", " ")
)

// sample returns n bytes of text.
func sample(next func(*rand.Rand) string, n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var p []byte
	for len(p) < n {
		if s := next(r); len(p)+len(s) <= n {
			p = append(p, s...)
		} else {
			p = append(p, '.')
		}
	}
	return p
}

func BenchmarkUTF8(b *testing.B) {
	for _, text := range texts {
		for _, n := range benchSizes {
			p := sample(text.next, n)
			eachWay(func(way string) {
				b.Run(fmt.Sprintf("%s/%dB/%s", text.name, n, way), func(b *testing.B) {
					b.SetBytes(int64(n))
					for b.Loop() {
						var u UTF8
						if !u.Write(p) || !u.Complete() {
							b.Fatal("not valid")
						}
					}
				})
			})
			b.Run(fmt.Sprintf("%s/%dB/std", text.name, n), func(b *testing.B) {
				b.SetBytes(int64(n))
				for b.Loop() {
					if !utf8.Valid(p) {
						b.Fatal("not valid")
					}
				}
			})
		}
	}
}

func BenchmarkNext(b *testing.B) {
	for _, c := range []struct {
		name   string
		op     Op
		size   int
		frames int
	}{
		{"ping", OpPing, 8, 1},
		{"text", OpText, 128, 1}, {"text", OpText, 1 << 10, 1}, {"text", OpText, 64 << 10, 1},
		{"binary", OpBinary, 128, 1}, {"binary", OpBinary, 1 << 10, 1}, {"binary", OpBinary, 64 << 10, 1},
		{"pipelined", OpBinary, 128, 16},
	} {
		b.Run(fmt.Sprintf("%s/%dB", c.name, c.size), func(b *testing.B) {
			// The payload is unmasked in place each time; a key that repeats one even byte keeps it ASCII.
			var wire []byte
			for range c.frames {
				wire = AppendFrame(wire, Header{Fin: true, Op: c.op, Masked: true, Key: 0x02020202}, []byte(strings.Repeat("x", c.size)))
			}
			d := NewDecoder(&Rules{Server: true, Limit: 1 << 20, MaxFragments: 16384})
			b.SetBytes(int64(c.size * c.frames))
			b.ReportAllocs()
			for b.Loop() {
				for p := wire; len(p) > 0; {
					ev, rest, err := d.Next(p)
					if err != nil || len(ev.Payload) != c.size {
						b.Fatal(ev.Kind, err)
					}
					p = rest
				}
			}
		})
	}
}
