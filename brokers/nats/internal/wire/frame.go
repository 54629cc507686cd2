package wire

import (
	"encoding/binary"
	"errors"
	"time"
)

// Frame is what stands before the data of a message of a room without history, so that who receives it
// notices when one before it is missing.
type Frame struct {
	Mark        bool          // nothing was published: this is only where the publisher stands
	Node        uint64        // the publisher
	Incarnation uint64        // grows when a publisher begins anew to count in a room
	Number      uint64        // of this message, from 1; of a mark, the last one's
	Age         time.Duration // of the message before this one; of a mark, the last one's
}

const (
	maxAge = 1 << 40 // milliseconds

	frameMessage = 'M'
	frameMark    = 'K'
	// MaxFrame is how long a Frame is at the most.
	MaxFrame = 1 + 8 + 3*binary.MaxVarintLen64
)

var errFrame = errors.New("not a message of this package")

// AppendTo appends what stands before the data.
func (f Frame) AppendTo(b []byte) []byte {
	if f.Mark {
		b = append(b, frameMark)
	} else {
		b = append(b, frameMessage)
	}
	b = binary.BigEndian.AppendUint64(b, f.Node)
	b = binary.AppendUvarint(b, f.Incarnation)
	b = binary.AppendUvarint(b, f.Number)
	return binary.AppendUvarint(b, uint64(max(0, f.Age.Milliseconds())))
}

// Cut returns what stands before the data, and the data.
func Cut(b []byte) (f Frame, data []byte, err error) {
	if len(b) < 9 || b[0] != frameMessage && b[0] != frameMark {
		return f, nil, errFrame
	}
	f.Mark = b[0] == frameMark
	f.Node = binary.BigEndian.Uint64(b[1:])
	b = b[9:]
	var age uint64
	for _, v := range []*uint64{&f.Incarnation, &f.Number, &age} {
		n := 0
		if *v, n = binary.Uvarint(b); n <= 0 {
			return f, nil, errFrame
		}
		b = b[n:]
	}
	f.Age = time.Duration(min(age, maxAge)) * time.Millisecond
	return f, b, nil
}
