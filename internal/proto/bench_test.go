package proto

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func BenchmarkMask(b *testing.B) {
	for _, n := range []int{16, 128, 1 << 10, 16 << 10, 64 << 10} {
		b.Run(fmt.Sprintf("%dB", n), func(b *testing.B) {
			p, key := make([]byte, n), Key(rand.Uint32())
			b.SetBytes(int64(n))
			for b.Loop() {
				key.Mask(p)
			}
		})
	}
}

func BenchmarkUTF8(b *testing.B) {
	for _, text := range []struct{ name, of string }{{"ASCII", "sixteen bytes.. "}, {"mixed", "vier Wörter, 16 "}, {"wide", "€€€€€"}} {
		for _, n := range []int{128, 64 << 10} {
			b.Run(fmt.Sprintf("%s/%dB", text.name, n), func(b *testing.B) {
				p := []byte(strings.Repeat(text.of, n))[:n]
				b.SetBytes(int64(n))
				for b.Loop() {
					var u UTF8
					if !u.Write(p) {
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
