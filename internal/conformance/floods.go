package conformance

import (
	"bytes"
	"fmt"
	"time"
)

const (
	// floodMemory is what a flood may cost beyond the limits that the server has set itself for
	// messages and queues.
	floodMemory = 8 * mib
	floodBytes  = 200 * mib // the most that a flood sends; it ends earlier when the session's patience does
)

// flood writes first, and block again and again, until total bytes are sent, the session's patience
// is over, or the server has taken nothing for an eighth of it. It returns whether all was taken.
func (s *session) flood(first, block []byte, total int) bool {
	s.exchange.add(Sent, append(first[:len(first):len(first)], block...))
	end := s.soonAt()
	var err error
	if len(first) > 0 {
		_, err = s.conn.Write(first)
	}
	sent := 0
	for sent < total && err == nil && time.Now().Before(end) {
		s.conn.SetWriteDeadline(time.Now().Add(s.patience / 8))
		var n int
		n, err = s.conn.Write(block)
		sent += n
	}
	s.conn.SetWriteDeadline(s.deadline)
	s.exchange.note(fmt.Sprintf("and the same again, %d bytes in all", sent))
	s.figure(Rule{}, Figure{Name: "taken", Value: float64(sent) / mib, Unit: "MiB"})
	return err == nil
}

// block is frames repeated to about 64 KiB, so that they are written as fast as they can be.
func block(frames ...frame) []byte {
	b := wire(frames...)
	return bytes.Repeat(b, max(1, 64*kib/len(b)))
}

func floodCases(l *list) {
	l.family = Floods
	unread(l)
	fragmentFloods(l)
	for _, v := range []struct {
		name, title string
		frame       frame
	}{
		{"pongs", "pongs of 125 bytes", pong(letters(125))},
		{"pongs-empty", "empty pongs", pong("")},
	} {
		l.add(v.name, "Up to 200 MiB of "+v.title+", and a message: it is echoed", ruleUnsolicited, func(s *session) {
			s.open()
			s.begin()
			if s.flood(nil, block(v.frame), floodBytes) {
				s.sendFrames(text("after the flood"))
				e := s.next()
				if e.kind == end || e.kind == closeFrame {
					s.lenient(ruleAnyMeans, "%v came: the server takes them for an attack", e)
					return
				}
				s.compare(e, event{kind: message, op: opText, data: []byte("after the flood")})
			}
		}).costs(bounds{memory: floodMemory})
	}
	l.add("closes", "100,000 Close frames in one piece: one answer, and the end", ruleCloseReply, func(s *session) {
		s.open()
		s.begin()
		s.send(bytes.Repeat(closing(closeBody(1000, "")).bytes(), 100_000))
		s.closeReply(1000)
	}).costs(bounds{memory: floodMemory})
}

// unread are floods by a peer that does not read what it gets in answer.
func unread(l *list) {
	for _, v := range []struct {
		name, title string
		memory      int64 // more where echoes may wait in a queue
		first       []frame
		frames      func() []frame
	}{
		{"pings-unread", "pings of 125 bytes", floodMemory, nil, func() []frame { return []frame{ping(letters(125))} }},
		{"pings-empty-unread", "empty pings", floodMemory, nil, func() []frame { return []frame{ping("")} }},
		{"pings-in-message-unread", "pings between the fragments of a message", floodMemory, []frame{text("a message").part()}, func() []frame { return []frame{ping(letters(125))} }},
		{"messages-unread", "messages of 100 bytes", floodMemory, nil, func() []frame { return []frame{text(letters(100))} }},
		{"messages-empty-unread", "empty messages", floodMemory, nil, func() []frame { return []frame{text("")} }},
		{"messages-1KiB-unread", "messages of 1 KiB", floodMemory, nil, func() []frame { return []frame{bin(octets(kib))} }},
		{"messages-64KiB-unread", "messages of 64 KiB", floodMemory, nil, func() []frame { return []frame{bin(octets(64 * kib))} }},
		{"messages-512KiB-unread", "messages of 512 KiB", 2 * floodMemory, nil, func() []frame { return []frame{bin(octets(512 * kib))} }},
		{"mixed-unread", "pings and messages by turns", floodMemory, nil, func() []frame { return []frame{ping(letters(125)), text(letters(1000))} }},
	} {
		l.add(v.name, "Up to 200 MiB of "+v.title+", while nothing is read: the queue is bounded", adviceMemory, func(s *session) {
			s.open()
			s.begin()
			s.flood(wire(v.first...), block(v.frames()...), floodBytes)
		}).costs(bounds{memory: v.memory})
	}
	l.add("pings-then-read", "10,000 pings of 125 bytes, none of which is read before the last is sent: the last is answered", rulePongLatest, func(s *session) {
		s.open()
		s.begin()
		var f []frame
		for i := range 10_000 {
			f = append(f, ping(fmt.Sprintf("%0125d", i)))
		}
		s.conn.SetWriteDeadline(s.soonAt())
		if _, err := s.conn.Write(wire(f...)); err != nil {
			s.lenient(ruleAnyMeans, "the server takes no more of them")
			return
		}
		s.answers(f...)
	}).costs(bounds{memory: floodMemory})
}

// fragmentFloods are messages that never end, of next to nothing.
func fragmentFloods(l *list) {
	for _, v := range []struct {
		name, title string
		first       frame
		more        []frame
		last        string
	}{
		{"fragments-empty", "empty fragments", text(""), []frame{cont("").part()}, ""},
		{"fragments-empty-binary", "empty fragments of a binary message", bin(nil), []frame{cont("").part()}, ""},
		{"fragments-tiny", "fragments of one byte", text("x"), []frame{cont("x").part()}, ""},
		{"fragments-tiny-binary", "fragments of one byte of a binary message", bin([]byte{0}), []frame{cont("x").part()}, ""},
		{"fragments-characters", "fragments that each cut a character", text("\xe2\x82"), []frame{cont("\xac\xe2\x82").part()}, "\xac"},
		{"fragments-and-pings", "empty fragments with pings between them", text(""), []frame{cont("").part(), ping("")}, ""},
		{"fragments-and-pongs", "empty fragments with pongs between them", text(""), []frame{cont("").part(), pong("")}, ""},
	} {
		l.add(v.name, "Up to a million "+v.title+": the server gives the message up, or holds little more than its bytes", adviceMemory, func(s *session) {
			s.open()
			s.begin()
			whole := s.flood(v.first.part().bytes(), block(v.more...), 1_000_000*len(wire(v.more...)))
			if whole {
				s.sendFrames(cont(v.last))
			}
			s.givenUp(whole)
		}).costs(bounds{memory: floodMemory}).mayTake(3)
	}
}

// givenUp waits for the end of a message of next to nothing. A server may have taken it, or take no
// more of it while its own answers are not read, and then nothing comes.
func (s *session) givenUp(whole bool) {
	until := s.soonAt()
	if whole {
		until = s.deadline
	}
	for {
		switch e := s.nextUntil(until); e.kind {
		case pongFrame:
		case message:
			return
		case silence:
			if whole {
				s.lenient(adviceMemory, "the server neither echoes the message nor gives it up")
			}
			return
		default:
			s.isFailure(e, 1002, 1008, 1009)
			return
		}
	}
}
