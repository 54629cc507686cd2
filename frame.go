package spout

import (
	"math/rand/v2"
	"sync"

	"github.com/spoutws/spout/internal/deflate"
	"github.com/spoutws/spout/internal/proto"
)

// masker says whether frames are masked: those of a client are.
type masker bool

// apply gives the header a new masking key: "The masking key needs to be unpredictable" (RFC
// 6455, section 5.3). The generator is ChaCha8, seeded by the operating system.
func (m masker) apply(h *proto.Header) {
	if m {
		h.Masked, h.Key = true, proto.Key(rand.Uint32())
	}
}

// frame is a frame to be sent.
type frame struct {
	header  proto.Header // without key and length
	payload []byte
	encoded []byte // the whole frame as a server sends it, if it was prepared
	pooled  bool   // payload is to be given back
}

// size returns the number of bytes that the frame has.
func (f frame) size(mask masker) int { return proto.FrameSize(len(f.payload), bool(mask)) }

// free gives the payload back. It was copied, or is not sent.
func (f frame) free() {
	if f.pooled {
		putBuffer(f.payload)
	}
}

// frame returns the message as it is sent without compression.
func (m Message) frame() frame {
	if m.prepared != nil {
		return m.prepared.plain
	}
	return frame{header: proto.Header{Fin: true, Op: proto.Op(m.Type)}, payload: m.Data}
}

// prepared is a message encoded for many connections.
type prepared struct {
	plain frame
	err   error // why the message can't be sent

	mu    sync.Mutex
	kinds map[deflate.Kind]frame // compressed, or plain where that is not smaller
}

func prepare(m Message) *prepared {
	p := &prepared{err: m.check()}
	if p.err == nil {
		p.plain = encode(m.frame())
	}
	return p
}

// encode makes f one that does not depend on its payload.
func encode(f frame) frame {
	n := len(f.payload)
	f.encoded = proto.AppendFrame(make([]byte, 0, f.size(false)), f.header, f.payload)
	f.payload, f.pooled = f.encoded[len(f.encoded)-n:], false
	return f
}

// compressed returns the message for connections that agreed on this kind of compression.
func (p *prepared) compressed(k deflate.Kind) frame {
	p.mu.Lock()
	defer p.mu.Unlock()
	f, ok := p.kinds[k]
	if ok {
		return f
	}
	f = p.plain
	payload := k.Append(getLarge()[:0], f.payload)
	defer putBuffer(payload)
	if len(payload) < len(f.payload) {
		f.header.RSV, f.payload = proto.RSV1, payload
		f = encode(f)
	}
	if p.kinds == nil {
		p.kinds = make(map[deflate.Kind]frame)
	}
	p.kinds[k] = f
	return f
}
