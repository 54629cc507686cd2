package deflate

import (
	"bytes"
	"runtime"
	"testing"
)

// bomb is 64 KiB that become 64 MiB.
func bomb(t *testing.T) []byte {
	t.Helper()
	zeros := make([]byte, 64<<20)
	p := Kind{9, maxBits}.Append(nil, zeros)
	if len(p) > 64<<10+100 {
		t.Fatalf("the bomb has %d bytes", len(p))
	}
	return p
}

// A bomb costs the limit, not what it would become.
func TestBomb(t *testing.T) {
	const limit = 1 << 20
	p := bomb(t)
	for _, dir := range []Direction{{true, maxBits}, {true, 12}, {false, maxBits}} {
		d := NewDecompressor(dir)
		var err error
		n := allocated(func() { _, err = d.Inflate(p, limit) })
		if err != ErrTooBig || n > 2<<20 {
			t.Errorf("%+v: Inflate: %v, %d bytes allocated", dir, err, n)
		}
		t.Logf("%+v: Inflate of %d bytes with a limit of 1 MiB allocates %d", dir, len(p), n)

		got := 0
		n = allocated(func() {
			s := d.Stream()
			defer s.Close()
			buf := make([]byte, 4096)
			for got <= limit {
				n, err := s.Read(buf)
				if got += n; err == ErrInput {
					s.Feed(p, true)
				} else if err != nil {
					t.Errorf("%+v: Stream: %v after %d bytes", dir, err, got)
					return
				}
			}
		})
		if n > 200_000 {
			t.Errorf("%+v: Stream: %d bytes allocated", dir, n)
		}
	}
	d := NewDecompressor(Direction{})
	if got, err := d.Inflate(p, 64<<20); err != nil || len(got) != 64<<20 {
		t.Errorf("with a limit of 64 MiB: %v, %d bytes", err, len(got))
	}
}

// A million small messages cost what they are, and leave nothing.
func TestMillionMessages(t *testing.T) {
	const messages = 1_000_000
	dir := Direction{true, 12}
	c := NewCompressor(dir, 1, 4096)
	m := []byte("Hello, Hello, Hello!")
	payload := c.Append(nil, m, true)
	d := NewDecompressor(dir)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range messages {
		if got, err := d.Inflate(payload, 100); err != nil || !bytes.Equal(got, m) {
			t.Fatalf("%q, %v", got, err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1.5*32*messages {
		t.Errorf("%d bytes were allocated", n)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
}

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
