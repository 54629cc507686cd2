package deflate

import (
	"bytes"
	"testing"
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

// The pools hold nothing of a connection.
func TestPoolsForget(t *testing.T) {
	z := inflaters.New().(*inflater)
	z.begin(make([]byte, 100))
	z.feed(make([]byte, 100), true)
	z.next()
	z.end()
	if z.p != nil {
		t.Error("an inflater keeps its input")
	}
}
