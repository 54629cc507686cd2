package conformance

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// inflaterInputs are of every kind that a compressor treats in its own way.
func inflaterInputs() map[string][]byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	return map[string][]byte{
		"empty": nil, "one": []byte("x"), "Hello": []byte("Hello"), "run": make([]byte, 70_000), "noise": noise,
		"text": []byte(strings.Repeat("the quick brown fox jumps over the lazy dog. ", 3000)),
		"far":  slices.Concat(noise[:30_000], noise[:30_000], noise[5:20_000]),
	}
}

// What compress/flate makes is read as it was, message after message, with the window taken over.
func TestInflaterReadsFlate(t *testing.T) {
	for name, data := range inflaterInputs() {
		for _, level := range []int{flate.HuffmanOnly, flate.NoCompression, 1, 6, 9} {
			t.Run(fmt.Sprintf("%s/%d", name, level), func(t *testing.T) {
				z := inflater{window: largestWindow}
				var history []byte
				for range 3 {
					got, err := z.inflate(deflated(level, history, data))
					if err != nil || !bytes.Equal(got, data) {
						t.Fatalf("%d bytes, %v", len(got), err)
					}
					history = append(history, data...)
				}
			})
		}
	}
}

// compress/flate reads what is written here, and so does the inflater: blocks of all kinds.
func TestBlocksAreDeflate(t *testing.T) {
	for name, data := range inflaterInputs() {
		window := 300
		tokens := greedy(nil, data, window)
		for kind, w := range map[string]*blocks{
			"fixed":  new(blocks).fixed(0, tokens...),
			"stored": new(blocks).stored(0, string(head(data, 1000))).fixed(0, greedy(head(data, 1000), data[len(head(data, 1000)):], window)...),
			"final":  new(blocks).fixed(1, literals("before")...).fixed(0, greedy([]byte("before"), data, window)...),
		} {
			want := data
			if kind == "final" {
				want = append([]byte("before"), data...)
			}
			payload := w.message()
			z := inflater{window: window}
			if got, err := z.inflate(payload); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s, %s: %d bytes, %v", name, kind, len(got), err)
			}
			if kind == "final" {
				continue // compress/flate ends there
			}
			r := flate.NewReader(bytes.NewReader(append(payload, 0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff)))
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s, %s: compress/flate: %d bytes, %v", name, kind, len(got), err)
			}
		}
	}
}

// Every distance up to the window is taken, and none beyond it or before the first byte.
func TestInflaterWindow(t *testing.T) {
	for bits := 8; bits <= 15; bits++ {
		window := 1 << bits
		for _, v := range []struct {
			before, distance int
			err              string
		}{
			{window, window, ""},
			{window + 1, window, ""},
			{window + 1, window + 1, "the window has"},
			{window - 1, window, "bytes are known"},
			{0, 1, "only 0 are known"},
			{5, 5, ""},
			{5, 6, "only 5 are known"},
		} {
			if v.distance > largestWindow {
				continue
			}
			if v.err == "bytes are known" {
				v.err = fmt.Sprintf("only %d are known", v.before)
			}
			past := letters(v.before)
			// In one message, and with what is reached in the message before.
			whole := inflater{window: window}
			_, err := whole.inflate(new(blocks).stored(0, past[:v.before/2]).stored(0, past[v.before/2:]).fixed(0, match(258, v.distance)).message())
			inflaterWant(t, fmt.Sprintf("%d bits, one message, %d back after %d", bits, v.distance, v.before), err, v.err)
			two := inflater{window: window}
			if got, err := two.inflate(new(blocks).stored(0, past).message()); err != nil || string(got) != past {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
			got, err := two.inflate(new(blocks).fixed(0, match(3, v.distance)).message())
			inflaterWant(t, fmt.Sprintf("%d bits, two messages, %d back after %d", bits, v.distance, v.before), err, v.err)
			if err == nil && v.distance >= 3 && string(got) != past[v.before-v.distance:][:3] {
				t.Errorf("%q came out", got)
			}
		}
	}
}

func inflaterWant(t *testing.T, what string, err error, want string) {
	t.Helper()
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		t.Errorf("%s: %v, want %q", what, err, want)
	}
}

// A message that was cut is never taken, whatever kind of blocks it has, unless the rest happens
// to be a message of its own: then compress/flate takes it as well.
func TestInflaterTruncation(t *testing.T) {
	text := []byte("the quick brown fox jumps over the lazy dog, and the dog over the fox")
	for name, payload := range map[string][]byte{
		"fixed":   new(blocks).fixed(0, greedy(nil, text, 256)...).message(),
		"stored":  new(blocks).stored(0, string(text)).message(),
		"dynamic": deflated(9, nil, bytes.Repeat(text, 8)),
		"several": new(blocks).fixed(0, literals("abc")...).stored(0, "def").fixed(1, literals("ghi")...).message(),
	} {
		if _, err := (&inflater{window: largestWindow}).inflate(payload); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for n := range payload {
			_, err := (&inflater{window: largestWindow}).inflate(payload[:n])
			tail := append(slices.Clone(payload[:n]), 0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff)
			in := bytes.NewReader(tail)
			_, oracle := io.Copy(io.Discard, flate.NewReader(in))
			// compress/flate stops at a final block, so it says something only where it reads all.
			if ours, theirs := err == nil, oracle == nil && in.Len() == 0; ours && !theirs {
				t.Errorf("%s cut after %d of %d bytes is taken; compress/flate: %v", name, n, len(payload), oracle)
			}
		}
	}
}

// What is not DEFLATE is refused, with a word about why.
func TestInflaterRefuses(t *testing.T) {
	for _, v := range badData {
		_, err := (&inflater{window: largestWindow}).inflate(v.payload())
		if err == nil {
			t.Errorf("%s is taken", v.name)
		}
	}
	for name, v := range map[string]struct{ payload, want string }{
		"nothing":          {"", "ends within"},
		"reserved":         {"\x06", "reserved type"},
		"whole flush":      {"\x00\x00\x00\xff\xff", "ends within"},
		"final and no end": {"\xf3\x48\xcd\xc9\xc9\x07\x00", "ends within"},
	} {
		_, err := (&inflater{window: largestWindow}).inflate([]byte(v.payload))
		inflaterWant(t, name, err, v.want)
	}
}

// A message that is refused changes nothing, and any bytes are judged without a panic.
func TestInflaterNoise(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		b := make([]byte, rnd.IntN(60))
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		z := inflater{window: largestWindow, history: []byte("history")}
		got, err := z.inflate(b)
		if err != nil && string(z.history) != "history" {
			t.Fatalf("% x changed the window", b)
		}
		if err != nil {
			continue
		}
		r := flate.NewReaderDict(bytes.NewReader(append(b, 0, 0, 0xff, 0xff)), []byte("history"))
		if want, _ := io.ReadAll(r); !bytes.HasPrefix(got, want) {
			t.Fatalf("% x: %q, compress/flate has %q", b, got, want)
		}
	}
}

// The decompressed bytes of the examples of RFC 7692, section 7.2.3.
func TestInflaterExamples(t *testing.T) {
	for payload, want := range map[string]string{
		"\xf2\x48\xcd\xc9\xc9\x07\x00":                         "Hello",
		"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00":         "Hello",
		"\xf3\x48\xcd\xc9\xc9\x07\x00\x00":                     "Hello",
		"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00": "Hello",
		"\x00": "",
	} {
		if got, err := (&inflater{window: 256}).inflate([]byte(payload)); err != nil || string(got) != want {
			t.Errorf("% x: %q, %v", payload, got, err)
		}
	}
	if got := new(blocks).fixed(0, literals("Hello")...).message(); string(got) != "\xf2\x48\xcd\xc9\xc9\x07\x00" {
		t.Errorf("% x", got)
	}
}
