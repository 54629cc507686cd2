//go:build !race

package deflate

import (
	"io"
	"testing"
)

// What a message costs when the pools are warm: its bytes when it is inflated, a Stream if it is read
// as one, and nothing when it is compressed into a buffer with room, unless it is so small that the
// compressor wants it and what was before it in one piece. The race detector makes pools forget, so
// this is not for it.
func TestAllocations(t *testing.T) {
	for _, size := range []int{0, 20, 200, 4000, 30_000} {
		for _, level := range []int{1, 6, 9} {
			for _, dir := range []Direction{{true, maxBits}, {true, 12}, {false, maxBits}} {
				c, d := NewCompressor(dir, level, 4096), NewDecompressor(dir)
				m := samples()["records"][:size]
				p := c.Append(nil, m, true)
				c.Sent(m)
				d.Inflate(p, 0)
				dst, buf := make([]byte, 0, 2*len(p)+100), make([]byte, 4096)
				joined := 0.0
				if size < stateless && dir.Takeover {
					joined = 1
				}
				for what, f := range map[string]struct {
					most float64
					run  func()
				}{
					"Append":      {joined, func() { c.Append(dst, m, true); c.Sent(m) }},
					"Kind.Append": {0, func() { c.Kind().Append(dst, m) }},
					"Inflate":     {1, func() { d.Inflate(p, 1<<20) }},
					"Stream": {1, func() {
						s := d.Stream()
						for {
							if _, err := s.Read(buf); err == ErrInput {
								s.Feed(p, true)
							} else if err == io.EOF {
								return
							} else if err != nil {
								t.Fatal(err)
							}
						}
					}},
				} {
					if n := testing.AllocsPerRun(20, f.run); n > f.most {
						t.Errorf("%d bytes, level %d, %+v: %s: %v allocations, want at most %v", size, level, dir, what, n, f.most)
					}
				}
			}
		}
	}
}
