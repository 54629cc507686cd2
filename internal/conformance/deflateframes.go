package conformance

import (
	"bytes"
	"fmt"
)

// deflateFrameCases cut compressed messages into frames and put others between them.
func deflateFrameCases(l *list) {
	hello := new(blocks).fixed(0, literals("Hello")...).message()
	flushed := []byte("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00") // "Hello" with a flush within
	for at := 1; at < len(flushed); at++ {
		l.add(fmt.Sprintf("flush-cut-%d", at), fmt.Sprintf("Two blocks with a flush between them, in two fragments cut after byte %d", at), ruleCompress,
			inflates("Hello", cut(flushed, at)...))
	}
	for _, v := range []struct {
		name, title string
		payloads    [][]byte
	}{
		{"bytewise", "fragments of one byte", each(hello)},
		{"flush-bytewise", "fragments of one byte, with a flush within", each(flushed)},
		{"first-empty", "an empty first fragment, which has RSV1", cut(hello, 0)},
		{"middle-empty", "an empty fragment in the middle", cut(hello, 3, 3)},
		{"last-empty", "an empty last fragment", cut(hello, len(hello))},
		{"last-byte", "a last fragment of the one byte 00", cut(hello, len(hello)-1)},
		{"many-empty", "200 empty fragments between two", cut(hello, bytesToInts(bytes.Repeat([]byte{3}, 201))...)},
	} {
		l.add("fragments-"+v.name, "A compressed message in "+v.title, ruleCompressedBit, inflates("Hello", v.payloads...))
	}
	l.add("fragments-large", "64 KiB of compressed noise in fragments of 1,000 bytes", ruleCompressedBit, func(s *session) {
		s.openDeflate(offerAll)
		data := noise(65536)
		payload := s.compress(data)
		var at []int
		for i := 1000; i < len(payload); i += 1000 {
			at = append(at, i)
		}
		s.sendFrames(squeezedParts(opBinary, cut(payload, at...)...)...)
		s.await([]event{{kind: message, op: opBinary, data: data}}, nil)
		s.goesOn()
	})
	l.add("fragments-pieces", "Compressed fragments and pings, written byte by byte", ruleCompressedBit, func(s *session) {
		s.openDeflate(offerAll)
		parts := squeezedParts(opText, cut(hello, 2, 4)...)
		s.sendPieces(piecesOf(1)(wire(parts[0], ping("a"), parts[1], ping("b"), parts[2]))...)
		s.await([]event{{kind: message, op: opText, data: []byte("Hello")}}, [][]byte{[]byte("a"), []byte("b")})
		s.goesOn()
	})
	deflateBits(l)
	deflateBetween(l)
}

// deflateBits set reserved bits where compression gives them no meaning.
func deflateBits(l *list) {
	hello := new(blocks).fixed(0, literals("Hello")...).message()
	first, last := squeezedParts(opText, cut(hello, 3)...)[0], squeezedParts(opText, cut(hello, 3)...)[1]
	for _, v := range []struct {
		name, title string
		rule        Rule
		frames      []frame
	}{
		{"continuation", "RSV1 on the second fragment as well as on the first", ruleCompressedFirst, []frame{first, last.reserved(rsv1)}},
		{"continuation-only", "RSV1 on the second fragment alone", ruleCompressedFirst, []frame{text("Hel").part(), last.reserved(rsv1)}},
		{"continuation-empty", "RSV1 on an empty second fragment", ruleCompressedFirst, []frame{squeezed(opText, hello).part(), newFrame(opContinuation, nil).reserved(rsv1)}},
		{"ping", "RSV1 on a ping", ruleCompressedFirst, []frame{ping("Hello").reserved(rsv1)}},
		{"ping-compressed", "A ping with RSV1 whose payload is compressed", ruleCompressedFirst, []frame{newFrame(opPing, hello).reserved(rsv1)}},
		{"ping-between", "RSV1 on a ping between compressed fragments", ruleCompressedFirst, []frame{first, ping("Hello").reserved(rsv1), last}},
		{"pong", "RSV1 on a pong", ruleCompressedFirst, []frame{pong("Hello").reserved(rsv1)}},
		{"rsv2", "RSV2 on an uncompressed message, where compression is in use", ruleRSV, []frame{text("Hello").reserved(rsv2)}},
		{"rsv3", "RSV3 on an uncompressed message, where compression is in use", ruleRSV, []frame{text("Hello").reserved(rsv3)}},
		{"rsv12", "RSV1 and RSV2 on a compressed message", ruleRSV, []frame{squeezed(opText, hello).reserved(rsv1 | rsv2)}},
		{"rsv13", "RSV1 and RSV3 on a compressed message", ruleRSV, []frame{squeezed(opText, hello).reserved(rsv1 | rsv3)}},
		{"rsv2-continuation", "RSV2 on the second fragment of a compressed message", ruleRSV, []frame{first, last.reserved(rsv2)}},
		{"opcode", "RSV1 on the opcode 0x3", ruleOpcode, []frame{newFrame(3, hello).reserved(rsv1)}},
	} {
		l.add("bits-"+v.name, v.title, v.rule, func(s *session) {
			s.openDeflate(offerAll)
			s.sendFrames(v.frames...)
			s.failed(1002)
		})
	}
	l.add("bits-close", "RSV1 on a Close frame", ruleCompressedFirst, func(s *session) {
		s.openDeflate(offerAll)
		s.sendFrames(closing(closeBody(1000, "")).reserved(rsv1))
		e := s.next()
		if e.kind == closeFrame && e.code == 1000 {
			s.fail("the server took the Close frame: it answered %v", e)
		}
		s.isFailure(e, 1002)
	})
}

// deflateBetween put what is not compressed between messages that reach back into each other.
func deflateBetween(l *list) {
	alike := func(i int) []byte { return append(repeated(500), fmt.Sprint(i)...) }
	for _, v := range []struct {
		name, title string
		rule        Rule
		between     func(i int) frame
	}{
		{"ping", "a ping", ruleKeepWindow, func(i int) frame { return ping(string(alike(i)[:100])) }},
		{"pong", "a pong", ruleKeepWindow, func(i int) frame { return pong(string(alike(i)[:100])) }},
		{"text", "an uncompressed text", ruleUncompressed, func(i int) frame { return text(letters(1000 + i)) }},
		{"binary", "an uncompressed binary message that looks like DEFLATE", ruleUncompressed, func(i int) frame { return bin([]byte("\xf2\x48\xcd\xc9\xc9\x07\x00")) }},
		{"empty", "an empty uncompressed text", ruleUncompressed, func(i int) frame { return text("") }},
		{"large", "64 KiB of uncompressed binary", ruleUncompressed, func(i int) frame { return bin(octets(65536 + i)) }},
	} {
		l.add("between-"+v.name, "Compressed messages that are alike, with "+v.title+" between any two", v.rule, func(s *session) {
			s.openDeflate(offerAll)
			for i := range 8 {
				s.echoSqueezed(opText, alike(i))
				s.exchangeFrames(v.between(i))
			}
			s.quiet()
		})
	}
	l.add("between-one-piece", "Compressed, uncompressed and control frames by turns, sent in one piece", ruleUncompressed, func(s *session) {
		s.openDeflate(offerAll)
		var frames []frame
		var want []event
		var pings [][]byte
		for i := range 20 {
			data := alike(i)
			frames = append(frames, squeezed(opText, s.compress(data)), ping(fmt.Sprint(i)), bin(data))
			want = append(want, event{kind: message, op: opText, data: data}, event{kind: message, op: opBinary, data: data})
			pings = append(pings, []byte(fmt.Sprint(i)))
		}
		s.sendFrames(frames...)
		s.await(want, pings)
		s.quiet()
	})
	l.add("between-fragments", "Pings between the fragments of compressed messages that are alike", ruleInjected, func(s *session) {
		s.openDeflate(offerAll)
		for i := range 8 {
			payload := s.compress(alike(i))
			parts := squeezedParts(opText, cut(payload, 1, len(payload)/2, len(payload)-1)...)
			s.sendFrames(parts[0], ping("one"), parts[1], pong("none"), parts[2], ping("two"), parts[3])
			s.await([]event{{kind: message, op: opText, data: alike(i)}}, [][]byte{[]byte("one"), []byte("two")})
		}
		s.quiet()
	})
	l.add("between-nothing", "Empty compressed messages between those that are alike", ruleEmptyFragment, func(s *session) {
		s.openDeflate(offerAll)
		for i := range 8 {
			s.echoSqueezed(opText, alike(i))
			s.sendFrames(squeezed(opBinary, []byte{0}))
			s.await([]event{{kind: message, op: opBinary}}, nil)
		}
		s.quiet()
	})
	l.add("between-first", "Uncompressed messages before the first compressed one", ruleUncompressed, func(s *session) {
		s.openDeflate(offerAll)
		s.exchangeFrames(text("Hello"), bin([]byte{0, 1, 2}), ping(""))
		s.goesOn()
	})
	l.add("between-never", "Uncompressed messages alone, where compression was agreed", ruleUncompressed, func(s *session) {
		s.openDeflate(offerAll)
		s.exchangeFrames(append([]frame{text("Hello"), bin(octets(70000))}, fragments(text(""), "Hel", "lo")...)...)
		s.quiet()
	})
	l.add("between-close", "A Close frame between compressed fragments: the message is not delivered", ruleInjected, func(s *session) {
		s.openDeflate(offerAll)
		s.sendFrames(squeezedParts(opText, cut(s.compress(alike(1)), 3)...)[0], closing(closeBody(1000, "")))
		s.closeReply(1000)
	})
}
