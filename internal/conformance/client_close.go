package conformance

import (
	"net"
	"time"
)

func clientCloseCases(l *list) {
	l.mirror(closeCases, but("^dropped$|^after-echo$|^then-much$"))
	// As much as comes at once: with more, a client that takes what is there and closes would end the
	// connection as it should only if the rest is late.
	l.add("then-much", "A Close frame and 30 KB in one piece: the connection ends without a reset, which could overtake the answer",
		ruleCleanly, closesBefore(30_000))
	l.add("after-echo", "The closing handshake after an exchange", ruleCloseReply, func(s *session) {
		s.open()
		s.exchangeFrames(text("Hello"), ping("Hello"))
		s.sendFrames(closing(closeBody(1000, "")))
		s.closeReply(1000)
	})
	l.add("dropped", "The connection ends without a Close frame: the client ends it, too", ruleLostTCP, func(s *session) {
		s.open()
		s.exchangeFrames(text("Hello"))
		s.halfClose()
		s.onlyEnd()
	})
	l.add("dropped-at-once", "The connection ends right after the handshake: the client ends it, too", ruleLostTCP, func(s *session) {
		s.open()
		s.halfClose()
		s.onlyEnd()
	})
	l.add("reset", "The connection is reset: the client ends", ruleLostTCP, func(s *session) {
		s.open()
		s.exchangeFrames(text("Hello"))
		if c, ok := s.conn.(*net.TCPConn); ok {
			c.SetLinger(0)
		}
		// Whether its process ends is judged afterwards.
	})
	l.add("waits", "After the closing handshake the client leaves the end of the connection to the server", ruleCloseTCP, func(s *session) {
		s.open()
		s.sendFrames(closing(closeBody(1000, "")))
		if e := s.next(); e.kind != closeFrame {
			s.failRule(ruleCloseReply, "%v came in place of a Close frame", e)
		}
		if e := s.nextUntil(time.Now().Add(200 * time.Millisecond)); e.kind == end {
			s.lenient(ruleCloseTCP, "the client %s before this side could", s.ended)
			return
		}
		s.awaitEnd()
	})
	l.add("fails-then-silent", "What comes behind text with RSV1 is not echoed, whenever it comes", ruleStop, func(s *session) {
		s.open()
		s.sendFrames(text("bad").reserved(rsv1))
		e := s.soon()
		s.isSent(e)
		s.sendFrames(text("late"), closing(closeBody(1000, "")))
		for e.kind != end {
			if e = s.next(); e.kind == message || e.kind == pongFrame {
				s.fail("the client went on with %v after it had failed the connection", e)
			} else if e.kind == silence {
				s.failRule(ruleClientFail, "the client did not close the connection")
			}
			if !s.half {
				s.halfClose()
			}
		}
	})
}

// isSent judges the first sign of a failed connection: a Close frame, or the end.
func (s *session) isSent(e event) {
	switch e.kind {
	case closeFrame:
	case end:
		s.lenient(ruleFail, "the client %s without a Close frame", s.ended)
	default:
		s.fail("%v came, and no Close frame", e)
	}
}

// onlyEnd waits for the end of the client's direction, before which nothing is delivered.
func (s *session) onlyEnd() {
	for {
		switch e := s.next(); e.kind {
		case end:
			return
		case message:
			s.fail("the client sent %v", e)
		case silence:
			s.failRule(ruleLostTCP, "the client did not close the connection")
		}
	}
}
