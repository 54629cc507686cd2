package conformance

import (
	"fmt"
	"sync"
)

// edge is the largest message that a server takes. It is found once, by those cases that are about
// it.
type edge struct {
	once  sync.Once
	found bool
	size  int // 0: there is none up to largestMessage
}

const largestMessage = 16 * mib

// limit returns the size of the largest message that the server takes, or ends the case with a note
// if it takes all that are tried.
func (s *session) limit() int {
	e := s.target.edge
	e.once.Do(func() {
		if s.takes(largestMessage) {
			e.found = true
			return
		}
		low, high := 0, largestMessage
		for high-low > 1 {
			if n := (low + high) / 2; s.takes(n) {
				low = n
			} else {
				high = n
			}
		}
		e.size, e.found = low, true
	})
	if !e.found {
		s.fail("the server's limit could not be found, as another case tells")
	}
	if e.size == 0 {
		s.exchange.note(fmt.Sprintf("the server takes messages of %s; where its limit is was not looked for", size(largestMessage)))
		panic(stopped{})
	}
	return e.size
}

// takes reports whether the server echoes a message of n bytes.
func (s *session) takes(n int) bool {
	o := s.another()
	defer o.hangUp()
	o.open()
	o.sendFrames(bin(octets(n)))
	return o.next().kind == message
}

// edgeCases are messages of the largest size that a server takes, and a byte more.
func edgeCases(l *list) {
	two := func(n int) []frame {
		return []frame{bin(octets(n / 2)).part(), newFrame(opContinuation, octets(n-n/2))}
	}
	for _, v := range []struct {
		name, title string
		frames      func(n int) []frame
	}{
		{"whole", "A message of", func(n int) []frame { return []frame{bin(octets(n))} }},
		{"text", "A text of", func(n int) []frame { return []frame{text(letters(n))} }},
		{"fragments", "A message of two fragments, in all", two},
		{"many-fragments", "A message of many fragments, in all", func(n int) []frame {
			return fragments(text(""), evenly(letters(n), n/100+1)...)
		}},
		{"pings", "Fragments with pings between them, which do not count, in all", func(n int) []frame {
			f := two(n)
			return []frame{f[0], ping(letters(125)), ping(letters(125)), f[1]}
		}},
		{"again", "Two messages, each of", func(n int) []frame { return []frame{bin(octets(n)), bin(octets(n))} }},
	} {
		l.add("edge-"+v.name, v.title+" the size of the server's limit: echoed", ruleLimits, func(s *session) {
			f := v.frames(s.limit())
			s.open()
			s.sendFrames(f...)
			s.answers(f...)
			s.quiet()
		}).large = true
	}
	for _, v := range []struct {
		name, title string
		frames      func(n int) []frame
	}{
		{"whole", "A message of", func(n int) []frame { return []frame{bin(octets(n))} }},
		{"text", "A text of", func(n int) []frame { return []frame{text(letters(n))} }},
		{"fragments", "A message of two fragments, in all", two},
		{"last-byte", "A message whose last fragment has one byte, in all", func(n int) []frame {
			return []frame{bin(octets(n - 1)).part(), cont("x")}
		}},
		{"unfinished", "A message that goes on after", func(n int) []frame { return []frame{bin(octets(n)).part()} }},
		{"claimed", "A frame without a payload that claims", func(n int) []frame { return []frame{bin(nil).claiming(shortest(uint64(n)), uint64(n))} }},
	} {
		l.add("over-"+v.name, v.title+" a byte more than the server's limit: refused with 1009", ruleLimits, func(s *session) {
			f := v.frames(s.limit() + 1)
			s.open()
			s.sendFrames(f...)
			e := s.soon()
			if e.kind == silence && v.name != "whole" && v.name != "text" {
				s.lenient(ruleLimits, "the server waits for the rest")
				return
			}
			s.isFailure(e, 1009)
		}).large = true
	}
}
