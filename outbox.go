package spout

import (
	"slices"
	"sync"

	"github.com/spoutws/spout/internal/proto"
)

// outbox is what waits to be sent, encoded. A connection has one only while something waits. It
// is guarded by Conn.mu; the flight belongs to the holder of the write token.
type outbox struct {
	mask  masker
	limit int // of size, 0 for none; an empty queue takes one message of any size

	chunks []chunk // frames, oldest first
	held   []chunk // what follows the message that WriteFrom is sending
	size   int     // bytes of data in flight, chunks and held
	behind int     // of them in held

	answers int // bytes of what an event sent, reckoned as if they left first

	control []byte                 // pings and pongs, which overtake data
	pongs   int                    // in control
	newest  [proto.MaxControl]byte // payload of the pong that follows when there are maxPongs already
	newestn int                    // its length, -1 for none

	flight   []byte // being written
	flightOf []byte // the buffer to give back
	overhead int    // bytes of control frames at the start of the flight
	flown    int    // bytes of the flight that were taken, but hold memory until it lands
	inFrame  bool   // the flight ends within a frame

	streaming bool // WriteFrom is in mid-message

	waiters  []*waiter // for room, or for the turn of a WriteFrom
	streamer *waiter   // the WriteFrom in mid-message, waiting for room
}

// chunk is a part of the queue.
type chunk struct {
	b      []byte
	shared bool // a prepared message's, never appended to or given back
	open   bool // its last frame goes on in the next chunk
}

// maxPongs is how many pongs wait to be sent before only the newest is kept: "an endpoint MAY
// elect to send a Pong frame for only the most recently processed Ping frame" (RFC 6455, 5.5.3).
const maxPongs = 16

// shareFrom is the size of a prepared frame from which it is queued by reference.
const shareFrom = 4 << 10

// outboxes are those of connections that have nothing to send.
var outboxes = sync.Pool{New: func() any { return &outbox{newestn: -1} }}

// idle reports whether nothing waits, neither bytes nor calls.
func (o *outbox) idle() bool { return o.empty() && len(o.waiters) == 0 && !o.streaming }

// empty reports whether no bytes wait that may be sent now.
func (o *outbox) empty() bool {
	return len(o.flight) == 0 && len(o.chunks) == 0 && len(o.control) == 0 && o.newestn < 0
}

// add queues the frame of a whole message.
func (o *outbox) add(f frame) {
	queue := o.chunks
	if o.streaming {
		queue = o.held
	}
	// By reference, but where there is room for a copy: what a chunk has spare when another follows it
	// is wasted.
	if n := len(f.encoded); !bool(o.mask) && n >= shareFrom && n > spare(queue) {
		o.push(chunk{b: f.encoded, shared: true})
		return
	}
	o.addFrame(f.header, f.payload, o.streaming)
}

// addClose queues a close frame behind everything, in a chunk of its own if control frames wait that may
// have to let the frame before it end.
func (o *outbox) addClose(payload []byte) {
	if len(o.control) > 0 || o.newestn >= 0 {
		o.push(chunk{b: getSmall()[:0]})
	}
	o.addFrame(proto.Header{Fin: true, Op: proto.OpClose}, payload, o.streaming)
}

// addFrame queues a frame. Chunks are filled to the last byte, and none is larger than what the queue
// may yet take, so that a full queue holds hardly more memory than it has bytes; the frame goes on in
// the next chunk where one is full.
func (o *outbox) addFrame(h proto.Header, payload []byte, hold bool) {
	n := proto.FrameSize(len(payload), bool(o.mask))
	queue := &o.chunks
	if hold {
		queue = &o.held
		o.behind += n
	}
	o.size += n
	o.mask.apply(&h)
	h.Length = uint64(len(payload))
	t := o.tail(queue, n, proto.MaxHeader)
	t.b = proto.AppendHeader(t.b, h)
	for {
		start := len(t.b)
		m := copy(t.b[start:cap(t.b)], payload)
		t.b = t.b[:start+m]
		if h.Masked {
			h.Key = h.Key.Mask(t.b[start:])
		}
		if payload = payload[m:]; len(payload) == 0 {
			return
		}
		t.open = true
		t = o.tail(queue, len(payload), 1)
	}
}

// tail returns the last chunk of a queue if that has so much room, or else a new one: for n bytes, which
// o.size counts already.
func (o *outbox) tail(queue *[]chunk, n, room int) *chunk {
	last := len(*queue) - 1
	if spare(*queue) < room {
		left := o.left() + n
		if last >= 0 && !(*queue)[last].shared {
			n = left // more will follow
		}
		*queue = append(*queue, chunk{b: getBuffer(n, left)[:0]})
		last++
	}
	return &(*queue)[last]
}

// spare is how much room the last chunk of a queue has.
func spare(queue []chunk) int {
	if len(queue) == 0 || queue[len(queue)-1].shared {
		return 0
	}
	last := queue[len(queue)-1]
	return cap(last.b) - len(last.b)
}

// unsent queues what was not taken of a frame, before everything.
func (o *outbox) unsent(head, body []byte) {
	o.size += len(head) + len(body)
	var front []chunk
	for _, rest := range [][]byte{head, body} {
		for len(rest) > 0 {
			t := o.tail(&front, len(rest), 1)
			start := len(t.b)
			n := copy(t.b[start:cap(t.b)], rest)
			t.b = t.b[:start+n]
			rest = rest[n:]
		}
	}
	for i := range front[:len(front)-1] {
		front[i].open = true
	}
	o.chunks = append(front, o.chunks...)
	o.inFrame = true
}

// push queues a chunk as it is.
func (o *outbox) push(ch chunk) {
	o.size += len(ch.b)
	if o.streaming {
		o.behind += len(ch.b)
		o.held = append(o.held, ch)
		return
	}
	o.chunks = append(o.chunks, ch)
}

// addPing queues a ping and reports whether there was room for it.
func (o *outbox) addPing(data []byte) bool {
	return o.addControl(proto.OpPing, data)
}

// addPong queues the answer to a ping.
func (o *outbox) addPong(data []byte) {
	if o.pongs < maxPongs && o.addControl(proto.OpPong, data) {
		o.pongs++
		return
	}
	o.newestn = copy(o.newest[:], data)
}

func (o *outbox) addControl(op proto.Op, data []byte) bool {
	if o.control == nil {
		o.control = getSmall()[:0]
	}
	if cap(o.control)-len(o.control) < proto.FrameSize(len(data), bool(o.mask)) {
		return false
	}
	h := proto.Header{Fin: true, Op: op}
	o.mask.apply(&h)
	o.control = proto.AppendFrame(o.control, h, data)
	return true
}

// load makes the next flight of what waits, control frames first, and reports whether there is
// any. The holder of the write token calls it.
func (o *outbox) load() bool {
	if len(o.flight) > 0 {
		return true
	}
	o.land()
	if o.newestn >= 0 && o.addControl(proto.OpPong, o.newest[:o.newestn]) {
		o.newestn = -1
	}
	switch {
	case len(o.control) > 0 && !o.inFrame:
		o.flight, o.flightOf, o.overhead = o.control, o.control, len(o.control)
		o.control, o.pongs = nil, 0
	case len(o.chunks) > 0:
		ch := o.chunks[0]
		o.flight, o.inFrame = ch.b, ch.open
		if !ch.shared {
			o.flightOf = ch.b
		}
		o.chunks = slices.Delete(o.chunks, 0, 1)
	default:
		return false
	}
	// Control frames that wait, for the end of a frame or a pong for room, go before more data, which
	// may end with a close frame.
	if len(o.control) == 0 && o.newestn < 0 {
		o.gather()
	}
	return true
}

// gather adds to the flight the chunks that fit one buffer with it, so that they leave in
// one system call.
func (o *outbox) gather() {
	n, total := 0, len(o.flight)
	for n < len(o.chunks) && total+len(o.chunks[n].b) <= largeBuffer {
		total += len(o.chunks[n].b)
		n++
	}
	if n == 0 {
		return
	}
	b := append(getBuffer(total, largeBuffer)[:0], o.flight...)
	putBuffer(o.flightOf)
	for _, ch := range o.chunks[:n] {
		b = append(b, ch.b...)
		o.inFrame = ch.open
		ch.free()
	}
	o.chunks = slices.Delete(o.chunks, 0, n)
	o.flight, o.flightOf = b, b
}

func (ch chunk) free() {
	if !ch.shared {
		putBuffer(ch.b)
	}
}

// wrote records that n bytes of the flight were taken.
func (o *outbox) wrote(n int) {
	o.flight = o.flight[n:]
	o.flown += n
	control := min(n, o.overhead)
	o.overhead -= control
	o.size -= n - control
	o.answers = max(0, o.answers-(n-control))
	if len(o.flight) == 0 {
		o.land()
	}
}

// land gives back the flight's buffer.
func (o *outbox) land() {
	putBuffer(o.flightOf)
	o.flight, o.flightOf, o.overhead, o.flown = nil, nil, 0, 0
}

// release lets what was held follow: the message of WriteFrom is complete.
func (o *outbox) release() {
	o.streaming = false
	o.chunks = append(o.chunks, o.held...)
	o.held, o.behind = nil, 0
}

// abandonStream gives up the message that WriteFrom is sending, and what was to follow it: the
// connection is about to fail.
func (o *outbox) abandonStream() {
	if o == nil || !o.streaming {
		return
	}
	for _, ch := range o.held {
		ch.free()
	}
	o.size -= o.behind
	o.held, o.behind, o.streaming = nil, 0, false
	if w := o.streamer; w != nil {
		o.streamer = nil
		w.turn <- nil
	}
}

// drop forgets all that waits, for nothing is sent any more. What is in flight stays with the
// holder of the write token.
func (o *outbox) drop() {
	o.abandonStream()
	for _, ch := range o.chunks {
		ch.free()
	}
	putBuffer(o.control)
	o.chunks, o.control, o.newestn, o.pongs = nil, nil, -1, 0
	o.size = len(o.flight) - o.overhead
}
