package conformance

import (
	"fmt"
	"strconv"
	"time"
)

// effortCases measure what the smallest frames cost a server.
func effortCases(l *list) {
	l.family = Effort
	for _, v := range []struct {
		name, title string
		rule        Rule
		frame       frame
		most        int
		cpu         time.Duration // the system's part included
	}{
		{"pongs-empty", "empty pongs", ruleUnsolicited, pong(""), 2_000_000, 500 * time.Nanosecond},
		{"pongs-125", "pongs of 125 bytes", ruleUnsolicited, pong(letters(125)), 500_000, time.Microsecond},
		{"pings-empty", "empty pings, the answers to which are read", rulePong, ping(""), 500_000, time.Microsecond},
		{"pings-125", "pings of 125 bytes, the answers to which are read", rulePong, ping(letters(125)), 500_000, time.Microsecond},
		{"messages-empty", "empty messages, the echoes of which are read", ruleReceived, text(""), 500_000, 0},
		{"messages-100", "messages of 100 bytes, the echoes of which are read", ruleReceived, text(letters(100)), 500_000, 0},
	} {
		l.add(v.name, fmt.Sprintf("Up to %d %s: what each costs", v.most, v.title), v.rule, func(s *session) {
			s.open()
			s.begin()
			s.effort(v.frame, v.most)
		}).costs(bounds{memory: floodMemory, frame: v.cpu})
	}
	l.add("descriptors", "The descriptors in use are as many as before the first case of the run", adviceDescriptors, func(s *session) {
		if s.measuring.process == nil {
			s.exchange.note(unmeasured)
			return
		}
		s.closedAgain(s.measuring.process.descriptors)
	}).alone()
}

// effort sends a frame again and again, at most so often, until the session's patience ends. A ping
// behind each 64 KiB makes sure that they have been read.
func (s *session) effort(f frame, most int) {
	b := block(f)
	each := len(b) / len(f.bytes())
	s.exchange.add(Sent, f.bytes())
	end := s.soonAt()
	sent := 0
	for sent < most && time.Now().Before(end) {
		mark := strconv.Itoa(sent)
		s.queue(append(b[:len(b):len(b)], ping(mark).bytes()...))
		sent += each
		s.awaitMark(mark)
	}
	s.work(sent)
	s.figure(Rule{}, Figure{Name: "frames", Value: float64(sent), Unit: ""})
}

// awaitMark reads until the pong with that data.
func (s *session) awaitMark(mark string) {
	for {
		switch e := s.next(); {
		case e.kind == pongFrame && string(e.data) == mark:
			return
		case e.kind == end || e.kind == closeFrame || e.kind == silence:
			s.fail("%v came in place of the answer to a ping", e)
		}
	}
}
