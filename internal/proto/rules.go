package proto

// Rules are what a [Decoder] demands of its peer. Many decoders may share one value.
type Rules struct {
	Server       bool  // the decoder reads what clients send: frames are masked
	Deflate      bool  // permessage-deflate was agreed on: messages may be compressed
	Limit        int64 // largest message in bytes, before it was compressed; 0 is no limit
	MaxFragments int   // largest number of frames in a message; 0 is no limit
}

// Violation is a breach of the protocol by the peer.
type Violation struct {
	Code   uint16 // the close code to answer with
	Reason string
}

func (v *Violation) Error() string { return v.Reason }

// check holds every rule about a frame header, in one place.
func (d *Decoder) check(h *Header, minimal bool) *Violation {
	switch {
	// "MUST be 0 unless an extension is negotiated that defines meanings for non-zero values" (5.2)
	case h.RSV != 0 && !d.rules.Deflate:
		return &Violation{CodeProtocol, "reserved bit set without an extension"}
	// "An endpoint MUST NOT set the "Per-Message Compressed" bit of control frames and non-first
	// fragments of a data message" (RFC 7692, 6)
	case h.RSV&^RSV1 != 0, h.RSV != 0 && h.Op != OpText && h.Op != OpBinary:
		return &Violation{CodeProtocol, "reserved bit set"}
	// "If an unknown opcode is received, the receiving endpoint MUST _Fail the WebSocket Connection_" (5.2)
	case h.Op > OpBinary && h.Op < OpClose, h.Op > OpPong:
		return &Violation{CodeProtocol, "reserved opcode"}
	// "The server MUST close the connection upon receiving a frame that is not masked" (5.1)
	case d.rules.Server && !h.Masked:
		return &Violation{CodeProtocol, "frame of a client is not masked"}
	// "A client MUST close a connection if it detects a masked frame" (5.1)
	case !d.rules.Server && h.Masked:
		return &Violation{CodeProtocol, "frame of a server is masked"}
	// "in all cases, the minimal number of bytes MUST be used to encode the length" (5.2)
	case !minimal:
		return &Violation{CodeProtocol, "length not in its minimal form"}
	// "the most significant bit MUST be 0" (5.2)
	case h.Length >= 1<<63:
		return &Violation{CodeProtocol, "length with its top bit set"}
	}
	if h.Op.Control() {
		switch {
		// "All control frames MUST have a payload length of 125 bytes or less" (5.5)
		case h.Length > MaxControl:
			return &Violation{CodeProtocol, "control frame over 125 bytes"}
		// "and MUST NOT be fragmented" (5.5)
		case !h.Fin:
			return &Violation{CodeProtocol, "fragmented control frame"}
		}
		return nil
	}
	// "The fragments of one message MUST NOT be interleaved between the fragments of another
	// message" (5.4)
	var m message // the one under way
	if d.state != nil {
		m = d.state.message
	}
	switch {
	case h.Op == OpContinuation && m.op == 0:
		return &Violation{CodeProtocol, "continuation without a message"}
	case h.Op != OpContinuation && m.op != 0:
		return &Violation{CodeProtocol, "new message within a fragmented one"}
	}
	limit := d.rules.Limit
	if h.RSV&RSV1 != 0 || m.compressed {
		limit = compressedLimit(limit, m.frames)
	}
	switch {
	// Compared as uint64, before any conversion or sum that could wrap.
	case limit > 0 && h.Length > uint64(limit-m.size), h.Length > uint64(1<<63-1-m.size):
		return &Violation{CodeTooBig, "message too big"}
	case d.rules.MaxFragments > 0 && int(m.frames) >= d.rules.MaxFragments:
		return &Violation{CodePolicy, "too many fragments in a message"}
	}
	return nil
}

// compressedLimit returns how many bytes a message of at most limit bytes may have when compressed:
// what can't be compressed becomes larger, the more so the more often it is flushed, as it may have
// been for each of the frames before.
func compressedLimit(limit int64, frames int32) int64 {
	if limit == 0 || limit > 1<<62 {
		return limit
	}
	return limit + limit/8 + 1024 + 16*int64(frames)
}

// notUTF8 is the violation of text that is not UTF-8: "the endpoint MUST _Fail the WebSocket
// Connection_" (8.1).
func notUTF8() *Violation { return &Violation{CodeInvalidText, "text is not UTF-8"} }
