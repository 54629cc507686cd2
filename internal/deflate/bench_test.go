package deflate

import (
	std "compress/flate"
	"fmt"
	"io"
	"testing"

	"github.com/klauspost/compress/flate"
)

// BenchmarkInflate compares the inflater with those of the standard library and of klauspost/compress,
// which are given the message and a tail that ends them.
func BenchmarkInflate(b *testing.B) {
	for _, name := range []string{"records", "letters", "noise"} {
		for _, size := range []int{200, 4000, 100_000} {
			text := samples()[name]
			text = text[:min(size, len(text))]
			p := Kind{6, maxBits}.Append(nil, text)
			run := func(by string, inflate func()) {
				b.Run(fmt.Sprintf("%s/%d/%s", name, size, by), func(b *testing.B) {
					b.ReportAllocs()
					b.SetBytes(int64(len(text)))
					for b.Loop() {
						inflate()
					}
				})
			}
			d := NewDecompressor(Direction{Bits: maxBits})
			run("spout", func() { d.Inflate(p, 0) })
			out := make([]byte, size)
			for by, r := range map[string]io.Reader{"std": std.NewReader(nil), "klauspost": flate.NewReader(nil)} {
				in := &repeated{p: append(p, 0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff)}
				run(by, func() {
					in.at = 0
					r.(flate.Resetter).Reset(in, nil)
					io.ReadFull(r, out[:len(text)])
				})
			}
		}
	}
}

type repeated struct {
	p  []byte
	at int
}

func (r *repeated) ReadByte() (byte, error) {
	if r.at == len(r.p) {
		return 0, io.EOF
	}
	r.at++
	return r.p[r.at-1], nil
}

func (r *repeated) Read(p []byte) (int, error) {
	n := copy(p, r.p[r.at:])
	r.at += n
	return n, nil
}
