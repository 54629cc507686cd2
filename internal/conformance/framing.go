package conformance

import (
	"bytes"
	"fmt"
	"strings"
)

// letters is n bytes of ASCII, whose lines of 64 begin with another letter each.
func letters(n int) string {
	var b []byte
	for i := range 64 * 26 {
		b = append(b, 'a'+byte((i+i/64)%26))
	}
	return strings.Repeat(string(b), n/len(b)+1)[:n]
}

// octets is n bytes that take every value, in rows of 256 that begin with another value each.
func octets(n int) []byte {
	var b []byte
	for i := range 256 * 256 {
		b = append(b, byte(i+i/256))
		if len(b) == n {
			break
		}
	}
	return bytes.Repeat(b, n/len(b)+1)[:n]
}

func framingCases(l *list) {
	l.family = Framing
	l.add("example", "The RFC's masked \"Hello\"", ruleExample, func(s *session) {
		s.open()
		s.send([]byte{0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58})
		s.answers(text("Hello"))
		s.quiet()
	})
	for _, n := range []int{0, 1, 124, 125, 126, 127, 255, 256, 65535, 65536, 65537} {
		rule := ruleLength
		if n > 65535 {
			rule = ruleLength64
		} else if n > 125 {
			rule = ruleLength16
		}
		l.add(fmt.Sprintf("text-%d", n), fmt.Sprintf("Text of %d bytes", n), rule, echo(text(letters(n))))
		l.add(fmt.Sprintf("binary-%d", n), fmt.Sprintf("Binary of %d bytes", n), rule, echo(bin(octets(n))))
	}
	l.add("types", "Text and binary by turns keep their types", ruleReceived,
		echo(text("a"), bin([]byte("b")), text(""), bin(nil), text("c"), bin([]byte("d"))))
	l.add("binary-all-values", "Binary with every value of an octet", ruleBinary, echo(bin(octets(256))))
	masks(l)
	frameCuts(l)
	lengths(l)
	unmasked(l)
}

func masks(l *list) {
	for _, v := range []struct {
		name string
		key  [4]byte
	}{
		{"zero", [4]byte{}},
		{"ones", [4]byte{0xff, 0xff, 0xff, 0xff}},
		{"first", [4]byte{0xa5, 0, 0, 0}},
		{"second", [4]byte{0, 0xa5, 0, 0}},
		{"third", [4]byte{0, 0, 0xa5, 0}},
		{"fourth", [4]byte{0, 0, 0, 0xa5}},
	} {
		l.add("mask-"+v.name, fmt.Sprintf("The masking key %x", v.key), ruleMask, echo(bin(octets(99)).keyed(v.key), text(letters(130)).keyed(v.key)))
	}
	var fresh, sizes []frame
	for i := range 40 {
		fresh = append(fresh, bin(octets(i)).keyed([4]byte{byte(i), byte(7 * i), byte(31 * i), byte(101 * i)}))
	}
	l.add("mask-fresh", "Forty frames, each with another key", ruleMask, echo(fresh...))
	for n := range 140 {
		sizes = append(sizes, bin(octets(n)))
	}
	l.add("mask-sizes", "Payloads of 0 to 139 bytes, each masked from its own start", ruleMask, echo(sizes...))
}

func frameCuts(l *list) {
	for _, v := range []struct {
		name   string
		size   int
		header int
	}{{"7", 5, 6}, {"16", 300, 8}, {"64", 70000, 14}} {
		for at := 1; at <= v.header; at++ {
			l.add(fmt.Sprintf("cut-%s-bit-%d", v.name, at),
				fmt.Sprintf("A frame with a %s-bit length, cut after byte %d of its %d-byte header", v.name, at, v.header),
				ruleParse, echoInPieces(cutAt(at), bin(octets(v.size))))
		}
	}
	for at := 1; at <= 4; at++ {
		l.add(fmt.Sprintf("cut-payload-%d", at), fmt.Sprintf("A frame cut after byte %d of its payload: the mask goes on in step", at),
			ruleMask, echoInPieces(cutAt(6+at), bin(octets(125))))
	}
	l.add("bytewise-7", "Two frames byte by byte", ruleParse, echoInPieces(piecesOf(1), text("Hello"), bin(octets(60))))
	l.add("bytewise-16", "A frame with a 16-bit length byte by byte", ruleParse, echoInPieces(piecesOf(1), text(letters(130))))
	l.add("pieces-7", "A frame of 70,000 bytes in pieces of 997", ruleParse, echoInPieces(piecesOf(997), bin(octets(70000))))
	l.add("together", "Two hundred messages in one piece", ruleParse, func(s *session) {
		var f []frame
		for i := range 200 {
			f = append(f, text(fmt.Sprintf("message %d", i)))
		}
		echo(f...)(s)
	})
	l.add("one-and-a-half", "A frame and the half of the next in one piece", ruleParse,
		echoInPieces(cutAt(11+8), text("Hello"), text("world, hello")))
}

func lengths(l *list) {
	for _, v := range []struct{ n, form int }{{0, 16}, {5, 16}, {125, 16}, {0, 64}, {5, 64}, {126, 64}, {65535, 64}} {
		l.add(fmt.Sprintf("long-form-%d-in-%d", v.n, v.form), fmt.Sprintf("The length %d in %d bits", v.n, v.form), ruleMinimal, func(s *session) {
			s.open()
			f := text(letters(v.n)).longer(v.form)
			s.sendFrames(f)
			e := s.soon()
			if e.kind == message {
				// The MUST binds the sender; many receivers take any form.
				s.compare(e, event{kind: message, op: opText, data: f.payload})
				s.lenient(ruleMinimal, "the server took it")
				s.quiet()
				return
			}
			s.isFailure(e, 1002)
		})
	}
	for _, v := range []struct {
		name   string
		length uint64
	}{
		{"zero", 1 << 63},
		{"five", 1<<63 + 5},
		{"all", 1<<64 - 1},
		{"huge", 1<<63 + 1<<62},
	} {
		l.add("top-bit-"+v.name, fmt.Sprintf("The length %#x, whose most significant bit is set", v.length), ruleLength64, func(s *session) {
			s.open()
			s.sendFrames(bin([]byte("Hello")).claiming(64, v.length))
			s.failed(1002)
		})
	}
}

func unmasked(l *list) {
	for _, v := range []struct {
		name, title string
		frames      []frame
	}{
		{"text", "Text", []frame{text("Hello").unmasked()}},
		{"binary", "Binary", []frame{bin([]byte("Hello")).unmasked()}},
		{"empty", "Empty text", []frame{text("").unmasked()}},
		{"text-16", "Text with a 16-bit length", []frame{text(letters(200)).unmasked()}},
		{"ping", "A ping", []frame{ping("Hello").unmasked()}},
		{"pong", "A pong", []frame{pong("Hello").unmasked()}},
		{"continuation", "The second fragment", []frame{text("Hel").part(), cont("lo").unmasked()}},
	} {
		l.add("unmasked-"+v.name, v.title+" without a mask", ruleUnmasked, fails(1002, v.frames...))
	}
	l.add("unmasked-close", "A Close frame without a mask", ruleUnmasked, func(s *session) {
		s.open()
		s.sendFrames(closing(closeBody(1000, "")).unmasked())
		e := s.next()
		if e.kind == closeFrame && e.code == 1000 {
			s.fail("the server took the unmasked Close frame: it answered %v", e)
		}
		s.isFailure(e, 1002)
	})
	l.add("unmasked-later", "An unmasked message after a masked one", ruleUnmasked, func(s *session) {
		s.open()
		s.exchangeFrames(text("masked"))
		s.sendFrames(text("not masked").unmasked())
		s.failed(1002)
	})
	l.add("masked-zero-bytes", "A masked frame of zero bytes is not an unmasked one", ruleMask,
		echo(bin(bytes.Repeat([]byte{0}, 64)).keyed([4]byte{}), text(strings.Repeat("\x00", 64))))
}
