package deflate

import (
	"bytes"
	"fmt"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	for _, bits := range []int{8, 9, 12, 15} {
		for _, takeover := range []bool{false, true} {
			d := Direction{Takeover: takeover, Bits: bits}
			c, r := NewCompressor(d, 1, 4096), NewDecompressor(d)
			for i := range 50 {
				m := bytes.Repeat(fmt.Appendf(nil, "message %d of many; ", i), i*i)
				p := c.Append(nil, m, true)
				c.Sent(m)
				got, err := r.Inflate(p, 0)
				if err != nil || !bytes.Equal(got, m) {
					t.Fatalf("bits %d, takeover %v, message %d: %v, %d bytes of %d", bits, takeover, i, err, len(got), len(m))
				}
				for cut := range min(len(p), 300) {
					x := NewDecompressor(d)
					x.window.b = append([]byte(nil), r.window.b...)
					// A cut behind an empty block is a whole message to anybody.
					if got, err := x.Inflate(p[:cut], 0); err == nil && (len(got) > 0 || p[cut-1] != 0) {
						t.Fatalf("bits %d, message %d cut at %d of %d: %q", bits, i, cut, len(p), got)
					}
				}
			}
		}
	}
}
