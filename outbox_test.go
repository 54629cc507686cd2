package spout

import (
	"bytes"
	"testing"
)

// memory returns the bytes of memory that the connection has for what waits.
func (o *outbox) memory() int {
	n := cap(o.control) + cap(o.flightOf)
	for _, queue := range [][]chunk{o.chunks, o.held} {
		for _, ch := range queue {
			if !ch.shared {
				n += cap(ch.b)
			}
		}
	}
	return n
}

// A prepared message that is queued by reference does not make a small one behind it take a large
// buffer.
func TestQueueOfPreparedAndSmallMessages(t *testing.T) {
	o := &outbox{newestn: -1}
	large, small := Binary(bytes.Repeat([]byte("x"), shareFrom)).Prepare(), Text("hello")
	for o.size < 1<<20 {
		o.add(large)
		o.add(small)
	}
	t.Logf("%d KiB of memory for %d KiB of messages", o.memory()>>10, o.size>>10)
	if o.memory() > o.size+largeBuffer {
		t.Errorf("%d bytes of memory for %d bytes of messages", o.memory(), o.size)
	}
	o.drop()
}
