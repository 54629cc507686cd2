package spout

import (
	"bytes"
	"testing"

	"github.com/spoutws/spout/internal/proto"
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
		o.add(large.frame())
		o.add(small.frame())
	}
	t.Logf("%d KiB of memory for %d KiB of messages", o.memory()>>10, o.size>>10)
	if o.memory() > o.size+largeBuffer {
		t.Errorf("%d bytes of memory for %d bytes of messages", o.memory(), o.size)
	}
	o.drop()
}

// A pong that finds no room among the control frames still goes before the close frame.
func TestNothingFollowsTheCloseFrame(t *testing.T) {
	o := &outbox{newestn: -1}
	data := make([]byte, proto.MaxControl)
	for o.addPing(data) {
	}
	o.addPong(data)
	if o.newestn < 0 {
		t.Fatal("there was room for the pong")
	}
	o.addClose(proto.AppendClose(nil, proto.CodeNormal, ""))
	var sent []byte
	for o.load() {
		sent = append(sent, o.flight...)
		o.wrote(len(o.flight))
	}
	var last proto.Kind
	pongs := 0
	d := proto.NewDecoder(&proto.Rules{})
	for rest := sent; len(rest) > 0; {
		ev, r, err := d.Next(rest)
		if err != nil {
			t.Fatal(err)
		}
		rest, last = r, ev.Kind
		if ev.Kind == proto.Pong {
			pongs++
		}
	}
	if last != proto.Close || pongs != 1 {
		t.Errorf("last frame %v, %d pongs", last, pongs)
	}
}
