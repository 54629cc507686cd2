// Command codec measures what can compress and inflate the messages of
// a WebSocket connection: time, ratio, allocations and memory of compress/flate
// and klauspost/compress/flate, with and without history. It prints Markdown.
//
// Run it at the root of the repository: go run ./bench/codec
package main

import (
	"bytes"
	std "compress/flate"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/flate"
	"github.com/spoutws/spout/bench/payload"
)

var sizes = []int{64, 128, 256, 512, 1 << 10, 4 << 10, 16 << 10, 64 << 10}

// tail is what a flush ends with, and a message of permessage-deflate lacks.
const tail = "\x00\x00\xff\xff"

func main() {
	passes := flag.Int("passes", 4, "how often everything is measured; the least is printed")
	flag.Parse()
	held()
	for _, part := range []func(passes int) error{deflating, inflating} {
		if err := part(*passes); err != nil {
			fmt.Fprintln(os.Stderr, "codec:", err)
			os.Exit(1)
		}
	}
}

// held prints how much memory one compressor or inflater holds.
func held() {
	fmt.Print("Memory of one compressor that has compressed 1 KiB, and of one inflater, in KB:\n\n| | std | klauspost |\n|---|---|---|\n")
	used := func(w interface {
		io.Writer
		Flush() error
	}) any {
		w.Write(make([]byte, 1024))
		w.Flush()
		return w
	}
	for level := 1; level <= 9; level++ {
		s := heap(func() any { w, _ := std.NewWriter(io.Discard, level); return used(w) })
		k := heap(func() any { w, _ := flate.NewWriter(io.Discard, level); return used(w) })
		fmt.Printf("| level %d | %d | %d |\n", level, s/1000, k/1000)
	}
	for _, window := range []int{256, 32 << 10} {
		k := heap(func() any { w, _ := flate.NewWriterWindow(io.Discard, window); return used(w) })
		fmt.Printf("| window of %s | - | %d |\n", size(window), k/1000)
	}
	fmt.Printf("| inflater | %d | %d |\n", heap(func() any { return inflaters[0].new() })/1000, heap(func() any { return inflaters[1].new() })/1000)
}

// deflating prints what compressing a message costs and saves.
func deflating(passes int) error {
	for _, kind := range []payload.Kind{payload.JSON, payload.Chat, payload.Noise} {
		var rows []row
		for _, d := range deflaters {
			r := row{name: d.name}
			for _, n := range sizes {
				r.cells = append(r.cells, func() (cost, float64, error) { return deflateSeries(d, kind, n) })
			}
			rows = append(rows, r)
		}
		title := fmt.Sprintf("Compressing %s: us (ratio), allocations if there are any", kind.Name)
		if err := printTable(title, passes, rows); err != nil {
			return err
		}
	}
	return nil
}

func deflateSeries(d deflater, kind payload.Kind, n int) (c cost, ratio float64, err error) {
	messages := kind.Series(n, max(16, min(128, 1<<20/n)))
	all := bytes.Join(messages, nil)
	// The first message has the last ones before it, like those after it.
	before := func(i int) []byte {
		end := i * n
		if i == 0 {
			end = len(all)
		}
		return all[max(0, end-d.history):end]
	}
	f, out, packed := d.new(), &buffer{}, 0
	r, buf := inflaters[0].new(), make([]byte, n)
	for i, m := range messages {
		out.b = out.b[:0]
		f(out, before(i), m)
		packed += len(bytes.TrimSuffix(out.b, []byte(tail)))
		if err := inflate(r, bytes.NewReader(out.b), before(i), buf, n); err != nil {
			return c, 0, err
		}
	}
	c, err = measure(len(messages), func(i int) {
		out.b = out.b[:0]
		f(out, before(i), messages[i])
	})
	return c, float64(len(all)) / float64(packed), err
}

// inflating prints what inflating a message costs.
func inflating(passes int) error {
	var rows []row
	for _, history := range []int{0, 4 << 10} {
		for _, x := range inflaters {
			for _, in := range inputs {
				r := row{name: x.name + ", " + in.name + given(history)}
				for _, n := range sizes {
					r.cells = append(r.cells, func() (cost, float64, error) { return inflateSeries(x, in, history, n) })
				}
				rows = append(rows, r)
			}
		}
		r := row{name: "spout" + given(history)}
		for _, n := range sizes {
			r.cells = append(r.cells, func() (cost, float64, error) { return inflateSpout(history, n) })
		}
		rows = append(rows, r)
	}
	return printTable("Inflating JSON that klauspost 1 has compressed: us, allocations if there are any", passes, rows)
}

func inflateSeries(x inflater, in input, history, n int) (c cost, ratio float64, err error) {
	messages := payload.JSON.Series(n, 32)
	all := bytes.Join(messages, nil)
	before := all[:min(len(all), history)]
	f, packed := klauspost(1, history).new(), make([][]byte, len(messages))
	for i, m := range messages {
		out := &buffer{}
		f(out, before, m)
		packed[i] = out.b
	}
	r, open, buf := x.new(), in.new(), make([]byte, 4096)
	var failed error
	c, err = measure(len(packed), func(i int) {
		if err := inflate(r, open(packed[i]), before, buf, n); err != nil {
			failed = err
		}
	})
	return c, 0, errors.Join(failed, err)
}
