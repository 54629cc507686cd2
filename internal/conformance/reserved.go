package conformance

import "fmt"

func reservedCases(l *list) {
	l.family = Reserved
	bits := []struct {
		name string
		bits byte
	}{
		{"1", rsv1}, {"2", rsv2}, {"3", rsv3}, {"12", rsv1 | rsv2}, {"13", rsv1 | rsv3}, {"23", rsv2 | rsv3}, {"123", rsv1 | rsv2 | rsv3},
	}
	for _, v := range bits {
		l.add("rsv"+v.name+"-text", "Text with RSV"+v.name, ruleRSV, fails(1002, text("Hello").reserved(v.bits)))
	}
	for _, v := range bits[:3] {
		l.add("rsv"+v.name+"-ping", "A ping with RSV"+v.name, ruleRSV, fails(1002, ping("Hello").reserved(v.bits)))
		l.add("rsv"+v.name+"-binary", "Binary with RSV"+v.name, ruleRSV, fails(1002, bin([]byte("Hello")).reserved(v.bits)))
		l.add("rsv"+v.name+"-empty", "Empty text with RSV"+v.name, ruleRSV, fails(1002, text("").reserved(v.bits)))
		l.add("rsv"+v.name+"-pong", "A pong with RSV"+v.name, ruleRSV, fails(1002, pong("Hello").reserved(v.bits)))
		l.add("rsv"+v.name+"-continuation", "A second fragment with RSV"+v.name, ruleRSV,
			fails(1002, text("Hel").part(), cont("lo").reserved(v.bits)))
		l.add("rsv"+v.name+"-fragment", "A first fragment with RSV"+v.name, ruleRSV,
			fails(1002, text("Hel").part().reserved(v.bits), cont("lo")))
		l.add("rsv"+v.name+"-close", "A Close frame with RSV"+v.name, ruleRSV, func(s *session) {
			s.open()
			s.sendFrames(closing(closeBody(1000, "")).reserved(v.bits))
			e := s.next()
			if e.kind == closeFrame && e.code == 1000 {
				s.fail("the server took the Close frame: it answered %v", e)
			}
			s.isFailure(e, 1002)
		})
	}
	l.add("rsv-later", "Text with RSV1 after a message without", ruleRSV, func(s *session) {
		s.open()
		s.exchangeFrames(text("Hello"))
		s.sendFrames(text("Hello").reserved(rsv1))
		s.failed(1002)
	})
	l.add("rsv-together", "A message, text with RSV3 and a ping in one piece: the ping stays unanswered", ruleStop, func(s *session) {
		s.open()
		s.sendFrames(text("Hello"), text("Hello").reserved(rsv3), ping("late"))
		s.echoedOrLost("Hello")
		s.failed(1002)
	})
	opcodes(l)
}

// echoedOrLost takes the echo of a message that stood in one piece with what fails the
// connection. A server whose application is told later may have lost it.
func (s *session) echoedOrLost(sent string) {
	e := s.soon()
	if e.kind == message {
		s.compare(e, event{kind: message, op: opText, data: []byte(sent)})
		return
	}
	s.lenient(ruleReceived, "%v came before the echo of the message received first", e)
	s.pending = &e
}

func opcodes(l *list) {
	for _, op := range []byte{3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF} {
		l.add(fmt.Sprintf("opcode-%x", op), fmt.Sprintf("The opcode %#x", op), ruleOpcode,
			fails(1002, newFrame(op, []byte("Hello"))))
		l.add(fmt.Sprintf("opcode-%x-in-message", op), fmt.Sprintf("The opcode %#x between the fragments of a message", op), ruleOpcode,
			fails(1002, text("Hel").part(), newFrame(op, []byte("between")), cont("lo")))
	}
	l.add("opcode-empty", "The opcode 0x3 without a payload", ruleOpcode, fails(1002, newFrame(3, nil)))
	l.add("opcode-long", "The opcode 0x3 with 300 bytes", ruleOpcode, fails(1002, newFrame(3, octets(300))))
	l.add("opcode-later", "The opcode 0xB after a message", ruleOpcode, func(s *session) {
		s.open()
		s.exchangeFrames(text("Hello"))
		s.sendFrames(newFrame(0xB, nil))
		s.failed(1002)
	})
}
