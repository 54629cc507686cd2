package conformance

import (
	"bytes"
	"fmt"
	"time"
)

// What a server must do about the frames that a script sends. Each of these ends the case as
// failed when the server does otherwise.

// exchangeFrames sends frames in one piece and waits for the answers: see answers.
func (s *session) exchangeFrames(frames ...frame) {
	s.sendFrames(frames...)
	s.answers(frames...)
}

// answers waits for what an echo server sends back for a faultless run of frames: each message
// whole and in order, and the pongs. Pongs may come at any point between messages, and those of
// earlier pings may be missing (section 5.5.3).
func (s *session) answers(frames ...frame) {
	var messages []event
	var pings [][]byte
	for _, f := range frames {
		switch f.op {
		case opPing:
			pings = append(pings, f.payload)
		case opText, opBinary:
			messages = append(messages, event{kind: message, op: f.op, data: bytes.Clone(f.payload)})
		case opContinuation:
			last := &messages[len(messages)-1]
			last.data = append(last.data, f.payload...)
		}
	}
	s.await(messages, pings)
}

// await waits for the echoes of messages and for the answers of pings.
func (s *session) await(messages []event, pings [][]byte) {
	for len(messages) > 0 || len(pings) > 0 {
		switch e := s.next(); e.kind {
		case message:
			if len(messages) == 0 {
				s.fail("the server sent %v, and nothing was left to echo", e)
			}
			s.compare(e, messages[0])
			messages = messages[1:]
		case pongFrame:
			pings = s.answeredPings(e.data, pings)
		default:
			what := "a pong"
			if len(messages) > 0 {
				what = fmt.Sprintf("the echo of %v", messages[0])
			}
			s.fail("%v came in place of %s", e, what)
		}
	}
}

// compare fails the case unless the echo is what was sent.
func (s *session) compare(got, sent event) {
	if got.op != sent.op {
		s.fail("%v was echoed as %v", sent, got)
	}
	if !bytes.Equal(got.data, sent.data) {
		i := 0
		for i < len(got.data) && i < len(sent.data) && got.data[i] == sent.data[i] {
			i++
		}
		s.fail("%v was echoed as %v; they differ from byte %d on", sent, got, i)
	}
}

// answeredPings returns the pings still open after a pong.
func (s *session) answeredPings(data []byte, open [][]byte) [][]byte {
	for i := range open {
		if bytes.Equal(open[i], data) {
			return open[i+1:]
		}
	}
	s.failRule(rulePongData, "the server sent a pong with %q, which answers no open ping", data)
	return nil
}

// quiet checks that nothing more is on its way and that the connection still works.
func (s *session) quiet() {
	s.sendFrames(ping("quiet?"))
	switch e := s.next(); {
	case e.kind == pongFrame && string(e.data) == "quiet?":
	case e.kind == silence:
		s.failRule(rulePong, "the server did not answer a ping afterwards")
	default:
		s.fail("%v came though nothing was left to answer", e)
	}
}

// failed waits for the server to fail the connection with a Close frame that has one of codes,
// and to close it.
func (s *session) failed(codes ...int) {
	e := s.soon()
	if e.kind == silence {
		// Either it is slow, or it takes the frame for good. A ping tells.
		s.sendFrames(ping("alive?"))
		e = s.nextUntil(time.Now().Add(3 * s.patience)) // which end before the case
	}
	s.isFailure(e, codes...)
}

// isFailure judges an event as the beginning of the connection's failure.
func (s *session) isFailure(e event, codes ...int) {
	switch e.kind {
	case closeFrame:
		switch {
		case contains(codes, e.code):
		case blames(e.code):
			s.lenient(ruleFail, "%v came, not one with %s", e, anyOf(codes))
		default:
			s.failRule(ruleFail, "%v came, not one with %s: it does not say that what was sent is wrong", e, anyOf(codes))
		}
		s.endAfterClose(e)
	case end:
		s.lenient(ruleFail, "the server %s without a Close frame", s.ended)
	case silence:
		s.failRule(s.mustClose(), "the server did not fail the connection")
	default:
		s.failRule(ruleStop, "the server went on with %v and did not fail the connection", e)
	}
}

// endAfterClose answers the server's Close frame and waits until it has closed the connection.
func (s *session) endAfterClose(e event) {
	s.sendFrames(closing(e.data))
	s.awaitEnd()
}

// mustClose is the rule by which the peer closes the connection that it fails.
func (s *session) mustClose() Rule {
	if s.client != nil {
		return ruleClientFail
	}
	return ruleServerFail
}

// mustEnd is the rule by which the peer closes the connection after the closing handshake.
func (s *session) mustEnd() Rule {
	if s.client != nil {
		return ruleLostTCP
	}
	return ruleCloseTCP
}

// awaitEnd waits until the server has closed the connection after its Close frame. A client waits
// for that itself, so this side begins.
func (s *session) awaitEnd() {
	if s.client != nil && !s.half {
		s.halfClose()
	}
	for {
		switch e := s.next(); e.kind {
		case end:
			return
		case silence:
			s.failRule(s.mustEnd(), "the server did not close the connection after the Close frames")
		case message:
			s.failRule(ruleNoMoreData, "the server sent %v after its Close frame", e)
		default:
			s.lenient(ruleNoMoreData, "the server sent %v after its Close frame", e)
		}
	}
}

// blames reports whether a close code can mean that the peer did wrong. 1000 and 1001 mean that
// all is well, 1011 to 1015 that something else went wrong.
func blames(code int) bool {
	switch code {
	case 1002, 1003, 1005, 1007, 1008, 1009:
		return true
	}
	return code >= 3000
}

func contains(codes []int, code int) bool {
	for _, c := range codes {
		if c == code {
			return true
		}
	}
	return false
}

// anyOf names codes in a sentence.
func anyOf(codes []int) string {
	s := fmt.Sprint(codes[0])
	for _, c := range codes[1:] {
		s += fmt.Sprintf(" or %d", c)
	}
	return s
}

// echo is the script that sends frames in one piece and wants the answers.
func echo(frames ...frame) func(*session) {
	return func(s *session) {
		s.open()
		s.exchangeFrames(frames...)
		s.quiet()
	}
}

// echoInPieces is echo with the bytes cut as pieces gives them.
func echoInPieces(pieces func([]byte) [][]byte, frames ...frame) func(*session) {
	return func(s *session) {
		s.open()
		s.sendPieces(pieces(s.wire(frames...))...)
		s.answers(frames...)
		s.quiet()
	}
}

// fails is the script that sends frames in one piece and wants the connection to fail.
func fails(code int, frames ...frame) func(*session) {
	return func(s *session) {
		s.open()
		s.sendFrames(frames...)
		s.failed(code)
	}
}

// cutAt cuts bytes in two.
func cutAt(n int) func([]byte) [][]byte {
	return func(b []byte) [][]byte { return [][]byte{b[:n], b[n:]} }
}

// piecesOf cuts bytes in pieces of n.
func piecesOf(n int) func([]byte) [][]byte {
	return func(b []byte) [][]byte {
		var p [][]byte
		for len(b) > n {
			p, b = append(p, b[:n]), b[n:]
		}
		return append(p, b)
	}
}
