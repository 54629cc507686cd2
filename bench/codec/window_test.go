package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/flate"
	"github.com/spoutws/spout/bench/payload"
)

// TestWindow holds that a compressor with a limited window, and any with the full one, never refers
// back further, neither into its history nor within a message.
func TestWindow(t *testing.T) {
	for _, window := range []int{256, 512, 1 << 10, 4 << 10} {
		w, err := flate.NewWriterWindow(nil, window)
		if err != nil {
			t.Fatal(err)
		}
		if err := converse(w, window, 60); err != nil {
			t.Errorf("window of %d: %v", window, err)
		}
	}
	w, err := flate.NewWriterWindow(nil, flateWindow)
	if err != nil {
		t.Fatal(err)
	}
	if err := converse(w, flateWindow, 20); err != nil {
		t.Errorf("window of %d: %v", flateWindow, err)
	}
	for level := 1; level <= 9; level++ {
		w, err := flate.NewWriter(nil, level)
		if err != nil {
			t.Fatal(err)
		}
		if err := converse(w, flateWindow, 12); err != nil {
			t.Errorf("level %d: %v", level, err)
		}
		// The counterproof: the levels know no other window, and the strict inflater notices.
		if err := converse(w, 4<<10, 100); !errors.Is(err, errTooFar) {
			t.Errorf("level %d, 4 KiB: %v, want %v", level, err, errTooFar)
		}
	}
}

// converse sends n messages of which the compressor remembers only the window, and inflates them
// strictly. Among them are repetitions at about the window's distance.
func converse(w *flate.Writer, window, n int) error {
	r := rand.New(rand.NewPCG(1951, uint64(window)))
	var history []byte
	for i := range n {
		size := []int{1, 20, 127, 128, 300, 1000, 3000, 9000}[r.IntN(8)]
		var m []byte
		switch i % 4 {
		case 0:
			m = payload.JSON.Series(max(size, 16), 1)[0]
		case 1:
			m = payload.Chat.Series(size, 1)[0]
		case 2:
			m = payload.Noise.Series(window-3+r.IntN(6), 1)[0]
			m = bytes.Repeat(m, 2+size/len(m))
		case 3:
			m = append(bytes.Clone(history[max(0, len(history)-window):]), "and more"...)
		}
		out := &buffer{}
		w.ResetDict(out, history[max(0, len(history)-window):])
		for rest := m; len(rest) > 0; {
			k := min(len(rest), 1+r.IntN(len(m)))
			w.Write(rest[:k])
			rest = rest[k:]
			w.Flush()
		}
		w.Flush()
		got, err := inflateStrictly(bytes.Clone(history), out.b, window)
		if err != nil {
			return fmt.Errorf("message %d of %d bytes: %w", i, len(m), err)
		}
		if !bytes.Equal(got[len(history):], m) {
			return fmt.Errorf("message %d of %d bytes differs", i, len(m))
		}
		history = got[max(0, len(got)-flateWindow):]
	}
	return nil
}

// TestManyMessages holds that a pooled compressor outlives its counter of positions, which runs over
// after about 65,000 messages.
func TestManyMessages(t *testing.T) {
	const resets, n = 65_000, 2_000
	text := payload.Chat.Series(4096, 1)[0]
	history, out, buf := text[:64], &buffer{}, make([]byte, 128)
	r := inflaters[0].new()
	w, err := flate.NewWriter(nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	for range resets {
		w.Reset(out) // moves on like a message
	}
	for i := range n {
		m := text[i%3000:][:128]
		out.b = out.b[:0]
		w.ResetDict(out, history)
		w.Write(m)
		w.Flush()
		if err := inflate(r, bytes.NewReader(out.b), history, buf, len(m)); err != nil || !bytes.Equal(buf, m) {
			t.Fatalf("message %d: %v", i, err)
		}
	}
}

// TestSmallMessages shows from which size on history is of use: below, it is not looked at.
func TestSmallMessages(t *testing.T) {
	const from = 128
	history := payload.Chat.Series(1024, 1)[0]
	for level := 1; level <= 6; level++ {
		w, err := flate.NewWriter(nil, level)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{from - 1, from} {
			out := &buffer{}
			w.ResetDict(out, history)
			w.Write(history[500:][:n]) // nothing new
			w.Flush()
			if used := len(out.b) < n/4; used != (n == from) {
				t.Errorf("level %d: %d known bytes are compressed to %d", level, n, len(out.b))
			}
		}
	}
}
