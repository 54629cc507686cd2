//go:build !race

package deflate

import (
	"bytes"
	"io"
	"runtime"
	"testing"
)

// What a message costs when the pools are warm: its bytes when it is inflated, a Stream if it is read
// as one, and nothing when it is compressed into a buffer with room, unless it is so small that the
// compressor wants it and what was before it in one piece. (The race detector makes pools forget, so
// what is in this file is not for it.)
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
						given = s
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

// given keeps a Stream from being made on the stack.
var given *Stream

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
