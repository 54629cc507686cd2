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

// Control frames that can't leave at once still go before the close frame: a pong that finds no room among
// the others, or one that has to wait for the end of a frame.
func TestNothingFollowsTheCloseFrame(t *testing.T) {
	data := make([]byte, proto.MaxControl)
	for name, wait := range map[string]func(t *testing.T, o *outbox, load func() bool){
		"for room": func(t *testing.T, o *outbox, _ func() bool) {
			for o.addPing(data) {
			}
			o.addPong(data)
			if o.newestn < 0 {
				t.Fatal("there was room for the pong")
			}
		},
		"for the end of a frame": func(t *testing.T, o *outbox, load func() bool) {
			o.addFrame(proto.Header{Fin: true, Op: proto.OpBinary}, make([]byte, largeBuffer+1000), false)
			load()
			o.addPong(data)
			if !o.inFrame {
				t.Fatal("no frame is under way")
			}
		},
		"for the end of a frame, before others": func(t *testing.T, o *outbox, load func() bool) {
			for range 3 {
				o.addFrame(proto.Header{Fin: true, Op: proto.OpBinary}, make([]byte, largeBuffer+1000), false)
			}
			load()
			o.addPong(data)
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := &outbox{newestn: -1}
			var sent []byte
			load := func() bool {
				if !o.load() {
					return false
				}
				sent = append(sent, o.flight...)
				o.wrote(len(o.flight))
				return true
			}
			wait(t, o, load)
			o.addClose(proto.AppendClose(nil, proto.CodeNormal, ""))
			for load() {
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
		})
	}
}
