package conformance

import "fmt"

// closeReply waits for the answer to a Close frame with the given code, and for the end of the
// connection. 1005 stands for a Close frame without a code.
func (s *session) closeReply(code int) {
	e := s.next()
	switch {
	case e.kind == end:
		s.failRule(ruleCloseReply, "the server %s without a Close frame", s.ended)
	case e.kind == silence:
		s.failRule(ruleCloseReply, "no Close frame came in answer")
	case e.kind != closeFrame:
		s.fail("%v came in place of a Close frame", e)
	case code == 1005 && (e.code == 1005 || e.code == 1000):
	case e.code != code:
		s.lenient(ruleCloseReply, "%v came in answer to the code %d", e, code)
	}
	s.awaitEnd()
}

// closes is the script that sends a faultless Close frame.
func closes(code int, body []byte) func(*session) {
	return func(s *session) {
		s.open()
		s.sendFrames(closing(body))
		s.closeReply(code)
	}
}

// closesBefore is the script that has n bytes follow its Close frame.
func closesBefore(n int) func(*session) {
	return func(s *session) {
		s.open()
		s.sendFrames(closing(closeBody(1000, "")), bin(octets(n)))
		s.closeReply(1000)
		if s.ended != orderly {
			s.lenient(ruleCleanly, "the server %s", s.ended)
		}
	}
}

func closeCases(l *list) {
	l.family = Closing
	l.add("empty", "A Close frame without a body", ruleCloseReply, closes(1005, nil))
	for _, v := range []struct {
		code uint16
		rule Rule
	}{
		{1000, ruleCodes}, {1001, ruleCodes}, {1002, ruleCodes}, {1003, ruleCodes}, {1007, ruleCodes}, {1008, ruleCodes}, {1009, ruleCodes},
		{1010, ruleCodes}, {1011, ruleCodes}, {3000, ruleLibCodes}, {3999, ruleLibCodes}, {4000, ruleOwnCodes}, {4999, ruleOwnCodes},
		{1012, ruleProtoCodes}, {1013, ruleProtoCodes}, {1014, ruleProtoCodes}, // registered since, see section 11.7
	} {
		l.add(fmt.Sprintf("code-%d", v.code), fmt.Sprintf("The code %d", v.code), v.rule, closes(int(v.code), closeBody(v.code, "")))
	}
	for _, v := range []struct{ name, title, reason string }{
		{"short", "a reason", "bye"},
		{"utf8", "a reason of many scripts", "Zażółć κόσμε 你好 🎈"},
		{"123", "a reason of 123 bytes", letters(123)},
		{"123-utf8", "a reason of 123 bytes in characters of three", euros(123)},
		{"nul", "a reason with a NUL", "a\x00b"},
	} {
		l.add("reason-"+v.name, "A Close frame with "+v.title, ruleReason, closes(1000, closeBody(1000, v.reason)))
	}
	l.add("bytewise", "A Close frame byte by byte", ruleParse, func(s *session) {
		s.open()
		s.sendPieces(piecesOf(1)(s.wire(closing(closeBody(1000, "bye"))))...)
		s.closeReply(1000)
	})
	badCodes(l)
	badBodies(l)
	afterClose(l)
}

func badCodes(l *list) {
	for _, v := range []struct {
		code uint16
		rule Rule
	}{
		{0, ruleUnusedCodes}, {1, ruleUnusedCodes}, {999, ruleUnusedCodes},
		{1005, rule1005}, {1006, rule1006}, {1015, rule1015},
	} {
		l.add(fmt.Sprintf("code-%d", v.code), fmt.Sprintf("The code %d, which must not be on the wire", v.code), v.rule, func(s *session) {
			s.open()
			s.sendFrames(closing(closeBody(v.code, "")))
			s.closedWith(1002)
		})
	}
	for _, v := range []struct {
		code uint16
		rule Rule
	}{
		{1004, rule1004}, {1016, ruleProtoCodes}, {1100, ruleProtoCodes}, {2000, ruleProtoCodes}, {2999, ruleProtoCodes},
		{5000, ruleRanges}, {65535, ruleRanges},
	} {
		// Nothing says what a receiver does about them: to echo one is lenient.
		l.add(fmt.Sprintf("code-%d", v.code), fmt.Sprintf("The code %d, which nobody may use yet", v.code), v.rule, func(s *session) {
			s.open()
			s.sendFrames(closing(closeBody(v.code, "")))
			s.closedWith(1002)
		})
	}
}

// closedWith waits for a Close frame in answer to one that was wrong. Any code is lenient but
// those that may never be sent, which parse refuses.
func (s *session) closedWith(code int) {
	e := s.next()
	switch {
	case e.kind == end:
		s.lenient(ruleFail, "the server %s without a Close frame", s.ended)
		return
	case e.kind == silence:
		s.failRule(s.mustClose(), "the server neither answered nor closed the connection")
	case e.kind != closeFrame:
		s.fail("%v came in place of a Close frame", e)
	case e.code != code:
		s.lenient(ruleFail, "%v came, not one with %d", e, code)
	}
	s.awaitEnd()
}

func badBodies(l *list) {
	l.add("body-1", "A Close frame with a body of one byte", ruleCloseBody, func(s *session) {
		s.open()
		s.sendFrames(closing([]byte{3}))
		s.closedWith(1002)
	})
	for _, v := range []struct{ name, title, reason string }{
		{"ff", "the byte ff", "bye \xff"},
		{"lone", "a lone continuation byte", "bye \x80"},
		{"overlong", "an overlong sequence", "bye \xc0\xaf bye"},
		{"surrogate", "a surrogate", "bye \xed\xa0\x80"},
		{"above", "a number beyond U+10FFFF", "bye \xf4\x90\x80\x80"},
		{"cut", "a cut character", "bye \xe2\x82"},
		{"cut-at-123", "a character cut by the length limit", letters(121) + "\xe2\x82"},
	} {
		l.add("reason-invalid-"+v.name, "A Close frame whose reason has "+v.title, ruleUTF8, func(s *session) {
			s.open()
			s.sendFrames(closing(closeBody(1000, v.reason)))
			e := s.next()
			if e.kind == closeFrame && e.code == 1000 {
				s.fail("the server took the reason for good: it answered %v", e)
			}
			s.isFailure(e, 1007)
		})
	}
	for _, v := range []struct {
		name, title string
		frames      []frame
	}{
		{"body-126", "A Close frame of 126 bytes", []frame{closing(closeBody(1000, letters(124)))}},
		{"body-65536", "A Close frame of 65,536 bytes", []frame{closing(closeBody(1000, letters(65534)))}},
		{"fragmented", "A Close frame in two fragments", []frame{closing(closeBody(1000, "")).part(), cont("bye")}},
		{"unfinished", "A Close frame without FIN", []frame{closing(nil).part()}},
	} {
		l.add(v.name, v.title, ruleControl, func(s *session) {
			s.open()
			s.sendFrames(v.frames...)
			e := s.next()
			if e.kind == closeFrame && (e.code == 1000 || e.code == 1005) {
				s.fail("the server took it for a good Close frame: it answered %v", e)
			}
			s.isFailure(e, 1002)
		})
	}
}

func afterClose(l *list) {
	for _, v := range []struct {
		name, title string
		frames      []frame
	}{
		{"text", "text", []frame{text("late")}},
		{"fragments", "fragments", fragments(text(""), "la", "te")},
		{"ping", "a ping", []frame{ping("late")}},
		{"close", "another Close frame", []frame{closing(closeBody(1001, ""))}},
		{"garbage", "bytes that are no frame", []frame{newFrame(0xf, octets(9)).reserved(rsv1 | rsv2 | rsv3)}},
	} {
		rule := ruleNoMoreData
		if v.name == "ping" {
			rule = rulePong
		}
		l.add("then-"+v.name, "A Close frame and "+v.title+" in one piece: only the Close frame is answered", rule, func(s *session) {
			s.open()
			s.sendFrames(append([]frame{closing(closeBody(1000, "bye"))}, v.frames...)...)
			s.closeReply(1000)
		})
	}
	l.add("then-much", "A Close frame and 100 KB in one piece: the connection ends without a reset, which could overtake the answer", ruleCleanly, closesBefore(100_000))
	l.add("after-text", "A message and a Close frame in one piece: both are answered", ruleReceived, func(s *session) {
		s.open()
		s.sendFrames(text("last"), closing(closeBody(1000, "")))
		s.echoedOrLost("last")
		s.closeReply(1000)
	})
	l.add("after-echo", "The closing handshake after an exchange", ruleCloseTCP, func(s *session) {
		s.open()
		s.exchangeFrames(text("Hello"), ping("Hello"))
		s.sendFrames(closing(closeBody(1000, "")))
		s.closeReply(1000)
	})
	l.add("dropped", "The client ends the connection without a Close frame: the server does too", ruleCloseTCP, func(s *session) {
		s.open()
		s.exchangeFrames(text("Hello"))
		s.halfClose()
		for {
			switch e := s.next(); e.kind {
			case end:
				return
			case message:
				s.fail("the server sent %v", e)
			case silence:
				s.fail("the server did not close the connection")
			}
		}
	})
}
