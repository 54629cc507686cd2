package natsbroker

import (
	"encoding/binary"
	"errors"
	"time"
)

// frame is what stands before the data of a message of a room without history, so that who receives it
// notices when one before it is missing.
type frame struct {
	mark        bool          // nothing was published: this is only where the publisher stands
	node        uint64        // the publisher
	incarnation uint64        // grows when a publisher begins anew to count in a room
	number      uint64        // of this message, from 1; of a mark, the last one's
	age         time.Duration // of the message before this one; of a mark, the last one's
}

const (
	frameMessage = 'M'
	frameMark    = 'K'
	maxFrame     = 1 + 8 + 3*binary.MaxVarintLen64
)

var errFrame = errors.New("not a message of this package")

func (f frame) appendTo(b []byte) []byte {
	if f.mark {
		b = append(b, frameMark)
	} else {
		b = append(b, frameMessage)
	}
	b = binary.BigEndian.AppendUint64(b, f.node)
	b = binary.AppendUvarint(b, f.incarnation)
	b = binary.AppendUvarint(b, f.number)
	return binary.AppendUvarint(b, uint64(max(0, f.age.Milliseconds())))
}

// cutFrame returns what stands before the data, and the data.
func cutFrame(b []byte) (f frame, data []byte, err error) {
	if len(b) < 9 || b[0] != frameMessage && b[0] != frameMark {
		return f, nil, errFrame
	}
	f.mark = b[0] == frameMark
	f.node = binary.BigEndian.Uint64(b[1:])
	b = b[9:]
	var age uint64
	for _, v := range []*uint64{&f.incarnation, &f.number, &age} {
		n := 0
		if *v, n = binary.Uvarint(b); n <= 0 {
			return f, nil, errFrame
		}
		b = b[n:]
	}
	f.age = time.Duration(min(age, 1<<40)) * time.Millisecond
	return f, b, nil
}
