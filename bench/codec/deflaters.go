package main

import (
	std "compress/flate"
	"fmt"

	"github.com/klauspost/compress/flate"
)

// deflater is a way of compressing a message.
type deflater struct {
	name    string
	history int // how many of the bytes before a message it is given
	new     func() compress
}

// compress appends m, compressed behind history and flushed, to out.
type compress func(out *buffer, history, m []byte)

// buffer collects what is written to it.
type buffer struct{ b []byte }

func (w *buffer) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}

// klauspost is a pooled compressor that is primed for each message.
func klauspost(level, history int) deflater {
	return deflater{fmt.Sprintf("klauspost %d%s", level, given(history)), history, func() compress {
		w, err := flate.NewWriter(nil, level)
		return primed(w, err)
	}}
}

// klauspostWindow never refers back further than the window.
func klauspostWindow(window int) deflater {
	history := min(window, 4096)
	return deflater{fmt.Sprintf("klauspost, window of %s", size(window)), history, func() compress {
		w, err := flate.NewWriterWindow(nil, window)
		return primed(w, err)
	}}
}

func primed(w *flate.Writer, err error) compress {
	if err != nil {
		panic(err)
	}
	return func(out *buffer, history, m []byte) {
		w.ResetDict(out, history)
		w.Write(m)
		w.Flush()
	}
}

// stateless keeps no compressor at all.
func stateless(history int) deflater {
	return deflater{"klauspost stateless" + given(history), history, func() compress {
		return func(out *buffer, history, m []byte) { flate.StatelessDeflate(out, m, false, history) }
	}}
}

// standard is a pooled compressor of the standard library, which can't be primed.
func standard(level int) deflater {
	return deflater{fmt.Sprintf("std %d", level), 0, func() compress {
		w, err := std.NewWriter(nil, level)
		if err != nil {
			panic(err)
		}
		return func(out *buffer, _, m []byte) {
			w.Reset(out)
			w.Write(m)
			w.Flush()
		}
	}}
}

// standardDict makes a compressor for each message, because only so it can be primed.
func standardDict(level, history int) deflater {
	return deflater{fmt.Sprintf("std %d%s", level, given(history)), history, func() compress {
		return func(out *buffer, history, m []byte) {
			w, err := std.NewWriterDict(out, level, history)
			if err != nil {
				panic(err)
			}
			w.Write(m)
			w.Flush()
		}
	}}
}

var deflaters = []deflater{
	klauspost(1, 0), klauspost(2, 0), klauspost(3, 0), klauspost(5, 0), klauspost(6, 0), klauspost(7, 0),
	klauspost(1, 1<<10), klauspost(3, 1<<10),
	klauspost(1, 4<<10), klauspost(2, 4<<10), klauspost(3, 4<<10), klauspost(5, 4<<10), klauspost(6, 4<<10), klauspost(7, 4<<10),
	klauspost(1, 32<<10),
	stateless(0), stateless(1 << 10), stateless(4 << 10),
	klauspostWindow(256), klauspostWindow(1 << 10), klauspostWindow(4 << 10), klauspostWindow(16 << 10),
	standard(1), standard(6), standardDict(1, 4<<10), standardDict(6, 4<<10),
}

// given says how much history a deflater is given, "" for none.
func given(history int) string {
	if history == 0 {
		return ""
	}
	return ", " + size(history)
}

// size writes a number of bytes.
func size(n int) string {
	if n >= 1024 {
		return fmt.Sprintf("%d KiB", n/1024)
	}
	return fmt.Sprintf("%d B", n)
}
