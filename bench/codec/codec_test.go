package main

import (
	"bytes"
	"compress/flate"
	"io"
	"testing"

	"github.com/spoutws/spout/bench/payload"
	"github.com/spoutws/spout/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// TestDeflaters holds that what each deflater makes of a message can be inflated by each inflater
// that has the same history.
func TestDeflaters(t *testing.T) {
	const count = 3
	buf := make([]byte, 1024)
	for _, d := range deflaters {
		f := d.new()
		for _, n := range []int{1, 64, 128, 5000} {
			messages := payload.JSON.Series(n, count)
			var history []byte
			for i, m := range messages {
				before := history[max(0, len(history)-d.history):]
				out := &buffer{}
				f(out, before, m)
				for _, x := range inflaters {
					for _, in := range inputs {
						r := x.new()
						if err := r.Reset(in.new()(out.b), before); err != nil {
							t.Fatal(err)
						}
						if got, _ := io.ReadAll(r); !bytes.Equal(got, m) {
							t.Errorf("%s, message %d of %d bytes, inflated by %s from %s: %d bytes that differ", d.name, i, n, x.name, in.name, len(got))
						}
					}
				}
				if len(history)+n > flateWindow {
					history = nil
				}
				history = append(history, m...)
			}
		}
	}
	if err := inflate(inflaters[0].new(), bytes.NewReader([]byte{0x02, 0x00}), nil, buf, 1); err == nil {
		t.Error("inflate does not tell that a message is cut")
	}
}

// flateWindow is the largest window of DEFLATE.
const flateWindow = 32 << 10

// TestInflateSpout holds that the library inflates what is measured.
func TestInflateSpout(t *testing.T) {
	for _, history := range []int{0, 4 << 10} {
		for _, n := range []int{64, 5000} {
			if _, _, err := inflateSpout(history, n); err != nil {
				t.Errorf("%d bytes, history %d: %v", n, history, err)
			}
		}
	}
}

// TestStrictInflater holds the inflater of the tests against the standard library's compressor.
func TestStrictInflater(t *testing.T) {
	for level := flate.HuffmanOnly; level <= flate.BestCompression; level++ {
		for _, kind := range []payload.Kind{payload.JSON, payload.Chat, payload.Noise} {
			for _, n := range []int{0, 1, 100, 35_000} {
				m := kind.Series(n+1, 1)[0][:n]
				var packed bytes.Buffer
				w, err := flate.NewWriter(&packed, level)
				if err != nil {
					t.Fatal(err)
				}
				w.Write(m)
				w.Flush()
				got, err := inflateStrictly(nil, packed.Bytes(), flateWindow)
				if err != nil || !bytes.Equal(got, m) {
					t.Errorf("level %d, %s of %d bytes: %v, %d bytes", level, kind.Name, n, err, len(got))
				}
			}
		}
	}
}
