package conformance

import (
	"fmt"
	"net"
	"strings"
)

func truncationCases(l *list) {
	l.family = Truncation
	big := bin(octets(70_000)).bytes()
	for _, v := range []struct {
		name, title string
		stream      []byte
		cuts        []int // all if nil
	}{
		{"text", "A text message of 100 bytes", wire(text(letters(100))), nil},
		{"binary", "A binary message of 300 bytes", wire(bin(octets(300))), nil},
		{"characters", "A text message of characters of three bytes", wire(text(euros(120))), nil},
		{"fragments", "A message of three fragments", wire(fragments(text(""), letters(20), letters(20), letters(20))...), nil},
		{"fragments-and-ping", "A message of two fragments with a ping between", wire(text("Hello, ").part(), pong("between"), cont("world")), nil},
		{"empty-end", "A message whose last fragment is empty", wire(bin(octets(50)).part(), cont("")), nil},
		{"empty", "An empty message", wire(text("")), nil},
		{"ping", "A ping of 30 bytes", wire(ping(letters(30))), nil},
		{"large", "A message of 70,000 bytes", big, []int{1, 2, 5, 9, 10, 13, 14, 15, 1000, 4096, 65535, 65536, len(big) - 2, len(big) - 1}},
	} {
		cuts := v.cuts
		if cuts == nil {
			for at := 1; at < len(v.stream); at++ {
				cuts = append(cuts, at)
			}
		}
		l.add(v.name+"-fin", fmt.Sprintf("%s, cut off in %d places by the end of the stream: never echoed", v.title, len(cuts)), ruleReceived, func(s *session) {
			s.exchange.add(Sent, v.stream)
			for _, at := range cuts {
				s.cutOff(v.stream, at)
			}
		}).alone()
		l.add(v.name+"-rst", fmt.Sprintf("%s, cut off in %d places by a reset: the server goes on", v.title, len(cuts)), adviceAlive, func(s *session) {
			s.exchange.add(Sent, v.stream)
			for _, at := range cuts {
				o := s.another()
				o.open()
				o.reset(v.stream[:at])
			}
		}).alone()
	}
	l.add("second-fin", "A whole message and a cut one: only the first is echoed", ruleReceived, func(s *session) {
		first, second := text("whole"), text(letters(100)).bytes()
		for at := range second {
			o := s.another()
			o.open()
			o.send(append(first.bytes(), second[:at]...))
			o.halfClose()
			switch e := o.next(); e.kind {
			case message:
				o.compare(e, event{kind: message, op: opText, data: first.payload})
			case end, closeFrame:
				o.lenient(ruleReceived, "%v came in place of the echo of the whole message", e)
			default:
				o.fail("%v came in place of an echo", e)
			}
			o.nothingMore(at)
			o.hangUp()
		}
	}).alone()
	l.add("handshake-fin", "A handshake cut off everywhere by the end of the stream: never accepted", ruleHandshakeGrammar, func(s *session) {
		b := s.request().bytes()
		s.exchange.add(Sent, b)
		for at := range len(b) - 1 {
			o := s.another()
			o.dial()
			o.send(b[:at])
			o.halfClose()
			for o.fill(o.deadline) && len(o.in) < largestHeader {
			}
			if strings.HasPrefix(string(o.in), "HTTP/1.1 101") {
				o.fail("the server accepted the first %d bytes of %d", at, len(b))
			}
			if o.ended == "" {
				o.fail("the server did not close the connection after %d bytes of %d", at, len(b))
			}
			o.hangUp()
		}
	}).alone()
	l.add("handshake-rst", "A handshake cut off everywhere by a reset: the server goes on", adviceAlive, func(s *session) {
		b := s.request().bytes()
		s.exchange.add(Sent, b)
		for at := range b {
			o := s.another()
			o.dial()
			o.reset(b[:at])
		}
	}).alone()
}

// cutOff sends the beginning of a stream and its end. Nothing of it may be answered.
func (s *session) cutOff(stream []byte, at int) {
	o := s.another()
	o.open()
	o.send(stream[:at])
	o.halfClose()
	o.nothingMore(at)
	o.hangUp()
}

// nothingMore waits for the end of a connection that was cut off after so many bytes.
func (s *session) nothingMore(at int) {
	for {
		switch e := s.next(); e.kind {
		case end:
			return
		case closeFrame:
		case silence:
			s.failRule(ruleCloseTCP, "the server did not end the connection, cut after byte %d", at)
		default:
			s.fail("the server sent %v, though the stream was cut after byte %d", e, at)
		}
	}
}

// reset sends b and resets the connection.
func (s *session) reset(b []byte) {
	s.conn.Write(b)
	if t, ok := netConn(s.conn).(*net.TCPConn); ok {
		t.SetLinger(0)
		t.Close() // before TLS says goodbye
	}
	s.hangUp()
}
