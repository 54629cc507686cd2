package proto

import "sync"

// progress is what a [Decoder] knows of the frame and the message that are under way, apart from it
// and pooled, since few connections are within one at a time.
type progress struct {
	message message
	frame   Header // its key and length are those of what is still to come
	entered bool   // frame is under way
	seen    bool   // Fresh has spoken of the frame under way

	splitn uint8            // how much has arrived
	split  [MaxControl]byte // of a header or control frame that was cut
}

// message is the message under way; between messages it is zero.
type message struct {
	op         Op
	begun      bool // part of it was an event
	compressed bool
	text       UTF8
	frames     int32
	size       int64
}

// progresses holds those not in use, which are zero.
var progresses = sync.Pool{New: func() any { return new(progress) }}

// inFrame reports whether a frame, or its header, is under way.
func (s *progress) inFrame() bool { return s.entered || s.splitn > 0 }

// idle reports whether nothing is under way.
func (s *progress) idle() bool { return s.message.op == 0 && !s.inFrame() }

// keep adds to what has arrived of a header or control frame, of which it wants so many bytes in
// all, and returns the rest of p.
func (s *progress) keep(p []byte, want int) (rest []byte) {
	n := copy(s.split[s.splitn:want], p)
	s.splitn += uint8(n)
	return p[n:]
}

// kept returns what has arrived, whole by now. It may be read until the next call of keep.
func (s *progress) kept() []byte {
	b := s.split[:s.splitn]
	s.splitn = 0
	return b
}

// leave ends the frame under way.
func (s *progress) leave() { s.entered, s.seen = false, false }

// underWay returns the state, which it takes if there was none.
func (d *Decoder) underWay() *progress {
	if d.state == nil {
		d.state = progresses.Get().(*progress)
	}
	return d.state
}

// giveBack gives the state back, of which the bytes of the last event are in use no more.
func (d *Decoder) giveBack() {
	*d.state = progress{}
	progresses.Put(d.state)
	d.state = nil
}

// splitHeader takes a header from p, over several calls if need be: two bytes first, since they
// tell its size.
func (d *Decoder) splitHeader(p []byte) (b, rest []byte) {
	s := d.underWay()
	for want := 2; ; {
		if s.splitn >= 2 {
			want = HeaderSize(s.split[0], s.split[1])
		}
		if int(s.splitn) == want {
			return s.kept(), p
		}
		if len(p) == 0 {
			return nil, nil
		}
		p = s.keep(p, want)
	}
}

// enter begins the frame of which this is the header.
func (d *Decoder) enter(h *Header) {
	s := d.underWay()
	s.frame, s.entered = *h, true
	if h.Op.Control() {
		return
	}
	if h.Op != OpContinuation {
		s.message = message{op: h.Op, compressed: h.RSV&RSV1 != 0}
	}
	s.message.size += int64(h.Length)
	s.message.frames++
}

// resume takes what p has of the frame under way, and reports whether that is an event.
func (d *Decoder) resume(ev *Event, p []byte) (rest []byte, found bool, v *Violation) {
	s := d.state
	n := min(uint64(len(p)), s.frame.Length)
	payload, rest := p[:n:n], p[n:]
	if s.frame.Masked {
		s.frame.Key = s.frame.Key.Mask(payload)
	}
	s.frame.Length -= n
	if s.frame.Length == 0 {
		s.leave()
	}
	if s.frame.Op.Control() {
		found, v = d.resumeControl(ev, payload)
	} else {
		found, v = s.resumeData(ev, payload)
	}
	return rest, found, v
}

// resumeControl takes the next bytes of a control frame, which becomes one event when it is whole.
func (d *Decoder) resumeControl(ev *Event, payload []byte) (found bool, v *Violation) {
	s := d.state
	if s.splitn > 0 || s.entered {
		s.keep(payload, MaxControl)
		if s.entered {
			return false, nil
		}
		payload = s.kept()
	}
	return true, d.control(ev, s.frame.Op, payload)
}

// resumeData takes the next bytes of a data frame. A piece that neither has bytes nor ends its message
// is no event.
func (s *progress) resumeData(ev *Event, payload []byte) (found bool, v *Violation) {
	m := &s.message
	e := Event{
		Kind:       Data,
		Op:         m.op,
		Compressed: m.compressed,
		First:      !m.begun,
		End:        s.frame.Fin && !s.entered,
		Left:       s.frame.Length,
		Payload:    payload,
	}
	if m.op == OpText && !m.compressed && (!m.text.Write(payload) || e.End && !m.text.Complete()) {
		return false, notUTF8()
	}
	if len(payload) == 0 && !e.End {
		return false, nil
	}
	m.begun = true
	if e.End {
		*m = message{}
	}
	*ev = e
	return true, nil
}
