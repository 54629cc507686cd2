package conformance

import (
	"fmt"
	"time"
)

// hangCases are closing handshakes that the client does not take part in as it should. The
// connection ends all the same.
func hangCases(l *list) {
	l.family = Hangs
	ways := []struct {
		name, title string
		act         func(s *session) func()
	}{
		{"silence", "nothing more comes", func(*session) func() { return func() {} }},
		{"messages", "messages come for ever", func(s *session) func() { return func() { s.trickle(text("more").bytes()) } }},
		{"pings", "pings come for ever", func(s *session) func() { return func() { s.trickle(ping("more").bytes()) } }},
		{"fragments", "fragments come for ever", func(s *session) func() {
			s.trickle(text("more").part().bytes())
			return func() { s.trickle(cont("more").part().bytes()) }
		}},
		{"half-frame", "half a frame comes, and no more", func(s *session) func() {
			s.trickle(bin(octets(1000)).bytes()[:500])
			return func() {}
		}},
		{"drip", "a frame comes for ever, byte by byte", func(s *session) func() {
			s.trickle(bin(nil).claiming(64, mib).bytes())
			return func() { s.trickle([]byte("x")) }
		}},
		{"garbage", "bytes that are no frames come for ever", func(s *session) func() { return func() { s.trickle(repeat(0xff, 1000)) } }},
	}
	for _, w := range ways {
		l.add("failed-then-"+w.name, "The server fails the connection, and "+w.title+": it ends the connection", ruleServerFail, func(s *session) {
			s.open()
			s.sendFrames(newFrame(3, nil))
			s.endsDespite(w.act(s))
		}).mostlyWaits(2)
		l.add("closed-then-"+w.name, "The client closes, does not hang up, and "+w.title+": the server ends the connection", ruleCloseTCP, func(s *session) {
			s.open()
			s.sendFrames(closing(closeBody(1000, "")))
			s.endsDespite(w.act(s))
		}).mostlyWaits(2)
		l.add("too-big-then-"+w.name, "The server refuses a message of 2^62 bytes, and "+w.title+": it ends the connection", ruleServerFail, func(s *session) {
			s.open()
			s.sendFrames(bin(nil).claiming(64, 1<<62))
			if e := s.soon(); e.kind == silence {
				s.exchange.note("the server does not refuse it")
				return
			} else if e.kind == end {
				return
			}
			s.endsDespite(w.act(s))
		}).mostlyWaits(2)
	}
	for _, v := range []struct {
		name, title string
		frames      []frame
		rest        []byte
	}{
		{"in-message", "A Close frame within a message", []frame{text("unfinished").part()}, closing(closeBody(1000, "")).bytes()},
		{"after-text", "A Close frame after a message", []frame{text("finished")}, closing(closeBody(1000, "")).bytes()},
	} {
		l.add(v.name, v.title+", and the client does not hang up: the server ends the connection", ruleCloseTCP, func(s *session) {
			s.open()
			s.sendFrames(v.frames...)
			s.send(v.rest)
			s.endsDespite(func() {})
		}).mostlyWaits(2)
	}
	l.add("in-frame", "What looks like a Close frame within a frame that is cut off is none, and the connection ends", ruleParse, func(s *session) {
		s.open()
		b := bin(octets(1000)).bytes()
		s.send(append(b[:100:100], closing(closeBody(1000, "")).bytes()...))
		s.halfClose()
		for {
			switch e := s.next(); e.kind {
			case end:
				return
			case silence:
				s.failRule(ruleCloseTCP, "the server did not end the connection")
			case message:
				s.failRule(ruleReceived, "the server sent %v: it took part of a message for the whole", e)
			}
		}
	}).mostlyWaits(2)
	l.add("unread", "A Close frame behind 4 MB of messages whose echoes are not read for two seconds: the connection ends", ruleCloseTCP, func(s *session) {
		s.open()
		for range 64 {
			s.queue(block(bin(octets(10000))))
		}
		s.sendFrames(closing(closeBody(1000, "")))
		wait(s.ctx, s.patience)
		if !s.awaitClose(func() {}) {
			s.fail("the server did not end the connection")
		}
	}).mostlyWaits(2)
	l.add("lingering", "The connection ends in one direction, and this side neither ends the other nor stops sending: the server lets go of it", adviceDeadline, func(s *session) {
		s.open()
		s.sendFrames(closing(closeBody(1000, "")))
		s.closeReply(1000)
		// Who has let go of the connection resets it.
		for time.Now().Before(s.deadline.Add(-s.patience / 4)) {
			if _, err := netConn(s.conn).Write([]byte("x")); err != nil {
				return
			}
			wait(s.ctx, 50*time.Millisecond)
		}
		s.lenient(adviceDeadline, "the server still takes what is sent")
	}).mostlyWaits(2)
	l.add("crowd", "50 connections that the server fails, and that go on: all are ended", ruleServerFail, func(s *session) {
		members := make([]*session, 50)
		for i := range members {
			members[i] = s.another()
			members[i].open()
			members[i].sendFrames(newFrame(3, nil))
		}
		for i, m := range members {
			if !m.awaitClose(func() { m.trickle(text("more").bytes()) }) {
				s.fail("the server did not end %d of %d connections", len(members)-i, len(members))
			}
		}
		s.figure(Rule{}, Figure{Name: "ended", Value: float64(len(members)), Unit: fmt.Sprintf("of %d", len(members))})
	}).mostlyWaits(2)
}

// endsDespite checks that the server ends the connection whatever act sends.
func (s *session) endsDespite(act func()) {
	if !s.awaitClose(act) {
		s.fail("the server did not end the connection")
	}
}

// trickle sends a little to a server that may have gone, or not be reading.
func (s *session) trickle(b []byte) {
	select {
	case s.out <- b:
	default:
	}
}
