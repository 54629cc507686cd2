package conformance

import (
	"compress/flate"
	"fmt"
	"strings"
)

// bombSize is what 64 KiB on the wire can be inflated to: DEFLATE makes at most 1,032 times as much.
const bombSize = 64 * mib

// bombMessages is the number of small messages. A million has the same effect, and takes ten times
// as long.
const bombMessages = 100_000

// bombGrowth is what a bomb may cost, where the server does not want so large a message.
const bombGrowth = 2 * mib

var adviceBomb = Rule{advisory, "bombs", "The limit of a message counts inflated bytes, and is checked while it is inflated: 64 KiB that stand for 64 MiB cost a server that refuses them next to nothing."}

// bomb is a payload that stands for n times the byte c.
func bomb(c string, n int) []byte {
	return deflated(flate.BestCompression, nil, []byte(strings.Repeat(c, n)))
}

func bombCases(l *list) {
	l.family = Bombs
	for _, v := range []struct {
		name, title string
		op          byte
		c           string
		parts       int
	}{
		{"binary", "64 KiB of binary that become 64 MiB", opBinary, "\x00", 1},
		{"text", "64 KiB of text that become 64 MiB", opText, "a", 1},
		{"fragments", "64 fragments of 1 KiB that become 64 MiB", opBinary, "\x00", 64},
		{"tiny-fragments", "2,000 fragments that become 64 MiB", opBinary, "\x00", 2000},
	} {
		l.bomb(v.name, v.title+" are refused, or echoed where the limit allows it", func(s *session) {
			payload := bomb(v.c, bombSize)
			s.begin()
			s.sendFrames(squeezedParts(v.op, inParts(payload, v.parts)...)...)
			s.explodes(event{kind: message, op: v.op, data: []byte(strings.Repeat(v.c, bombSize))})
		})
	}
	l.bomb("unfinished", "Fragments that become 64 MiB are refused, at the latest with the last, or echoed where the limit allows it", func(s *session) {
		parts := squeezedParts(opBinary, inParts(bomb("\x00", bombSize), 64)...)
		s.begin()
		s.sendFrames(parts[:63]...)
		if e := s.soon(); e.kind != silence {
			s.pending = &e
			s.explodes(event{kind: message, op: opBinary})
			return
		}
		s.sendFrames(parts[63])
		s.explodes(event{kind: message, op: opBinary, data: make([]byte, bombSize)})
	})
	l.bomb("later", "A bomb after a message is refused, or echoed where the limit allows it", func(s *session) {
		s.echoSqueezed(opText, repeated(1000))
		payload := bomb("\x00", bombSize)
		s.begin()
		s.sendFrames(squeezed(opBinary, payload))
		s.explodes(event{kind: message, op: opBinary, data: make([]byte, bombSize)})
	})
	l.bomb("messages", "64 messages of 1 KiB that become 1 MiB each", func(s *session) {
		payload := bomb("\x00", mib)
		zeros := make([]byte, mib)
		for range 64 {
			s.sendFrames(squeezed(opBinary, payload))
			if e := s.next(); e.kind == message {
				s.compare(e, event{kind: message, op: opBinary, data: zeros})
			} else {
				s.isFailure(e, 1009, 1008)
				return
			}
		}
		s.quiet()
	})
	l.bomb("small-messages", fmt.Sprintf("%d messages of a few bytes that become 64 each", bombMessages), func(s *session) {
		small := squeezed(opBinary, new(blocks).fixed(0, append(literals("a"), match(63, 1))...).message()).bytes()
		want := event{kind: message, op: opBinary, data: []byte(strings.Repeat("a", 64))}
		s.begin()
		const piece = 1000
		for range bombMessages / piece {
			s.send([]byte(strings.Repeat(string(small), piece)))
			for range piece {
				e := s.next()
				if e.kind != message {
					s.isFailure(e, 1008, 1009)
					return
				}
				s.compare(e, want)
			}
		}
		s.quiet()
		s.judge(bounds{memory: bombGrowth})
	})
	l.bomb("empty-blocks", "200,000 empty blocks in one message of 1 MB, which becomes nothing", func(s *session) {
		payload := emptyStored(200_000).message()
		s.begin()
		s.sendFrames(squeezedParts(opBinary, inParts(payload, 20)...)...)
		s.explodes(event{kind: message, op: opBinary})
	})
	l.bomb("empty-messages", "10,000 empty compressed messages", func(s *session) {
		empty := squeezed(opBinary, []byte{0})
		s.begin()
		for range 10 {
			var frames []frame
			for range 1000 {
				frames = append(frames, empty)
			}
			s.sendFrames(frames...)
			for range frames {
				s.await([]event{{kind: message, op: opBinary}}, nil)
			}
		}
		s.quiet()
		s.judge(bounds{memory: bombGrowth})
	})
}

// bomb adds a case that begins with compression agreed.
func (l *list) bomb(name, title string, script func(*session)) {
	c := l.add(name, title, adviceBomb, func(s *session) {
		s.openDeflate(deflateName)
		script(s)
	})
	c.exclusive, c.timeouts = true, 6
}

// inParts cuts a payload into n parts.
func inParts(payload []byte, n int) [][]byte {
	var at []int
	for i := 1; i < n; i++ {
		at = append(at, i*len(payload)/n)
	}
	return cut(payload, at...)
}

// explodes waits for the echo, or for the end of the connection, which must have cost little.
func (s *session) explodes(want event) (echoed bool) {
	for {
		switch e := s.next(); e.kind {
		case message:
			s.compare(e, want)
			s.quiet()
			return true
		case closeFrame, end:
			s.isFailure(e, 1009)
			s.judge(bounds{memory: bombGrowth})
			return false
		case silence:
			s.fail("the server neither took the message nor refused it")
		}
	}
}
