package conformance

import (
	"time"
)

var adviceHandshakeTime = Rule{advisory, "time", "A client gives an opening handshake up that is not over within 10 seconds or so."}

// givesUp waits for the client to close the connection, until the end of the case.
func (s *session) givesUp(rule Rule) {
	for {
		switch e := s.next(); e.kind {
		case end:
			return
		case silence:
			s.lenient(rule, "the client was still waiting at the end of the case")
			return
		case message:
			s.fail("the client sent %v", e)
		}
	}
}

// untilGivenUp lets a case run beside all others, and for twice the time: clients have deadlines
// of their own.
func (c *Case) untilGivenUp() { c.waits, c.timeouts = true, 2 }

// oneByOne sends a byte, and another after each pause, until the client closes the connection.
func (s *session) oneByOne(b []byte, pause time.Duration) {
	s.exchange.note("the bytes come one by one")
	s.exchange.add(Sent, b)
	for i := 0; s.ended == "" && time.Now().Before(s.deadline); i++ {
		s.queue(b[i%len(b) : i%len(b)+1])
		s.fill(time.Now().Add(pause))
	}
}

// clientHalfHandshakeCases are answers that do not come, or not in time.
func clientHalfHandshakeCases(l *list) {
	l.family = HalfHandshake
	for _, v := range []struct{ name, title, answer string }{
		{"silent", "No answer to the handshake: the client gives up", ""},
		{"status-line", "A status line and nothing more: the client gives up", "HTTP/1.1 101 Switching Protocols\r\n"},
		{"all-but-end", "An answer without its last line end: the client gives up", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"},
		{"body", "A refusal of which half the body comes: the client gives up", "HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nhalf"},
	} {
		l.add(v.name, v.title, adviceHandshakeTime, func(s *session) {
			s.awaitRequest()
			if v.answer != "" {
				s.send([]byte(v.answer))
			}
			s.givesUp(adviceHandshakeTime)
		}).untilGivenUp()
	}
	l.add("drip", "An answer whose bytes come one by one without end: the client gives up", adviceHandshakeTime, func(s *session) {
		s.awaitRequest()
		s.send([]byte("HTTP/1.1 101 Switching Protocols\r\n"))
		s.oneByOne([]byte("X-Filler: slow\r\n"), 100*time.Millisecond)
		s.givesUp(adviceHandshakeTime)
	}).untilGivenUp()
	l.add("late", "An answer after a second is taken", ruleEstablished, func(s *session) {
		s.awaitRequest()
		wait(s.ctx, time.Second)
		s.send(s.answer().bytes())
		s.exchangeFrames(text("Hello"))
		s.quiet()
	})
}

// clientHangCases are connections that go quiet, or do not end.
func clientHangCases(l *list) {
	l.family = Pace
	l.add("silent-open", "Three seconds of silence, and then a message: the client is still there", ruleStays, func(s *session) {
		s.open()
		if e := s.nextUntil(time.Now().Add(3 * time.Second)); e.kind != silence {
			s.fail("%v came, and nothing had been sent", e)
		}
		s.exchangeFrames(text("Hello"))
		s.quiet()
	})
	l.add("slow-frame", "A frame whose bytes come over a second: it is echoed", ruleStays, func(s *session) {
		s.open()
		b := s.wire(text("so slow that it takes a second"))
		for _, piece := range piecesOf(2)(b) {
			s.send(piece)
			wait(s.ctx, time.Second/time.Duration(len(b)/2))
		}
		s.answers(text("so slow that it takes a second"))
		s.quiet()
	})
	l.add("slow-message", "A message whose fragments come over a second: it is echoed", ruleStays, func(s *session) {
		s.open()
		f := fragments(text(""), evenly("a message in pieces", 4)...)
		for _, p := range f {
			s.sendFrames(p)
			wait(s.ctx, 200*time.Millisecond)
		}
		s.answers(f...)
		s.quiet()
	})

	l.family = Hangs
	l.add("close-unended", "The closing handshake, and the server does not end the connection: the client does", ruleClientEnds, func(s *session) {
		s.open()
		s.sendFrames(closing(closeBody(1000, "")))
		if e := s.next(); e.kind != closeFrame {
			s.failRule(ruleCloseReply, "%v came in place of a Close frame", e)
		}
		s.givesUp(ruleClientEnds)
	}).untilGivenUp()
	l.add("fail-unanswered", "Text with RSV1, and then silence: the client ends the connection", ruleClientFail, func(s *session) {
		s.open()
		s.sendFrames(text("bad").reserved(rsv1))
		e := s.soon()
		if e.kind == end {
			return
		}
		s.isSent(e)
		s.givesUp(ruleClientEnds)
	}).untilGivenUp()
	l.add("fail-drip", "Text with RSV1, and then pings without end: the client ends the connection", ruleClientFail, func(s *session) {
		s.open()
		s.sendFrames(text("bad").reserved(rsv1))
		s.oneByOne(s.wire(ping("")), 50*time.Millisecond)
		s.givesUp(ruleClientEnds)
	}).untilGivenUp()
	l.add("fail-unread", "Text with RSV1, and messages that keep coming: the client ends the connection", ruleClientFail, func(s *session) {
		s.open()
		s.pour(s.wire(text("bad").reserved(rsv1)), s.wire(bin(octets(16*kib))))
		s.givesUp(ruleClientEnds)
	}).large = true
}
