package wire

import (
	"bytes"

	"github.com/klauspost/compress/flate"
	"github.com/spoutws/spout/bench/payload"
)

// Traffic is what each connection of a run sends. After the last frame it may
// go on with the first: none refers to messages before that.
type Traffic struct {
	Messages [][]byte
	Frames   [][]byte
}

// NewTraffic makes n binary messages of JSON, and the frames that send them on the terms.
func NewTraffic(t Terms, size, n int) (Traffic, error) {
	x := Traffic{Messages: payload.JSON.Series(size, n)}
	var (
		w   *flate.Writer
		err error
	)
	if t.ReceiveBits == 15 {
		w, err = flate.NewWriter(nil, 1)
	} else if t.Compressed {
		w, err = flate.NewWriterWindow(nil, 1<<t.ReceiveBits)
	}
	if err != nil {
		return x, err
	}
	var history []byte
	for _, m := range x.Messages {
		if !t.Compressed {
			x.Frames = append(x.Frames, Frame(false, m))
			continue
		}
		var packed bytes.Buffer
		w.ResetDict(&packed, history)
		w.Write(m)
		w.Flush()
		x.Frames = append(x.Frames, frame(final|rsv1|opBin, bytes.TrimSuffix(packed.Bytes(), tail[:4])))
		if t.Receive {
			history = append(history, m...)
			history = history[max(0, len(history)-1<<t.ReceiveBits):]
		}
	}
	return x, nil
}
