package spout

import (
	"slices"
	"sync"

	"github.com/spoutws/spout/internal/proto"
)

// outbox is what waits to be sent, encoded. A connection has one only while something waits. It
// is guarded by Conn.mu; the flight belongs to the holder of the write token.
type outbox struct {
	mask masker

	chunks []chunk // whole frames, oldest first
	held   []chunk // what follows the message that WriteFrom is sending
	size   int     // bytes of data in flight, chunks and held
	behind int     // of them in held

	control []byte // pings and pongs, which overtake data
	pongs   int    // in control
	newest  []byte // payload of the pong that follows when there are maxPongs already

	flight   []byte // being written
	flightOf []byte // the buffer to give back
	overhead int    // bytes of control frames at the start of the flight

	streaming bool // WriteFrom is in mid-message

	waiters  []*waiter // for room, or for the turn of a WriteFrom
	streamer *waiter   // the WriteFrom in mid-message, waiting for room
}

// chunk is a part of the queue: whole frames.
type chunk struct {
	b      []byte
	shared bool // a prepared message's, never appended to or given back
}

// waiter is a call that waits for its turn. It gets nil when its message is queued or its stream
// may go on, an error when it never will.
type waiter struct {
	m      Message
	stream bool
	turn   chan error
}

// maxPongs is how many pongs wait to be sent before only the newest is kept: "an endpoint MAY
// elect to send a Pong frame for only the most recently processed Ping frame" (RFC 6455, 5.5.3).
const maxPongs = 16

// shareFrom is the size of a prepared frame from which it is queued by reference.
const shareFrom = 4 << 10

// outboxes are those of connections that have nothing to send.
var outboxes = sync.Pool{New: func() any { return new(outbox) }}

// idle reports whether nothing waits, neither bytes nor calls.
func (o *outbox) idle() bool {
	return len(o.flight) == 0 && len(o.chunks) == 0 && len(o.control) == 0 && o.newest == nil &&
		len(o.waiters) == 0 && !o.streaming
}

// room reports whether n bytes more may be queued; an empty queue takes any number.
func (o *outbox) room(n, limit int) bool {
	return o.size == 0 || limit == 0 || o.size+n <= limit
}

// streamRoom is room for the WriteFrom in mid-message, which must not wait for what follows it.
func (o *outbox) streamRoom(n, limit int) bool {
	ahead := o.size - o.behind
	return ahead == 0 || limit == 0 || ahead+n <= limit
}

// add queues a whole message.
func (o *outbox) add(m Message) {
	if p := m.prepared; p != nil && !bool(o.mask) && len(p.frame) >= shareFrom {
		o.push(chunk{p.frame, true})
		return
	}
	o.addFrame(proto.Header{Fin: true, Op: proto.Op(m.Type)}, m.payload(), o.streaming)
}

// addClose queues a close frame behind everything.
func (o *outbox) addClose(payload []byte) {
	o.addFrame(proto.Header{Fin: true, Op: proto.OpClose}, payload, o.streaming)
}

func (o *outbox) addFrame(h proto.Header, payload []byte, hold bool) {
	n := proto.FrameSize(len(payload), bool(o.mask))
	queue := &o.chunks
	if hold {
		queue = &o.held
		o.behind += n
	}
	o.size += n
	o.mask.apply(&h)
	if last := len(*queue) - 1; last >= 0 {
		if t := &(*queue)[last]; !t.shared && cap(t.b)-len(t.b) >= n {
			t.b = proto.AppendFrame(t.b, h, payload)
			return
		}
	}
	var b []byte
	switch {
	case n > largeBuffer/8:
		b = make([]byte, 0, n)
	case len(*queue) == 0 && n <= smallBuffer:
		b = getSmall()[:0]
	default:
		b = getLarge()[:0]
	}
	*queue = append(*queue, chunk{b: proto.AppendFrame(b, h, payload)})
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
	if o.newest == nil {
		o.newest = make([]byte, 0, proto.MaxControl)
	}
	o.newest = append(o.newest[:0], data...)
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
	if o.newest != nil && o.addControl(proto.OpPong, o.newest) {
		o.newest = nil
	}
	switch {
	case len(o.control) > 0:
		o.flight, o.flightOf, o.overhead = o.control, o.control, len(o.control)
		o.control, o.pongs = nil, 0
	case len(o.chunks) > 0:
		o.launch(o.chunks[0])
		o.chunks = slices.Delete(o.chunks, 0, 1)
	default:
		return false
	}
	o.gather()
	return true
}

// gather adds to the flight the chunks that fit one large buffer with it, so that they leave in
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
	b := append(getLarge()[:0], o.flight...)
	putBuffer(o.flightOf)
	for _, ch := range o.chunks[:n] {
		b = append(b, ch.b...)
		ch.free()
	}
	o.chunks = slices.Delete(o.chunks, 0, n)
	o.flight, o.flightOf = b, b
}

func (o *outbox) launch(ch chunk) {
	o.flight = ch.b
	if !ch.shared {
		o.flightOf = ch.b
	}
}

func (ch chunk) free() {
	if !ch.shared {
		putBuffer(ch.b)
	}
}

// wrote records that n bytes of the flight were taken.
func (o *outbox) wrote(n int) {
	o.flight = o.flight[n:]
	control := min(n, o.overhead)
	o.overhead -= control
	o.size -= n - control
	if len(o.flight) == 0 {
		o.land()
	}
}

// land gives back the flight's buffer.
func (o *outbox) land() {
	putBuffer(o.flightOf)
	o.flight, o.flightOf, o.overhead = nil, nil, 0
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

// refuse ends the waiting of all calls with err.
func (o *outbox) refuse(err error) {
	if o == nil {
		return
	}
	for _, w := range o.waiters {
		w.turn <- err
	}
	clear(o.waiters)
	o.waiters = o.waiters[:0]
}

// drop forgets all that waits, for nothing is sent any more. What is in flight stays with the
// holder of the write token.
func (o *outbox) drop() {
	o.abandonStream()
	for _, ch := range o.chunks {
		ch.free()
	}
	putBuffer(o.control)
	o.chunks, o.control, o.newest, o.pongs = nil, nil, nil, 0
	o.size = len(o.flight) - o.overhead
}

// grant serves the calls that wait, in their order, as far as there is room.
func (o *outbox) grant(limit int) {
	if w := o.streamer; w != nil && o.streamRoom(w.m.frameSize(o.mask), limit) {
		o.streamer = nil
		w.turn <- nil
	}
	for len(o.waiters) > 0 {
		w := o.waiters[0]
		switch {
		case w.stream && o.streaming, !w.stream && !o.room(w.m.frameSize(o.mask), limit):
			return
		case w.stream:
			o.streaming = true
		default:
			o.add(w.m)
		}
		o.waiters = slices.Delete(o.waiters, 0, 1)
		w.turn <- nil
	}
}

// forget takes a waiter back and reports whether it still waited.
func (o *outbox) forget(w *waiter) bool {
	if o.streamer == w {
		o.streamer = nil
		return true
	}
	i := slices.Index(o.waiters, w)
	if i >= 0 {
		o.waiters = slices.Delete(o.waiters, i, i+1)
	}
	return i >= 0
}
