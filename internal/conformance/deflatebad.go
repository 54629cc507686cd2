package conformance

import (
	"bytes"
	"compress/flate"
	"fmt"
)

// dynamic begins a block with codes of its own: the lengths of the code that codes them, in the
// order of RFC 1951, and then whatever follows.
func dynamic(nlen, ndist int, clens ...int) *blocks {
	w := new(blocks).header(0, 2).bits(nlen-257, 5).bits(ndist-1, 5).bits(max(len(clens), 4)-4, 4)
	for i := range max(len(clens), 4) {
		n := 0
		if i < len(clens) {
			n = clens[i]
		}
		w.bits(n, 3)
	}
	return w
}

// lengthsOf writes a dynamic block whose codes have the given lengths, of which there may be 0, 1
// and 2: each is written as two bits.
func lengthsOf(nlen, ndist int, lens map[int]int) *blocks {
	clens := make([]int, 19)
	for i, symbol := range codeOrder {
		if symbol <= 3 {
			clens[i] = 2
		}
	}
	w := dynamic(nlen, ndist, clens...)
	meta := newCode([]int{2, 2, 2, 2})
	for i := range nlen + ndist {
		w.huffman(meta, lens[i])
	}
	return w
}

// badData are payloads that are not DEFLATE, each in its own way.
var badData = []struct {
	name, title string
	payload     func() []byte
}{
	{"reserved-type", "a block of the reserved type", func() []byte { return []byte{0x06} }},
	{"reserved-type-final", "a final block of the reserved type", func() []byte { return []byte{0x07, 0} }},
	{"reserved-type-later", "a good block, then one of the reserved type", func() []byte {
		return new(blocks).fixed(0, literals("Hello")...).header(0, 3).align().b
	}},
	{"stored-length", "a stored block whose length does not match its complement", func() []byte {
		return []byte("\x00\x05\x00\xfb\xffHello\x00")
	}},
	{"stored-length-zero", "a stored block whose length and complement are both 0", func() []byte { return make([]byte, 6) }},
	{"distance-1", "a match before the first byte", func() []byte { return new(blocks).fixed(0, match(3, 1)).message() }},
	{"distance-too-far", "a match that begins one byte before the first", func() []byte {
		return new(blocks).fixed(0, append(literals("Hello"), match(5, 6))...).message()
	}},
	{"distance-32768", "a match 32,768 bytes back after five", func() []byte {
		return new(blocks).fixed(0, append(literals("Hello"), match(258, 32768))...).message()
	}},
	{"length-286", "the length symbol 286, which does not exist", func() []byte {
		return new(blocks).header(0, 1).tokens(literals("Hello")).huffman(fixedLengths, 286).huffman(fixedDistances, 0).huffman(fixedLengths, endOfBlock).message()
	}},
	{"length-287", "the length symbol 287, which does not exist", func() []byte {
		return new(blocks).header(0, 1).tokens(literals("Hello")).huffman(fixedLengths, 287).huffman(fixedDistances, 0).huffman(fixedLengths, endOfBlock).message()
	}},
	{"distance-30", "the distance symbol 30, which does not exist", func() []byte {
		return new(blocks).header(0, 1).tokens(literals("Hello")).huffman(fixedLengths, 257).bits(0b01111, 5).huffman(fixedLengths, endOfBlock).message()
	}},
	{"distance-31", "the distance symbol 31, which does not exist", func() []byte {
		return new(blocks).header(0, 1).tokens(literals("Hello")).huffman(fixedLengths, 257).bits(0b11111, 5).huffman(fixedLengths, endOfBlock).message()
	}},
	{"dynamic-lengths", "a code of 287 literals and lengths", func() []byte {
		return lengthsOf(287, 1, map[int]int{'x': 1, 256: 1}).message()
	}},
	{"dynamic-meta-over", "code lengths whose own code overlaps", func() []byte { return dynamic(257, 1, 1, 1, 1, 1).align().message() }},
	{"dynamic-meta-none", "code lengths without a code", func() []byte { return append(dynamic(257, 1, 0, 0, 0, 0).b, bytes.Repeat([]byte{0xff}, 40)...) }},
	{"dynamic-repeat-first", "a repeated code length before the first", func() []byte {
		return dynamic(257, 1, 1, 1).bits(0, 1).bits(0, 2).align().message()
	}},
	{"dynamic-repeat-beyond", "a repeated code length beyond the last", func() []byte {
		// 17 and 18 have the codes 0 and 1; twice 138 zeros are more than 258.
		return dynamic(257, 1, 0, 1, 1).bits(1, 1).bits(127, 7).bits(1, 1).bits(127, 7).align().message()
	}},
	{"dynamic-no-end", "a code without an end of the block", func() []byte {
		return lengthsOf(257, 1, map[int]int{'x': 1, 'y': 1}).align().message()
	}},
	{"dynamic-over", "a code of literals that overlaps", func() []byte {
		return lengthsOf(257, 1, map[int]int{'x': 1, 'y': 1, 256: 1}).align().message()
	}},
	{"dynamic-incomplete", "a code of literals with an unused part", func() []byte {
		return lengthsOf(257, 1, map[int]int{'x': 2, 256: 2}).bits(0b10, 2).align().message()
	}},
	{"dynamic-distance-over", "a code of distances that overlaps", func() []byte {
		return lengthsOf(257, 3, map[int]int{'x': 1, 256: 1, 257: 1, 258: 1, 259: 1}).bits(1, 1).align().message()
	}},
	{"uncompressed", "the bytes of \"Hello\" as they are", func() []byte { return []byte("Hello") }},
	{"ones", "a hundred bytes ff", func() []byte { return bytes.Repeat([]byte{0xff}, 100) }},
	{"noise", "1,000 bytes of noise", func() []byte { return noise(1000) }},
	{"zlib", "data with the header of zlib", func() []byte { return append([]byte{0x78, 0x9c}, deflated(6, nil, []byte("Hello"))...) }},
	{"gzip", "data with the header of gzip", func() []byte {
		return append([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}, deflated(6, nil, []byte("Hello"))...)
	}},
}

func deflateBadCases(l *list) {
	for _, v := range badData {
		l.add("bad-"+v.name, "A compressed message with "+v.title, ruleValidate, func(s *session) {
			s.openDeflate(offerAll)
			s.sendFrames(squeezed(opBinary, v.payload()))
			s.failed(1007, 1002)
		})
	}
	l.add("bad-later", "A good compressed message, then one with a block of the reserved type", ruleValidate, func(s *session) {
		s.openDeflate(offerAll)
		s.echoSqueezed(opText, []byte("Hello"))
		s.sendFrames(squeezed(opBinary, []byte{0x06}))
		s.failed(1007, 1002)
	})
	l.add("bad-fragment", "A first fragment with a block of the reserved type", ruleValidate, func(s *session) {
		s.openDeflate(offerAll)
		s.sendFrames(squeezedParts(opBinary, []byte{0x06}, []byte{0})...)
		s.failed(1007, 1002)
	})
	sloppy(l)
	deflateTruncated(l)
	deflateUTF8(l)
}

// sloppy are payloads that the algorithm of section 7.2.1 does not make, and that a decompressor
// takes which does not look how the data end. The RFC binds the sender.
func sloppy(l *list) {
	for _, v := range []struct{ name, title, payload, data string }{
		{"no-payload", "A compressed message without a payload: not even an empty block", "", ""},
		{"whole-flush", "A compressed message whose last four bytes were not taken away", "\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff", "Hello"},
	} {
		l.add("sloppy-"+v.name, v.title, ruleCompress, func(s *session) {
			s.openDeflate(offerAll)
			s.sendFrames(squeezed(opText, []byte(v.payload)))
			s.failedOrLenient(v.data)
		})
	}
	l.add("sloppy-final-and-no-end", "A final block without the byte 00 after it: a failure, or what it says", ruleCompress, func(s *session) {
		s.openDeflate(offerAll)
		s.sendFrames(squeezed(opText, []byte("\xf3\x48\xcd\xc9\xc9\x07\x00")))
		s.failedOrTaken("Hello")
	})
	l.add("sloppy-window", "A match one byte beyond the window that was agreed: a failure, or what a larger window has there", ruleClientWindow, func(s *session) {
		s.openDeflate(offerAll)
		w := window(s.deflate.clientBits)
		if w == largestWindow {
			s.unsupported("the server agreed to no window smaller than 32,768 bytes")
		}
		data := noise(w + 1)
		s.sendFrames(squeezed(opBinary, new(blocks).stored(0, string(data)).fixed(0, match(3, w+1)).message()))
		s.failedOrTaken(string(data) + string(data[:3]))
	})
	l.add("sloppy-takeover", "A match into the message before, though no context is taken over: a failure, or what stood there", ruleKeepWindow, func(s *session) {
		s.openDeflate(deflateName + "; client_no_context_takeover")
		if !s.deflate.clientNoTakeover {
			s.unsupported("the server ignored client_no_context_takeover, as it may")
		}
		s.echoSqueezed(opText, []byte("Hello"))
		s.sendFrames(squeezed(opBinary, new(blocks).fixed(0, match(5, 5)).message()))
		s.failedOrTaken("Hello")
	})
}

// failedOrTaken waits for the failure of the connection, or for the echo of all data.
func (s *session) failedOrTaken(data string) (taken bool) {
	e := s.soon()
	if e.kind == message {
		if string(e.data) != data {
			s.fail("%v came: the server made something of what is not DEFLATE", e)
		}
		return true
	}
	s.pending = &e
	s.failed(1007, 1002)
	return false
}

// failedOrLenient is failedOrTaken where only the failure is strict.
func (s *session) failedOrLenient(data string) {
	if s.failedOrTaken(data) {
		s.lenient(Rule{}, "the server takes it")
	}
}

// deflateTruncated cuts messages at every place where the rest is not a message of its own.
func deflateTruncated(l *list) {
	const sample = "Hello, hello, Hello, hello"
	for _, v := range []struct {
		name, title, data string
		payload           []byte
	}{
		{"fixed", "a fixed code", sample, new(blocks).fixed(0, greedy(nil, []byte(sample), largestWindow)...).message()},
		{"stored", "a stored block", "Hello", new(blocks).stored(0, "Hello").message()},
	} {
		for n := 1; n < len(v.payload); n++ {
			if !isDamaged(v.payload[:n]) {
				continue
			}
			l.add(fmt.Sprintf("truncated-%s-%d", v.name, n),
				fmt.Sprintf("A compressed message with %s, cut after %d of %d bytes, is not delivered", v.title, n, len(v.payload)), ruleValidate,
				func(s *session) {
					s.openDeflate(offerAll)
					s.sendFrames(squeezed(opBinary, v.payload[:n]))
					s.failedOrLenient(v.data)
				})
		}
	}
	l.add("truncated-dynamic", "Compressed messages with a code of their own, cut after each byte, are not delivered", ruleValidate, func(s *session) {
		s.openDeflate(offerAll) // one that declines it here need not be asked again
		data := skewed(200)
		payload := deflated(flate.BestCompression, nil, data)
		for n := 1; n < len(payload); n++ {
			if !isDamaged(payload[:n]) {
				continue
			}
			o := s.another()
			o.openDeflate(offerAll)
			o.exchange.note(fmt.Sprintf("what follows is cut after %d of %d bytes", n, len(payload)))
			o.sendFrames(squeezed(opBinary, payload[:n]))
			o.failedOrLenient(string(data))
			o.hangUp()
		}
	})
	l.add("unfinished", "The connection ends within a compressed message: nothing is echoed", ruleReceived, func(s *session) {
		s.openDeflate(offerAll)
		s.endsWithin(squeezedParts(opText, s.compress([]byte("Hello")), []byte{0})[0].bytes())
	})
}

// isDamaged reports whether a payload can't be decompressed. One that can, but that no compressor
// makes, is not damaged.
func isDamaged(payload []byte) bool {
	_, err := (&inflater{window: largestWindow}).inflate(payload)
	return err != nil && err != errUnended
}

// skewed is n letters of which some are far more frequent than others, so that a code of its own
// pays.
func skewed(n int) []byte {
	b := noise(n)
	for i := range b {
		b[i] = "eeeeeeeettttaaox"[b[i]%16]
	}
	return b
}

// deflateUTF8 are texts that are not UTF-8 once they are inflated.
func deflateUTF8(l *list) {
	for _, v := range invalidText {
		if !v.early && v.fastest > 0 {
			continue // the family utf8 has the rest
		}
		l.add("utf8-"+v.name, "Compressed text with "+v.title, ruleUTF8, func(s *session) {
			s.openDeflate(offerAll)
			s.sendFrames(squeezed(opText, s.compress([]byte("before "+v.bytes))))
			s.failed(1007)
		})
	}
	bad := []byte("before \xed\xa0\x80 after")
	stored := new(blocks).stored(0, string(bad)).message()
	for at := 6; at < 10; at++ {
		l.add(fmt.Sprintf("utf8-fragments-%d", at), fmt.Sprintf("Compressed text in two fragments, with a surrogate that the cut after byte %d divides or stands beside", at), ruleUTF8,
			func(s *session) {
				s.openDeflate(offerAll)
				s.sendFrames(squeezedParts(opText, cut(stored, 5+at)...)...)
				s.failed(1007)
			})
	}
	l.add("utf8-blocks", "Compressed text with a surrogate that two blocks share", ruleUTF8, func(s *session) {
		s.openDeflate(offerAll)
		s.sendFrames(squeezed(opText, new(blocks).fixed(0, literals("x\xed")...).fixed(0, literals("\xa0\x80")...).message()))
		s.failed(1007)
	})
	l.add("utf8-later", "Good compressed text, then bad", ruleUTF8, func(s *session) {
		s.openDeflate(offerAll)
		s.echoSqueezed(opText, []byte("Grüße"))
		s.sendFrames(squeezed(opText, s.compress([]byte("Gr\xfc\xdfe"))))
		s.failed(1007)
	})
	l.add("utf8-wire", "Text whose compressed bytes are not UTF-8, but whose own are", ruleDecompress, inflates("Hello", []byte("\xf2\x48\xcd\xc9\xc9\x07\x00")))
	mixed := []byte("a\u00e9\u20ac\U0001d11e")
	l.add("utf8-valid-fragments", "Compressed text of one to four bytes a character, in fragments of one byte", ruleText,
		inflates(string(mixed), each(new(blocks).stored(0, string(mixed)).message())...))
	l.add("utf8-binary", "Compressed binary that is not UTF-8", ruleBinary, func(s *session) {
		s.openDeflate(offerAll)
		s.echoSqueezed(opBinary, bad)
		s.goesOn()
	})
}
