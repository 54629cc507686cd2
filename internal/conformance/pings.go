package conformance

import (
	"fmt"
)

func pingCases(l *list) {
	l.family = Pings
	for _, v := range []struct{ name, title, data string }{
		{"empty", "An empty ping", ""},
		{"one", "A ping of one byte", "x"},
		{"text", "A ping with text", "Hello"},
		{"binary", "A ping that is not UTF-8", "\x00\xff\xfe\xfd\xc0\x80"},
		{"124", "A ping of 124 bytes", letters(124)},
		{"125", "A ping of 125 bytes", letters(125)},
		{"125-ones", "A ping of 125 bytes 0xff", string(repeat(0xff, 125))},
	} {
		l.add("ping-"+v.name, v.title, rulePongData, echo(ping(v.data)))
	}
	l.add("ping-lengths", "Pings of 0 to 125 bytes, one after the other", rulePongData, func(s *session) {
		s.open()
		for n := range 126 {
			s.exchangeFrames(ping(letters(n)))
		}
		s.quiet()
	})
	l.add("ping-bytewise", "A ping of 125 bytes, byte by byte", rulePong, echoInPieces(piecesOf(1), ping(letters(125))))
	l.add("ping-bytewise-short", "A ping of 5 bytes, byte by byte", rulePongData, echoInPieces(piecesOf(1), ping("Hello")))
	for at := 1; at <= 6; at++ {
		l.add(fmt.Sprintf("ping-cut-%d", at), fmt.Sprintf("A ping cut after byte %d of its header", at), ruleParse, echoInPieces(cutAt(at), ping("Hello")))
	}
	l.add("ping-then-text", "A ping and a message in one piece", rulePong, echo(ping("Hello"), text("Hello")))
	l.add("text-then-ping", "A message and a ping in one piece", rulePong, echo(text("Hello"), ping("Hello")))
	l.add("ping-mixed", "Pings and messages by turns", rulePong, func(s *session) {
		var f []frame
		for i := range 20 {
			f = append(f, ping(fmt.Sprint(i)), text(fmt.Sprint("message ", i)))
		}
		echo(f...)(s)
	})
	l.add("ping-same", "Two pings with the same data", rulePong, func(s *session) {
		s.open()
		s.exchangeFrames(ping("same"))
		s.exchangeFrames(ping("same"))
		s.quiet()
	})
	for _, n := range []int{10, 100, 1000} {
		l.add(fmt.Sprintf("pings-%d", n), fmt.Sprintf("%d pings in one piece: the last is answered, and no other out of order", n), rulePongLatest, func(s *session) {
			var f []frame
			for i := range n {
				f = append(f, ping(fmt.Sprint("ping ", i)))
			}
			s.open()
			s.sendFrames(f...)
			if e := s.next(); n > 10 && e.kind == end {
				s.lenient(ruleAnyMeans, "the server %s: it takes them for an attack", s.ended)
				return
			} else {
				s.pending = &e
			}
			s.answers(f...)
			s.quiet()
		})
	}
	l.add("ping-large", "A ping right after a message of 1 MiB is answered", rulePong, func(s *session) {
		s.open()
		s.sendFrames(bin(octets(1<<20)), ping("after"))
		s.echoedOrTooBig(event{kind: message, op: opBinary, data: octets(1 << 20)}, ping("after"))
	}).large = true

	for _, v := range []struct{ name, title, data string }{
		{"empty", "An empty pong nobody asked for", ""},
		{"text", "A pong nobody asked for", "Hello"},
		{"125", "A pong of 125 bytes nobody asked for", letters(125)},
		{"binary", "A pong that is not UTF-8", "\xff\xfe"},
	} {
		l.add("pong-"+v.name, v.title+" stays unanswered", ruleUnsolicited, echo(pong(v.data), text("Hello")))
	}
	l.add("pongs-100", "A hundred pongs nobody asked for", ruleUnsolicited, func(s *session) {
		var f []frame
		for i := range 100 {
			f = append(f, pong(fmt.Sprint(i)))
		}
		echo(append(f, text("Hello"))...)(s)
	})
	l.add("pong-then-ping", "A pong and a ping in one piece: only the ping is answered", ruleUnsolicited, echo(pong("pong"), ping("ping")))
	l.add("pong-bytewise", "A pong byte by byte", ruleUnsolicited, echoInPieces(piecesOf(1), pong("Hello"), text("Hello")))

	for _, v := range []struct {
		name, title string
		frame       frame
	}{
		{"ping-126", "A ping of 126 bytes", ping(letters(126))},
		{"ping-65536", "A ping of 65,536 bytes", ping(letters(65536))},
		{"pong-126", "A pong of 126 bytes", pong(letters(126))},
		{"ping-claims", "A ping that claims 2^63-1 bytes", ping("Hello").claiming(64, 1<<63-1)},
	} {
		l.add(v.name, v.title, ruleControl, fails(1002, v.frame))
	}
	for _, v := range []struct {
		name, title string
		frames      []frame
	}{
		{"ping-fragmented", "A ping in two fragments", []frame{ping("Hel").part(), cont("lo")}},
		{"ping-unfinished", "A ping without FIN", []frame{ping("").part()}},
		{"pong-fragmented", "A pong in two fragments", []frame{pong("Hel").part(), cont("lo")}},
		{"ping-part-in-message", "A ping without FIN between two fragments of a message", []frame{text("Hel").part(), ping("x").part(), cont("lo")}},
	} {
		l.add(v.name, v.title, ruleControl, fails(1002, v.frames...))
	}
	for _, bits := range []int{16, 64} {
		l.add(fmt.Sprintf("ping-long-form-%d", bits), fmt.Sprintf("A ping of 5 bytes with its length in %d bits", bits), ruleMinimal, func(s *session) {
			s.open()
			s.sendFrames(ping("Hello").longer(bits))
			e := s.soon()
			if e.kind == pongFrame && string(e.data) == "Hello" {
				s.lenient(ruleMinimal, "the server took it")
				return
			}
			s.isFailure(e, 1002)
		})
	}
}

func repeat(b byte, n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = b
	}
	return p
}
