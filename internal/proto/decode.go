package proto

// Kind says what an [Event] is.
type Kind uint8

// The kinds of events.
const (
	NoEvent Kind = iota // all input is used up
	Data                // a piece of a message
	Ping
	Pong
	Close
)

// Event is what a [Decoder] found in its input.
type Event struct {
	Kind       Kind
	Op         Op     // Data: OpText or OpBinary, also for continuations
	Compressed bool   // Data: of a compressed message, of which neither UTF-8 nor the size inflated is checked
	First      bool   // Data: Payload begins the message
	End        bool   // Data: Payload ends the message
	Left       uint64 // Data: bytes that the frame claims to have beyond Payload
	Code       uint16 // Close: the code, 1005 if the frame had none
	Payload    []byte // unmasked, for Close the reason; valid until the next call of Next
}

// Decoder turns the bytes of one direction of a connection into events. It stops at any byte
// and goes on from there: however its input is cut, messages and control frames are the same.
// It keeps no reference to its input, and between messages nothing but its rules. It is not safe
// for concurrent use.
type Decoder struct {
	rules *Rules    // nil after a close frame or a violation: all further input is ignored
	state *progress // nil if nothing is under way
}

// NewDecoder returns a decoder at the start of a connection.
func NewDecoder(r *Rules) Decoder { return Decoder{rules: r} }

// InFrame reports whether the input so far ended within a frame.
func (d *Decoder) InFrame() bool { return d.state != nil && d.state.inFrame() }

// InMessage reports whether the input so far ended within a message or a frame: if the stream
// ends there, it was cut.
func (d *Decoder) InMessage() bool { return d.state != nil && !d.state.idle() }

// Fresh reports whether the frame that the input so far ended within is another than when Fresh
// was last called. Between frames it is false.
func (d *Decoder) Fresh() bool {
	if !d.InFrame() {
		return false
	}
	fresh := !d.state.seen
	d.state.seen = true
	return fresh
}

// Next decodes one event from p, which it unmasks in place, and returns what of p follows it.
// When p is used up it returns NoEvent, and gives back what it needs no more: call it until then.
// An err is a *Violation; after one, and after a Close, all further input is ignored.
func (d *Decoder) Next(p []byte) (ev Event, rest []byte, err error) {
	if d.state != nil && d.state.idle() {
		d.giveBack()
	}
	if d.rules == nil {
		return Event{}, nil, nil
	}
	for found := false; !found && len(p) > 0; {
		var v *Violation
		if d.state != nil && d.state.entered {
			p, found, v = d.resume(&ev, p)
		} else {
			p, found, v = d.start(&ev, p)
		}
		if v != nil {
			d.fail()
			return Event{}, nil, v
		}
	}
	return ev, p, nil
}

// start takes a frame from the beginning, as far as p has it, and reports whether that is an event.
func (d *Decoder) start(ev *Event, p []byte) (rest []byte, found bool, v *Violation) {
	b, p := d.header(p)
	if b == nil {
		return nil, false, nil
	}
	var h Header
	minimal := h.parse(b)
	if v := d.check(&h, minimal); v != nil {
		return nil, false, v
	}
	if d.state != nil || !h.Fin || h.Length > uint64(len(p)) {
		d.enter(&h)
		if len(p) == 0 && h.Length > 0 {
			return nil, false, nil
		}
		return d.resume(ev, p)
	}
	// All of it is there and nothing else under way, as with most frames: no state is needed.
	payload, rest := p[:h.Length:h.Length], p[h.Length:]
	if h.Masked {
		h.Key.Mask(payload)
	}
	if h.Op.Control() {
		return rest, true, d.control(ev, h.Op, payload)
	}
	ev.Kind = Data
	ev.Op = h.Op
	ev.Compressed = h.RSV&RSV1 != 0
	ev.First = true
	ev.End = true
	ev.Payload = payload
	if ev.Op == OpText && !ev.Compressed {
		var text UTF8
		if !text.Write(payload) || !text.Complete() {
			return nil, false, notUTF8()
		}
	}
	return rest, true, nil
}

// header takes the header of the next frame from p, nil if p ends before it does.
func (d *Decoder) header(p []byte) (b, rest []byte) {
	if len(p) >= 2 && !d.InFrame() {
		if n := HeaderSize(p[0], p[1]); n <= len(p) {
			return p[:n], p[n:]
		}
	}
	return d.splitHeader(p)
}

// control sets the event that a whole control frame is.
func (d *Decoder) control(ev *Event, op Op, payload []byte) (v *Violation) {
	ev.Payload = payload
	switch op {
	case OpPing:
		ev.Kind = Ping
	case OpPong:
		ev.Kind = Pong
	case OpClose:
		ev.Kind = Close
		if ev.Code, ev.Payload, v = parseClose(payload); v == nil {
			*d = Decoder{} // a state is left to the collector: the reason may stand in it
		}
	}
	return v
}

// Left returns how many bytes of payload are to come of the data frame that the input ended within,
// 0 if it did not end within one's payload. If p is no longer than that, Next returns all of it as the
// Payload of one Event.
func (d *Decoder) Left() uint64 {
	if d.state == nil || !d.state.entered || d.state.frame.Op.Control() {
		return 0
	}
	return d.state.frame.Length
}

// fail ends with a violation.
func (d *Decoder) fail() {
	if d.state != nil {
		d.giveBack()
	}
	d.rules = nil
}
