package conformance

import "fmt"

func clientFramingCases(l *list) {
	l.family = Framing
	l.add("example", "The RFC's unmasked \"Hello\"", ruleExample, func(s *session) {
		s.open()
		s.send([]byte{0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f})
		s.answers(text("Hello"))
		s.quiet()
	})
	for _, n := range []int{0, 1, 124, 125, 126, 127, 128, 255, 256, 32767} {
		rule := ruleLength
		if n > 125 {
			rule = ruleLength16
		}
		l.add(fmt.Sprintf("text-%d", n), fmt.Sprintf("Text of %d bytes", n), rule, echo(text(letters(n))))
		l.add(fmt.Sprintf("binary-%d", n), fmt.Sprintf("Binary of %d bytes", n), rule, echo(bin(octets(n))))
	}
	for _, n := range []int{65535, 65536, 65537} {
		rule := ruleLength64
		if n <= 65535 {
			rule = ruleLength16
		}
		l.add(fmt.Sprintf("text-%d", n), fmt.Sprintf("Text of %d bytes, unless they are too many", n), rule, echoesUpToLimit(func() []frame { return []frame{text(letters(n))} }))
		l.add(fmt.Sprintf("binary-%d", n), fmt.Sprintf("Binary of %d bytes, unless they are too many", n), rule, echoesUpToLimit(func() []frame { return []frame{bin(octets(n))} }))
	}
	l.add("types", "Text and binary by turns keep their types", ruleReceived,
		echo(text("a"), bin([]byte("b")), text(""), bin(nil), text("c"), bin([]byte("d"))))
	l.add("binary-all-values", "Binary with every value of an octet", ruleBinary, echo(bin(octets(256))))
	for _, v := range []struct {
		name         string
		size, header int
	}{{"7", 5, 2}, {"16", 300, 4}, {"64", 30000, 4}} {
		for at := 1; at <= v.header; at++ {
			l.add(fmt.Sprintf("cut-%s-bit-%d", v.name, at),
				fmt.Sprintf("A frame of %d bytes, cut after byte %d of its %d-byte header", v.size, at, v.header),
				ruleParse, echoInPieces(cutAt(at), bin(octets(v.size))))
		}
	}
	l.add("bytewise-7", "Two frames byte by byte", ruleParse, echoInPieces(piecesOf(1), text("Hello"), bin(octets(60))))
	l.add("bytewise-16", "A frame with a 16-bit length byte by byte", ruleParse, echoInPieces(piecesOf(1), text(letters(130))))
	l.add("pieces", "A frame of 30,000 bytes in pieces of 997", ruleParse, echoInPieces(piecesOf(997), bin(octets(30000))))
	l.add("together", "Two hundred messages in one piece", ruleParse, func(s *session) {
		var f []frame
		for i := range 200 {
			f = append(f, text(fmt.Sprintf("message %d", i)))
		}
		echo(f...)(s)
	})
	l.add("one-and-a-half", "A frame and the half of the next in one piece", ruleParse, echoInPieces(cutAt(7+8), text("Hello"), text("world, hello")))
	l.mirror(lengths, only(""))
}

// failsMasked is the script of frames of which some are masked, as no server's may be.
func failsMasked(bytes []byte) func(*session) {
	return func(s *session) {
		s.open()
		s.send(bytes)
		s.failed(1002)
	}
}

func clientMaskingCases(l *list) {
	l.family = Masking
	for _, v := range []struct {
		name, title string
		bytes       []byte
	}{
		{"text", "Masked text", text("Hello").bytes()},
		{"binary", "Masked binary", bin([]byte("Hello")).bytes()},
		{"empty", "Masked empty text", text("").bytes()},
		{"zero-key", "Text masked with the key 0", text("Hello").keyed([4]byte{}).bytes()},
		{"text-16", "Masked text with a 16-bit length", text(letters(200)).bytes()},
		{"ping", "A masked ping", ping("Hello").bytes()},
		{"pong", "A masked pong", pong("Hello").bytes()},
		{"continuation", "A masked second fragment", append(text("Hel").part().unmasked().bytes(), cont("lo").bytes()...)},
	} {
		l.add("server-"+v.name, v.title+" fails the connection", ruleMaskedByServer, failsMasked(v.bytes))
	}
	l.add("server-close", "A masked Close frame is not answered as a good one", ruleMaskedByServer, func(s *session) {
		s.open()
		s.send(closing(closeBody(1000, "")).bytes())
		e := s.next()
		if e.kind == closeFrame && e.code == 1000 {
			s.fail("the client took the masked Close frame: it answered %v", e)
		}
		s.isFailure(e, 1002)
	})
	l.add("server-later", "Masked text after an exchange", ruleMaskedByServer, func(s *session) {
		s.open()
		s.exchangeFrames(text("not masked"))
		s.send(text("masked").bytes())
		s.failed(1002)
	})
	for _, v := range []struct {
		name, title string
		n           int
		frame       func(i int) frame
	}{
		{"messages", "forty messages", 40, func(int) frame { return text("the same") }},
		{"pings", "forty pings", 40, func(i int) frame { return ping(fmt.Sprint(i)) }},
	} {
		l.add("fresh-"+v.name, "The answers to "+v.title+" have a key each", ruleFreshMask, func(s *session) {
			keys := s.masksOf(v.n, v.frame)
			seen := map[[4]byte]bool{}
			for _, k := range keys {
				seen[k] = true
			}
			// Two of forty are alike by chance once in five million times.
			if len(seen) < len(keys)-1 {
				s.fail("the client used %d masking keys for %d frames", len(seen), len(keys))
			}
		})
	}
	l.add("no-step", "The masking keys of a hundred answers do not follow from each other by a step", rulePredictable, func(s *session) {
		s.noStep(s.masksOf(100, func(int) frame { return text("the same") }))
	})
	l.add("bits", "Every bit of two hundred masking keys is set now and then", rulePredictable, func(s *session) {
		keys := s.masksOf(200, func(int) frame { return text("the same") })
		for bit := range 32 {
			set := 0
			for _, k := range keys {
				set += int(k[bit/8] >> (bit % 8) & 1)
			}
			// Six standard deviations.
			if set < 58 || set > 142 {
				s.fail("bit %d of the masking keys is set in %d of 200", bit, set)
			}
		}
	})
	l.add("first-key", "The first masking key is no other connection's", rulePredictable, func(s *session) {
		s.open()
		s.exchangeFrames(text("Hello"))
		if k := s.client.masks[0]; s.client.check.firstMask(k) > 1 {
			s.fail("the client began more than one connection with the masking key %x", k)
		}
		s.quiet()
	}).exclusive = true
}

// masksOf sends n frames one by one, and returns the keys of the client's answers.
func (s *session) masksOf(n int, f func(i int) frame) [][4]byte {
	s.open()
	s.client.masks = nil
	for i := range n {
		s.exchangeFrames(f(i))
	}
	keys := s.client.masks
	s.quiet()
	return keys
}

// noStep fails the case where each key is the one before and a constant, added or combined by
// exclusive or.
func (s *session) noStep(keys [][4]byte) {
	type reading struct {
		how   string
		apply func(a, b [4]byte) uint32
	}
	for _, r := range []reading{
		{"adding, big-endian", func(a, b [4]byte) uint32 { return be(b) - be(a) }},
		{"adding, little-endian", func(a, b [4]byte) uint32 { return le(b) - le(a) }},
		{"exclusive or", func(a, b [4]byte) uint32 { return be(b) ^ be(a) }},
	} {
		steps := map[uint32]int{}
		for i := 1; i < len(keys); i++ {
			steps[r.apply(keys[i-1], keys[i])]++
		}
		for step, n := range steps {
			if n > len(keys)/4 {
				s.fail("%d of %d masking keys are the one before with %#x (%s)", n, len(keys), step, r.how)
			}
		}
	}
}

func be(k [4]byte) uint32 {
	return uint32(k[0])<<24 | uint32(k[1])<<16 | uint32(k[2])<<8 | uint32(k[3])
}
func le(k [4]byte) uint32 { return be([4]byte{k[3], k[2], k[1], k[0]}) }

// noteFirstMask notes the first masking key of a connection.
func (k *ClientChecker) noteFirstMask(key [4]byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.masks[key]++
}

// firstMask is how many connections have begun with a masking key.
func (k *ClientChecker) firstMask(key [4]byte) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.masks[key]
}
