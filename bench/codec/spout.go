package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"

	"github.com/spoutws/spout/bench/payload"
	"github.com/spoutws/spout/internal/deflate"
)

// inflateSpout measures what inflating a message costs the library: with the message that it
// returns, and with the window that it keeps.
func inflateSpout(history, n int) (c cost, ratio float64, err error) {
	messages := payload.JSON.Series(n, 32)
	all := bytes.Join(messages, nil)
	bits := 15
	if history > 0 {
		bits = 12
	}
	d := deflate.NewDecompressor(deflate.Direction{Takeover: history > 0, Bits: bits})
	// The messages go round and round: the first follows the last.
	recent := all[max(0, len(all)-history):]
	if _, err := d.Inflate(stored(recent), 0); err != nil {
		return c, 0, err
	}
	f, packed := klauspost(1, history).new(), make([][]byte, len(messages))
	for i, m := range messages {
		out := &buffer{}
		f(out, recent, m)
		packed[i] = bytes.TrimSuffix(out.b, []byte(tail))
		recent = bytes.Join([][]byte{recent, m}, nil)
		recent = recent[max(0, len(recent)-history):]
	}
	var failed error
	c, err = measure(len(packed), func(i int) {
		got, err := d.Inflate(packed[i], int64(n))
		if err == nil && !bytes.Equal(got, messages[i]) {
			err = errors.New("the message differs")
		}
		if err != nil {
			failed = err
		}
	})
	return c, 0, errors.Join(failed, err)
}

// stored returns the message as stored blocks, without the tail.
func stored(m []byte) (p []byte) {
	for len(m) > 0 {
		k := min(len(m), math.MaxUint16)
		p = binary.LittleEndian.AppendUint16(append(p, 0), uint16(k))
		p = binary.LittleEndian.AppendUint16(p, ^uint16(k))
		p, m = append(p, m[:k]...), m[k:]
	}
	return append(p, 0)
}
