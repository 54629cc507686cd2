package conformance

import (
	"bytes"
	"compress/flate"
	"fmt"
	"slices"
	"strings"
)

func deflateCases(l *list) {
	l.family = Deflate
	deflateExamples(l)
	deflateSizes(l)
	deflateTakeover(l)
	deflateWindows(l)
	deflateBlocks(l)
	deflateFrameCases(l)
	deflateBadCases(l)
	deflateLimits(l)
}

// deflateExamples are the examples of RFC 7692, section 7.2.3, byte for byte.
func deflateExamples(l *list) {
	const hello = "\xf2\x48\xcd\xc9\xc9\x07\x00"
	example := func(n int, bytes string) Rule {
		return Rule{rfc7692, fmt.Sprintf("7.2.3.%d", n), bytes}
	}
	for _, v := range []struct {
		name, title, want string
		rule              Rule
		payloads          []string
	}{
		{"one-block", "\"Hello\" in one compressed block", "Hello", example(1, "0xf2 0x48 0xcd 0xc9 0xc9 0x07 0x00"), []string{hello}},
		{"two-fragments", "\"Hello\" in one compressed block and two fragments", "Hello", example(1, "0x41 0x03 0xf2 0x48 0xcd, 0x80 0x04 0xc9 0xc9 0x07 0x00"), []string{hello[:3], hello[3:]}},
		{"stored", "\"Hello\" in a block with no compression", "Hello", example(3, "0x00 0x05 0x00 0xfa 0xff 0x48 0x65 0x6c 0x6c 0x6f 0x00"), []string{"\x00\x05\x00\xfa\xffHello\x00"}},
		{"final", "\"Hello\" in a block with BFINAL set", "Hello", example(4, "0xf3 0x48 0xcd 0xc9 0xc9 0x07 0x00 0x00"), []string{"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"}},
		{"two-blocks", "\"Hello\" in two blocks, with a flush between them", "Hello", example(5, "0xf2 0x48 0x05 0x00 0x00 0x00 0xff 0xff 0xca 0xc9 0xc9 0x07 0x00"), []string{"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"}},
		{"empty", "Nothing, in an empty block", "", example(6, "0x00"), []string{"\x00"}},
		{"empty-fragment", "A last fragment with an empty block after a flush", "Hello", example(6, "0x00"), []string{hello + "\x00\x00\xff\xff", "\x00"}},
	} {
		var payloads [][]byte
		for _, p := range v.payloads {
			payloads = append(payloads, []byte(p))
		}
		l.add("example-"+v.name, "The RFC's example: "+v.title, v.rule, inflates(v.want, payloads...))
	}
	l.add("example-window", "The RFC's example: \"Hello\" twice, and the second reaches into the first", example(2, "0xf2 0x00 0x11 0x00 0x00"), func(s *session) {
		s.openTakeover()
		for _, payload := range []string{hello, "\xf2\x00\x11\x00\x00"} {
			s.sendFrames(squeezed(opText, []byte(payload)))
			s.await([]event{{kind: message, op: opText, data: []byte("Hello")}}, nil)
		}
		s.quiet()
	})
}

// openTakeover connects so that the client may reach back into its earlier messages.
func (s *session) openTakeover() {
	s.openDeflate(offerAll)
	if s.deflate.clientNoTakeover {
		s.unsupported("the server answered client_no_context_takeover, as it may")
	}
}

func deflateSizes(l *list) {
	for _, n := range []int{0, 1, 2, 125, 126, 127, 1000, 65535, 65536, 100_000} {
		l.add(fmt.Sprintf("text-%d", n), fmt.Sprintf("Compressed text of %d bytes", n), ruleDecompress, func(s *session) {
			s.openDeflate(offerAll)
			s.echoSqueezed(opText, repeated(n))
			s.goesOn()
		})
		l.add(fmt.Sprintf("binary-%d", n), fmt.Sprintf("Compressed binary of %d bytes", n), ruleDecompress, func(s *session) {
			s.openDeflate(offerAll)
			s.echoSqueezed(opBinary, octets(n))
			s.goesOn()
		})
	}
	for _, v := range []struct {
		name, title string
		data        []byte
	}{
		{"noise", "64 KiB that no compressor makes smaller", noise(65536)},
		{"zeros", "128 KiB of zeros", make([]byte, 128*kib)},
		{"euros", "64 KiB in characters of three bytes", []byte(euros(65536))},
	} {
		for _, level := range []int{flate.HuffmanOnly, flate.NoCompression, 1, 5, 9} {
			l.add(fmt.Sprintf("%s-level-%d", v.name, level+2), fmt.Sprintf("Binary, compressed at level %d: %s", level, v.title), ruleBlocks, func(s *session) {
				s.openWide()
				s.sendFrames(squeezed(opBinary, s.deflate.out.compressed(v.data, func(history []byte) []byte { return deflated(level, history, v.data) })))
				s.await([]event{{kind: message, op: opBinary, data: v.data}}, nil)
				s.goesOn()
			})
		}
	}
}

// openWide connects so that the client may use the largest window: it does not offer less.
func (s *session) openWide() { s.openDeflate(deflateName) }

// deflateTakeover exchanges messages that are alike, by everything that can be agreed.
func deflateTakeover(l *list) {
	for _, v := range []struct{ name, params string }{
		{"both", "; client_max_window_bits"},
		{"client", "; server_no_context_takeover; client_max_window_bits"},
		{"server", "; client_no_context_takeover"},
		{"none", "; server_no_context_takeover; client_no_context_takeover"},
	} {
		for _, op := range []byte{opText, opBinary} {
			l.add("takeover-"+v.name+"-"+opName(op), fmt.Sprintf("Ten %s messages that are alike, after the offer %s%s", opName(op), deflateName, v.params), ruleKeepWindow, func(s *session) {
				s.openDeflate(deflateName + v.params)
				for i := range 10 {
					s.echoSqueezed(op, append(repeated(1000+i), fmt.Sprint(i)...))
				}
				s.quiet()
			})
		}
	}
	l.add("takeover-pipelined", "A hundred messages that are alike, sent in one piece", ruleKeepWindow, func(s *session) {
		s.openDeflate(offerAll)
		var frames []frame
		var want []event
		for i := range 100 {
			data := append(repeated(300), fmt.Sprint(i)...)
			frames = append(frames, squeezed(opText, s.compress(data)))
			want = append(want, event{kind: message, op: opText, data: data})
		}
		s.sendFrames(frames...)
		s.await(want, nil)
		s.quiet()
	})
	l.add("takeover-oldest", "A match that reaches to the first byte of a message three messages ago", ruleKeepWindow, func(s *session) {
		s.openTakeover()
		w := window(s.deflate.clientBits)
		first := noise(w - 30)
		s.sendFrames(squeezed(opBinary, new(blocks).stored(0, string(first)).message()))
		s.await([]event{{kind: message, op: opBinary, data: first}}, nil)
		for range 3 {
			s.sendFrames(squeezed(opBinary, new(blocks).stored(0, "0123456789").message()))
			s.await([]event{{kind: message, op: opBinary, data: []byte("0123456789")}}, nil)
		}
		s.sendFrames(squeezed(opBinary, new(blocks).fixed(0, match(20, w)).message()))
		s.await([]event{{kind: message, op: opBinary, data: first[:20]}}, nil)
		s.quiet()
	})
}

// deflateWindows asks for each size of both windows. What the server sends is inflated with
// exactly its window; what it gets reaches back as far as its own allows.
func deflateWindows(l *list) {
	for bits := 8; bits <= 15; bits++ {
		w := 1 << bits
		l.add(fmt.Sprintf("server-window-%d", bits), fmt.Sprintf("The server compresses within %d bytes, though data are alike further apart", w), ruleServerWindow, func(s *session) {
			s.openDeflate(fmt.Sprintf("%s; server_max_window_bits=%d; client_max_window_bits", deflateName, bits))
			s.alikeApart(w)
			for i := range 5 {
				s.echoSqueezed(opText, append(repeated(w), fmt.Sprint(i)...))
			}
			s.quiet()
		})
		l.add(fmt.Sprintf("client-window-%d", bits), fmt.Sprintf("The server inflates matches as far back as it agreed to, at most %d bytes", w), ruleClientWindow, func(s *session) {
			s.openDeflate(fmt.Sprintf("%s; client_max_window_bits=%d", deflateName, bits))
			agreed := window(s.deflate.clientBits)
			if s.deflate.clientBits == 0 {
				agreed = w // the client keeps to what it offered
			}
			s.farBack(agreed)
			s.goesOn()
		})
	}
	l.add("client-window-long", "A message of 160 KiB of which every byte but the first 32,768 is a match 32,768 bytes back", ruleClientWindow, func(s *session) {
		s.openWide()
		past := noise(largestWindow)
		b := new(blocks).stored(0, string(past[:largestWindow/2])).stored(0, string(past[largestWindow/2:]))
		b.fixed(0, slices.Repeat([]token{match(256, largestWindow)}, 4*largestWindow/256)...)
		s.sendFrames(squeezed(opBinary, b.message()))
		s.await([]event{{kind: message, op: opBinary, data: bytes.Repeat(past, 5)}}, nil)
		s.quiet()
	})
	l.add("client-window-unasked", "The server inflates matches 32,768 bytes back where nothing less was offered", ruleClientWindow, func(s *session) {
		s.openWide()
		s.farBack(largestWindow)
		s.goesOn()
	})
	l.add("client-window-answered", "The server inflates matches as far back as its answer to client_max_window_bits says", ruleClientWindow, func(s *session) {
		s.openDeflate(offerAll)
		s.farBack(window(s.deflate.clientBits))
		s.goesOn()
	})
}

// alikeApart exchanges the same noise again and again, from just within a window to far beyond it.
func (s *session) alikeApart(w int) {
	for _, lag := range []int{w - 1, w, w + 1, w + 100, 2*w - 1} {
		chunk := noise(lag)
		s.echoSqueezed(opBinary, slices.Concat(chunk, chunk, chunk[:lag/2]))
		s.echoSqueezed(opBinary, append([]byte("again"), chunk...))
	}
}

// farBack sends matches as far back as the window, within a message and into the one before.
func (s *session) farBack(w int) {
	past := noise(w)
	send := func(data []byte, b *blocks) {
		s.sendFrames(squeezed(opBinary, s.deflate.out.compressed(data, func([]byte) []byte { return b.message() })))
		s.await([]event{{kind: message, op: opBinary, data: data}}, nil)
	}
	send(slices.Concat(past, past[:3], past[3:200]),
		new(blocks).stored(0, string(past[:w/2])).stored(0, string(past[w/2:])).fixed(0, match(3, w), match(197, w)))
	if !s.deflate.clientNoTakeover {
		last := append(bytes.Clone(past), past[:200]...)
		last = last[len(last)-w:]
		send(last[:100], new(blocks).fixed(0, match(100, w)))
	}
}

// deflateBlocks are messages of blocks of every type and in every order.
func deflateBlocks(l *list) {
	fixed := func(final int) *blocks { return new(blocks).fixed(final, literals("Hello")...) }
	for _, v := range []struct {
		name, title, want string
		blocks            *blocks
	}{
		{"stored-twice", "two stored blocks", "HelloHello", new(blocks).stored(0, "Hello").stored(0, "Hello")},
		{"stored-largest", "a stored block of 65,535 bytes", letters(65535), new(blocks).stored(0, letters(65535))},
		{"stored-final", "a final stored block", "Hello", new(blocks).stored(1, "Hello")},
		{"stored-final-empty", "a final stored block without data", "", new(blocks).stored(1, "")},
		{"stored-single", "a thousand stored blocks of one byte", letters(1000), storedEach(letters(1000))},
		{"fixed-twice", "two blocks with the fixed code", "HelloHello", fixed(0).fixed(0, literals("Hello")...)},
		{"fixed-empty", "a thousand empty blocks with the fixed code before one with data", "Hello", emptyFixed(1000).fixed(0, literals("Hello")...)},
		{"fixed-final-empty", "an empty final block with the fixed code", "", new(blocks).fixed(1)},
		{"stored-empty", "a thousand empty stored blocks before one with data", "Hello", emptyStored(1000).stored(0, "Hello")},
		{"all-types", "a stored, a fixed and a stored block", "storedfixedstored", new(blocks).stored(0, "stored").fixed(0, append(literals("fixed"), match(6, 11))...)},
		{"dynamic", "a block with a code of its own", "xxyx", dynamicXY(0)},
		{"dynamic-single", "a block with a code of its own that has no distances and a single length", "", lengthsOf(257, 1, map[int]int{256: 1}).bits(0, 1)},
		{"match-longest", "a match of 258 bytes, one byte back", strings.Repeat("x", 259), new(blocks).fixed(0, append(literals("x"), match(258, 1))...)},
		{"match-lengths", "matches of every length", strings.Repeat("x", 1+(3+258)*256/2), everyLength()},
	} {
		l.add("blocks-"+v.name, "A compressed message of "+v.title, ruleBlocks, inflates(v.want, v.blocks.message()))
	}
	for _, v := range []struct {
		name, title, want string
		blocks            *blocks
	}{
		{"then-fixed", "a final block, then another", "Hello again", new(blocks).fixed(1, literals("Hello")...).fixed(0, literals(" again")...)},
		{"twice", "two final blocks", "Hello again", new(blocks).fixed(1, literals("Hello")...).fixed(1, literals(" again")...)},
		{"then-stored", "a final block with the fixed code, then a stored one", "Hello again", new(blocks).fixed(1, literals("Hello")...).stored(0, " again")},
		{"stored-then-fixed", "a final stored block, then one with the fixed code", "Hello again", new(blocks).stored(1, "Hello").fixed(0, literals(" again")...)},
		{"dynamic", "a final block with a code of its own, then another", "xxyx again", dynamicXY(1).align().fixed(0, literals(" again")...)},
	} {
		l.add("final-"+v.name, "A compressed message of "+v.title, ruleBlocks, inflates(v.want, v.blocks.message()))
	}
	l.add("final-takeover", "A match into the message before, which ended with a final block", ruleKeepWindow, func(s *session) {
		s.openTakeover()
		for _, b := range []*blocks{fixed(1), new(blocks).fixed(0, match(5, 5))} {
			s.sendFrames(squeezed(opText, b.message()))
			s.await([]event{{kind: message, op: opText, data: []byte("Hello")}}, nil)
		}
		s.quiet()
	})
}

func storedEach(data string) *blocks {
	w := new(blocks)
	for i := range len(data) {
		w.stored(0, data[i:i+1])
	}
	return w
}

func emptyStored(n int) *blocks {
	w := new(blocks)
	for range n {
		w.stored(0, "")
	}
	return w
}

func emptyFixed(n int) *blocks {
	w := new(blocks)
	for range n {
		w.fixed(0)
	}
	return w
}

// dynamicXY is a block that stands for "xxyx", with a code that has x, y and the end alone.
func dynamicXY(final int) *blocks {
	w := lengthsOf(257, 1, map[int]int{'x': 1, 'y': 2, 256: 2})
	w.b[0] |= byte(final)
	c := newCode([]int{1, 2, 2})
	for _, symbol := range []int{0, 0, 1, 0, 2} {
		w.huffman(c, symbol)
	}
	return w
}

// everyLength is a run of x in matches of every length from 3 to 258.
func everyLength() *blocks {
	tokens := literals("x")
	for n := 3; n <= longestMatch; n++ {
		tokens = append(tokens, match(n, 1))
	}
	return new(blocks).fixed(0, tokens...)
}
