package main

import (
	"bytes"
	"encoding/binary"

	"github.com/klauspost/compress/flate"
	"github.com/spoutws/spout/bench/payload"
)

// traffic is what each connection of a run sends.
type traffic struct {
	messages [][]byte
	frames   [][]byte
}

// newTraffic makes n messages of JSON, and the frames that send them on the terms.
func newTraffic(t terms, size, n int) (traffic, error) {
	x := traffic{messages: payload.JSON.Series(size, n)}
	var (
		w   *flate.Writer
		err error
	)
	if t.receiveBits == 15 {
		w, err = flate.NewWriter(nil, 1)
	} else if t.compressed {
		w, err = flate.NewWriterWindow(nil, 1<<t.receiveBits)
	}
	if err != nil {
		return x, err
	}
	var history []byte
	for _, m := range x.messages {
		if !t.compressed {
			x.frames = append(x.frames, frame(0, m))
			continue
		}
		var packed bytes.Buffer
		w.ResetDict(&packed, history)
		w.Write(m)
		w.Flush()
		x.frames = append(x.frames, frame(rsv1, bytes.TrimSuffix(packed.Bytes(), tail[:4])))
		if t.receive {
			history = append(history, m...)
			history = history[max(0, len(history)-1<<t.receiveBits):]
		}
	}
	return x, nil
}

const rsv1 = 0x40

// frame returns a masked frame that is a whole message.
func frame(bits byte, payload []byte) []byte {
	const final, binaryMessage, masked = 0x80, 0x02, 0x80
	f := []byte{final | bits | binaryMessage}
	switch n := len(payload); {
	case n < 126:
		f = append(f, masked|byte(n))
	case n < 1<<16:
		f = binary.BigEndian.AppendUint16(append(f, masked|126), uint16(n))
	default:
		f = binary.BigEndian.AppendUint64(append(f, masked|127), uint64(n))
	}
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	f = append(f, key[:]...)
	for i, b := range payload {
		f = append(f, b^key[i%4])
	}
	return f
}
