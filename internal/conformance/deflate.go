package conformance

import (
	"bytes"
	"slices"
)

// deflation is what was agreed about compression, and both directions.
type deflation struct {
	deflateParams
	in  inflater
	out deflater
}

// agree judges the server's answer to the offers of extensions, and keeps what was agreed.
func (s *session) agree(offered, answered []string) {
	p, bad := judgeDeflate(offered, answered)
	if bad != nil {
		s.failRule(bad.rule, "the response %s", bad.what)
	}
	if p != nil {
		s.deflate = &deflation{
			deflateParams: *p,
			in:            inflater{window: window(p.serverBits), forgets: p.serverNoTakeover},
			out:           deflater{window: window(p.clientBits), forgets: p.clientNoTakeover},
		}
	}
}

// window is the size that bits stand for; 0 is the largest.
func window(bits int) int {
	if bits <= 0 {
		return largestWindow
	}
	return 1 << bits
}

// allowed are the reserved bits that may be set.
func (s *session) allowed() byte {
	if s.deflate == nil {
		return 0
	}
	return rsv1
}

// inflate decompresses a message of the server with no more than was agreed.
func (s *session) inflate(payload []byte) []byte {
	d := s.deflate
	data, err := d.in.inflate(payload)
	if err != nil {
		rule := ruleCompress
		switch {
		case d.serverBits > 0:
			rule = ruleServerWindow
		case d.serverNoTakeover:
			rule = ruleServerEmpty
		}
		s.failRule(rule, "the server sent a compressed message that %v", err)
	}
	return data
}

// deflater compresses the messages of one direction, and uses all that was agreed.
type deflater struct {
	window  int    // how many bytes a match may reach back
	forgets bool   // no context is taken over
	sent    []byte // the end of what was compressed before
}

// compress is the payload of a message.
func (d *deflater) compress(data []byte) []byte {
	return d.compressed(data, func(history []byte) []byte {
		if d.window < largestWindow {
			return new(blocks).fixed(0, greedy(history, data, d.window)...).message()
		}
		return deflated(6, history, data)
	})
}

// compressed is the payload that make returns for data, given what it may reach back to.
func (d *deflater) compressed(data []byte, make func(history []byte) []byte) []byte {
	if d.forgets {
		d.sent = nil
	}
	payload := make(d.sent)
	d.sent = append(slices.Clone(d.sent), data...)
	d.sent = d.sent[max(0, len(d.sent)-d.window):]
	return payload
}

// compress is the payload of a message to the server.
func (s *session) compress(data []byte) []byte { return s.deflate.out.compress(data) }

// squeezed is a frame with a compressed payload.
func squeezed(op byte, payload []byte) frame { return newFrame(op, payload).reserved(rsv1) }

// squeezedParts is a compressed message in fragments.
func squeezedParts(op byte, payloads ...[]byte) []frame {
	frames := make([]frame, len(payloads))
	for i, p := range payloads {
		frames[i] = newFrame(opContinuation, p).part()
	}
	frames[0].op, frames[0].rsv = op, rsv1
	frames[len(frames)-1].fin = true
	return frames
}

// openDeflate connects with compression by one of the offers; without it there is no case. What
// the handshake exchanged is recorded, because what was agreed matters.
func (s *session) openDeflate(offers ...string) {
	if s.client != nil {
		s.welcomeDeflate()
		return
	}
	s.upgrade(s.request().set("Sec-WebSocket-Extensions", offers...))
	if s.deflate == nil {
		s.unsupported("the server declined %q", offers)
	}
}

// offerAll offers compression as a client does that can do everything: with it a server may choose
// how much it has to remember.
const offerAll = deflateName + "; client_max_window_bits"

// echoSqueezed compresses a message, sends it in one frame, and waits for the echo.
func (s *session) echoSqueezed(op byte, data []byte) {
	s.sendFrames(squeezed(op, s.compress(data)))
	s.await([]event{{kind: message, op: op, data: data}}, nil)
}

// inflates is the script of a compressed message, perhaps in fragments, that stands for a text.
func inflates(want string, payloads ...[]byte) func(*session) {
	return func(s *session) {
		s.openDeflate(offerAll)
		s.sendFrames(squeezedParts(opText, payloads...)...)
		s.await([]event{{kind: message, op: opText, data: []byte(want)}}, nil)
		s.goesOn()
	}
}

// goesOn checks that compressed messages still work, and that nothing else is on its way.
func (s *session) goesOn() {
	s.echoSqueezed(opText, []byte("and it goes on, and it goes on"))
	s.quiet()
}

// cut cuts a payload at each of the places.
func cut(payload []byte, at ...int) [][]byte {
	var parts [][]byte
	from := 0
	for _, to := range append(at, len(payload)) {
		parts = append(parts, payload[from:to])
		from = to
	}
	return parts
}

// each is a payload byte by byte.
func each(payload []byte) [][]byte {
	var parts [][]byte
	for i := range payload {
		parts = append(parts, payload[i:i+1])
	}
	return parts
}

// repeated is n bytes of English, which a compressor likes.
func repeated(n int) []byte {
	const sentence = "The quick brown fox jumps over the lazy dog and comes back the same way. "
	return bytes.Repeat([]byte(sentence), n/len(sentence)+1)[:n]
}

// noise is n bytes that no compressor makes smaller, the same each time.
func noise(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x >> 24)
	}
	return b
}
