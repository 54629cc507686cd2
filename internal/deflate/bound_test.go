package deflate

import (
	"bytes"
	"runtime"
	"testing"
	"weak"
)

// A million tiny parts of one message, be they final, empty or of a code of their own, take work for what
// they are: none of them is worth a window's copying.
func TestManyBlocks(t *testing.T) {
	var codes bitWriter
	for range 2000 {
		codes.b = append(codes.b, dynamic(map[int]int{256: 1}, nil, "0")...)
		codes.b = append(codes.b, tail...)
	}
	for what, p := range map[string][]byte{
		"final fixed":  bytes.Repeat([]byte{0x03, 0x00}, 500_000),
		"empty stored": bytes.Repeat([]byte{0x00, 0x00, 0x00, 0xff, 0xff}, 200_000),
		"final stored": bytes.Repeat([]byte{0x01, 0x00, 0x00, 0xff, 0xff}, 200_000),
		"dynamic":      codes.b,
	} {
		p = append(p, 0)
		d := received(Direction{true, maxBits}, samples()["noise"])
		var got []byte
		var err error
		n := allocated(func() { got, err = d.Inflate(p, 100) })
		if err != nil || len(got) != 0 {
			t.Errorf("%s: %v, %d bytes", what, err, len(got))
		}
		if n > 300_000 {
			t.Errorf("%s: %d bytes allocated", what, n)
		}
		if s, err := feed(&d, p, 100, 3, 1, 2); err != nil || len(s) != 0 {
			t.Errorf("%s, streamed: %v, %d bytes", what, err, len(s))
		}
		if want := samples()["noise"]; !bytes.HasSuffix(want, d.window.b) || len(d.window.b) != maxWindow {
			t.Errorf("%s: the window has changed", what)
		}
	}
}

// The pools hold nothing of a connection, neither its windows nor its messages.
func TestPoolsForget(t *testing.T) {
	const size = 4096
	text := samples()["records"]
	for _, dir := range []Direction{{true, maxBits}, {true, 12}} {
		for level := 1; level <= 9; level++ {
			for _, n := range []int{20, 200, 4000} {
				c, d := NewCompressor(dir, level, size), NewDecompressor(dir)
				var of []weak.Pointer[byte]
				for i := range 3 {
					m := bytes.Clone(text[i*n:][:n])
					p := c.Append(nil, m, true)
					c.Sent(m)
					if _, err := d.Inflate(p, 0); err != nil {
						t.Fatal(err)
					}
					of = append(of, weak.Make(&m[0]), weak.Make(&p[0]))
				}
				of = append(of, weak.Make(&c.window.b[0]), weak.Make(&d.window.b[0]))
				runtime.KeepAlive(&c)
				runtime.KeepAlive(&d)
				c, d = Compressor{}, Decompressor{}
				runtime.GC() // The pools outlive one.
				for i, p := range of {
					if p.Value() != nil {
						t.Errorf("%+v, level %d, messages of %d bytes: number %d is held", dir, level, n, i)
					}
				}
			}
		}
	}
}
