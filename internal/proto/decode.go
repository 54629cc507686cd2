package proto

import "sync"

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
// It keeps no reference to its input, and at most a split header and a split control frame of
// it. It is not safe for concurrent use.
type Decoder struct {
	rules *Rules
	split *[MaxControl]byte // what has arrived of a header or control frame that was cut

	splitn  uint8
	inFrame bool // a header is complete and its payload is not
	ended   bool // a close frame or a violation was reported: all further input is ignored
	fresh   bool // a frame was completed since Fresh was called

	op         Op // of the message under way, 0 between messages
	begun      bool
	compressed bool
	text       UTF8
	frames     int32
	frame      remains
	size       int64
}

// remains is what is left of the frame under way.
type remains struct {
	op     Op
	fin    bool
	masked bool
	key    Key
	length uint64
}

// splits holds buffers for what is cut: few connections are within a header at a time.
var splits = sync.Pool{New: func() any { return new([MaxControl]byte) }}

// keep adds to what has arrived of a header or control frame, of which it wants so many bytes in
// all, and returns the rest of p.
func (d *Decoder) keep(p []byte, want int) (rest []byte) {
	if d.split == nil {
		d.split = splits.Get().(*[MaxControl]byte)
	}
	n := copy(d.split[d.splitn:want], p)
	d.splitn += uint8(n)
	return p[n:]
}

// forget gives the buffer back, of which the bytes may be read until the next call of keep.
func (d *Decoder) forget() {
	if d.split != nil {
		splits.Put(d.split)
	}
	d.split, d.splitn = nil, 0
}

// NewDecoder returns a decoder at the start of a connection.
func NewDecoder(r *Rules) Decoder { return Decoder{rules: r} }

// InFrame reports whether the input so far ended within a frame.
func (d *Decoder) InFrame() bool { return d.inFrame || d.splitn > 0 }

// InMessage reports whether the input so far ended within a message or a frame: if the stream
// ends there, it was cut.
func (d *Decoder) InMessage() bool { return d.op != 0 || d.InFrame() }

// Fresh reports whether a frame was completed since it was last called: if it was not, InFrame
// speaks of the same frame as then.
func (d *Decoder) Fresh() bool {
	fresh := d.fresh
	d.fresh = false
	return fresh
}

// Next decodes one event from p, which it unmasks in place, and returns what of p follows it.
// When p is used up it returns NoEvent. An err is a *Violation; after one, and after a Close,
// all further input is ignored.
func (d *Decoder) Next(p []byte) (ev Event, rest []byte, err error) {
	if d.splitn == 0 {
		d.forget() // that of the last event
	}
	for len(p) > 0 && !d.ended {
		if !d.inFrame {
			var v *Violation
			if p, v = d.readHeader(p); v != nil {
				d.ended = true
				return Event{}, nil, v
			}
			if !d.inFrame {
				break
			}
			if len(p) == 0 && d.frame.length > 0 {
				break
			}
		}
		var found bool
		var v *Violation
		if d.frame.op.Control() {
			ev, p, found, v = d.readControl(p)
		} else {
			ev, p, found, v = d.readData(p)
		}
		if v != nil {
			d.ended = true
			return Event{}, nil, v
		}
		if found {
			return ev, p, nil
		}
	}
	return Event{}, nil, nil
}

// readHeader takes a header from p, over several calls if it is cut, and enters its frame.
func (d *Decoder) readHeader(p []byte) ([]byte, *Violation) {
	b := p
	if d.splitn > 0 || len(p) < 2 || len(p) < HeaderSize(p[0], p[1]) {
		// The header is split: collect it, two bytes first, since they tell its size.
		for want := 2; ; {
			if d.splitn >= 2 {
				want = HeaderSize(d.split[0], d.split[1])
			}
			if int(d.splitn) == want {
				break
			}
			if len(p) == 0 {
				return nil, nil
			}
			p = d.keep(p, want)
		}
		b = d.split[:d.splitn]
	} else {
		b = p[:HeaderSize(p[0], p[1])]
		p = p[len(b):]
	}
	h, minimal := parseHeader(b)
	d.forget()
	if v := d.check(h, minimal); v != nil {
		return nil, v
	}
	d.frame = remains{op: h.Op, fin: h.Fin, masked: h.Masked, key: h.Key, length: h.Length}
	d.inFrame = true
	if !h.Op.Control() {
		if h.Op != OpContinuation {
			d.op, d.begun, d.size, d.frames, d.text = h.Op, false, 0, 0, UTF8{}
			d.compressed = h.RSV&RSV1 != 0
		}
		d.size += int64(h.Length)
		d.frames++
	}
	return p, nil
}

// readControl takes the payload of a control frame, which becomes one event when it is whole.
func (d *Decoder) readControl(p []byte) (ev Event, rest []byte, found bool, v *Violation) {
	n := min(uint64(len(p)), d.frame.length)
	payload := p[:n:n]
	d.unmask(payload)
	if d.splitn > 0 || d.frame.length > 0 {
		d.keep(payload, MaxControl)
		if d.frame.length > 0 {
			return Event{}, p[n:], false, nil
		}
		payload = d.split[:d.splitn]
		d.splitn = 0
	}
	d.inFrame = false
	d.fresh = true
	ev.Payload = payload
	switch d.frame.op {
	case OpPing:
		ev.Kind = Ping
	case OpPong:
		ev.Kind = Pong
	case OpClose:
		ev.Kind = Close
		ev.Code, ev.Payload, v = parseClose(payload)
		d.ended = true
	}
	return ev, p[n:], true, v
}

// readData takes what p has of the payload of a data frame. A piece that neither has bytes nor
// ends its message is no event.
func (d *Decoder) readData(p []byte) (ev Event, rest []byte, found bool, v *Violation) {
	n := min(uint64(len(p)), d.frame.length)
	payload := p[:n:n]
	d.unmask(payload)
	if d.inFrame = d.frame.length > 0; !d.inFrame {
		d.fresh = true
	}
	ev = Event{
		Kind:       Data,
		Op:         d.op,
		Compressed: d.compressed,
		First:      !d.begun,
		End:        d.frame.fin && !d.inFrame,
		Left:       d.frame.length,
		Payload:    payload,
	}
	// "the endpoint MUST _Fail the WebSocket Connection_" when text is not UTF-8 (8.1)
	if d.op == OpText && !d.compressed && (!d.text.Write(payload) || ev.End && !d.text.Complete()) {
		return Event{}, nil, false, &Violation{CodeInvalidText, "text is not UTF-8"}
	}
	if len(payload) == 0 && !ev.End {
		return Event{}, p, false, nil
	}
	d.begun = true
	if ev.End {
		d.op = 0
	}
	return ev, p[n:], true, nil
}

// unmask takes the next bytes of the frame's payload.
func (d *Decoder) unmask(p []byte) {
	if d.frame.masked {
		d.frame.key = d.frame.key.Mask(p)
	}
	d.frame.length -= uint64(len(p))
}
