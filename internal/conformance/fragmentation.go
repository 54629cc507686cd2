package conformance

import (
	"fmt"
	"strings"
)

// fragments cuts a message into frames: the first keeps f's opcode.
func fragments(f frame, payloads ...string) []frame {
	frames := make([]frame, len(payloads))
	for i, p := range payloads {
		frames[i] = cont(p).part()
		if i == 0 {
			frames[i].op = f.op
		}
	}
	frames[len(frames)-1].fin = true
	return frames
}

// evenly cuts s into pieces of n bytes.
func evenly(s string, n int) []string {
	var p []string
	for len(s) > n {
		p, s = append(p, s[:n]), s[n:]
	}
	return append(p, s)
}

func fragmentationCases(l *list) {
	l.family = Fragmentation
	for _, v := range []struct {
		name, title string
		rule        Rule
		parts       []string
	}{
		{"two", "two fragments", ruleBoth, []string{"Hel", "lo"}},
		{"three", "three fragments", ruleFragments, []string{"one ", "two ", "three"}},
		{"bytewise", "fragments of one byte", ruleAnySize, evenly("fragmented", 1)},
		{"first-empty", "an empty first fragment", ruleConcat, []string{"", "Hello"}},
		{"middle-empty", "an empty fragment in the middle", ruleConcat, []string{"Hel", "", "lo"}},
		{"last-empty", "an empty last fragment", ruleConcat, []string{"Hello", ""}},
		{"all-empty", "three empty fragments", ruleConcat, []string{"", "", ""}},
		{"sizes", "fragments of 125, 126, 65535 and 65536 bytes", ruleAnySize, []string{letters(125), letters(126), letters(65535), letters(65536)}},
		{"hundred", "a hundred fragments", ruleAnySize, evenly(letters(1000), 10)},
		{"thousand", "a thousand fragments of one byte", ruleAnySize, evenly(letters(1000), 1)},
		{"empties", "five hundred empty fragments around one byte", ruleConcat, append(make([]string, 500), "x", "")},
	} {
		l.add(v.name, "Text in "+v.title, v.rule, echo(fragments(text(""), v.parts...)...))
	}
	l.add("binary", "Binary in three fragments", ruleBoth, echo(fragments(bin(nil), "one", "\x00\xff", "three")...))
	l.add("one-by-one", "Three fragments, each written alone", ruleConcat,
		echoInPieces(frameByFrame(fragments(text(""), "one ", "two ", "three")), fragments(text(""), "one ", "two ", "three")...))
	l.add("keys", "Fragments with different masking keys", ruleMask, echo(
		text("Hel").part().keyed([4]byte{1, 2, 3, 4}), cont("lo ").part().keyed([4]byte{5, 6, 7, 8}), cont("you").keyed([4]byte{9, 10, 11, 12})))
	l.add("two-messages", "Two fragmented messages", ruleReceived,
		echo(append(fragments(text(""), "a", "b"), fragments(bin(nil), "c", "d")...)...))
	l.add("then-whole", "A fragmented message, then a whole one", ruleBoth, echo(append(fragments(bin(nil), "a", "b"), text("c"))...))
	l.add("whole-then", "A whole message, then a fragmented one", ruleBoth, echo(append([]frame{bin([]byte("a"))}, fragments(text(""), "b", "c")...)...))
	l.add("type-of-first", "Binary fragments that are not UTF-8", ruleFirstOpcode, echo(fragments(bin(nil), "\xff", "\xfe")...))
	for _, n := range []int{1, 2, 3, 5, 7} {
		l.add(fmt.Sprintf("cut-%d", n), fmt.Sprintf("Three fragments and a ping in pieces of %d bytes", n), ruleParse,
			echoInPieces(piecesOf(n), text("one ").part(), ping("between"), cont("two ").part(), cont("three")))
	}
	controlBetween(l)
	fragmentFaults(l)
}

// frameByFrame cuts bytes where the frames end.
func frameByFrame(frames []frame) func([]byte) [][]byte {
	return func([]byte) [][]byte {
		var p [][]byte
		for _, f := range frames {
			p = append(p, f.bytes())
		}
		return p
	}
}

func controlBetween(l *list) {
	l.add("ping-between", "A ping between two fragments", ruleInjected, echo(text("Hel").part(), ping("between"), cont("lo")))
	l.add("ping-empty-between", "An empty ping between two fragments", ruleInjected, echo(text("Hel").part(), ping(""), cont("lo")))
	l.add("ping-125-between", "A ping of 125 bytes between two fragments", ruleInjected, echo(bin([]byte("Hel")).part(), ping(letters(125)), cont("lo")))
	l.add("pong-between", "A pong between two fragments", ruleInjected, echo(text("Hel").part(), pong("between"), cont("lo")))
	l.add("pings-between", "A ping between any two of ten fragments", ruleInjected, func(s *session) {
		var f []frame
		for i, p := range fragments(text(""), evenly(letters(50), 5)...) {
			f = append(f, ping(fmt.Sprint(i)), p)
		}
		echo(f...)(s)
	})
	l.add("ping-answered-between", "A ping between two fragments is answered before the message ends", ruleInjected, func(s *session) {
		s.open()
		s.sendFrames(text("Hel").part(), ping("now"))
		s.answers(ping("now"))
		s.sendFrames(cont("lo"))
		s.answers(text("Hello"))
		s.quiet()
	})
	l.add("close-between", "A Close frame between two fragments: the message is not delivered", ruleInjected, func(s *session) {
		s.open()
		s.sendFrames(text("Hel").part(), closing(closeBody(1000, "")))
		s.closeReply(1000)
	})
}

func fragmentFaults(l *list) {
	for _, v := range []struct {
		name, title string
		rule        Rule
		frames      []frame
	}{
		{"continuation-first", "A last continuation frame where no message has begun", ruleUnfragm, []frame{cont("Hello")}},
		{"continuation-first-part", "A continuation frame where no message has begun", ruleFragments, []frame{cont("Hel").part(), cont("lo")}},
		{"continuation-first-empty", "An empty continuation frame where no message has begun", ruleUnfragm, []frame{cont("")}},
		{"text-in-text", "A text frame before the text message has ended", ruleInterleave, []frame{text("Hel").part(), text("lo")}},
		{"text-in-text-part", "A first text fragment before the text message has ended", ruleInterleave, []frame{text("Hel").part(), text("lo").part(), cont("!")}},
		{"binary-in-text", "A binary frame before the text message has ended", ruleInterleave, []frame{text("Hel").part(), bin([]byte("lo"))}},
		{"text-in-binary", "A text frame before the binary message has ended", ruleInterleave, []frame{bin([]byte("Hel")).part(), text("lo")}},
		{"third-begins", "A text frame as the third fragment", ruleInterleave, []frame{text("a").part(), cont("b").part(), text("c")}},
		{"empty-begins", "An empty text frame before the text message has ended", ruleInterleave, []frame{text("Hel").part(), text(""), cont("lo")}},
		{"after-ping", "A text frame after a ping between fragments", ruleInterleave, []frame{text("Hel").part(), pong("between"), text("lo")}},
	} {
		l.add(v.name, v.title, v.rule, fails(1002, v.frames...))
	}
	for _, v := range []struct {
		name, title string
		rule        Rule
		good        []frame
		bad         frame
	}{
		{"continuation-after-whole", "A continuation frame after a whole message", ruleUnfragm, []frame{text("Hello")}, cont("again")},
		{"continuation-after-last", "A continuation frame after the last fragment", ruleFragments, fragments(text(""), "Hel", "lo"), cont("again")},
		{"continuation-after-ping", "A continuation frame after a ping alone", ruleFragments, []frame{ping("Hello")}, cont("again")},
	} {
		l.add(v.name, v.title, v.rule, func(s *session) {
			s.open()
			s.exchangeFrames(v.good...)
			s.sendFrames(v.bad)
			s.failed(1002)
		})
	}
	l.add("unfinished", "The connection ends within a message: nothing is echoed", ruleReceived,
		brokenOff(func() []byte { return text("Hello").part().bytes() }))
	l.add("unfinished-payload", "The connection ends within a payload: nothing is echoed", ruleReceived,
		brokenOff(func() []byte { b := text("Hello").bytes(); return b[:len(b)-1] }))
	l.add("unfinished-header", "The connection ends within a header: nothing is echoed", ruleReceived,
		brokenOff(func() []byte { return text(strings.Repeat("x", 300)).bytes()[:3] }))
	l.add("unfinished-second", "The connection ends within the second fragment: nothing is echoed", ruleReceived,
		brokenOff(func() []byte { return append(text("Hello").part().bytes(), cont("more").bytes()[:8]...) }))
}

// brokenOff is the script that sends a piece of a message and ends its direction. The server
// must not deliver it, and must close the connection.
func brokenOff(piece func() []byte) func(*session) {
	return func(s *session) {
		s.open()
		s.endsWithin(piece())
	}
}

// endsWithin sends a piece of a message and nothing more.
func (s *session) endsWithin(piece []byte) {
	s.send(piece)
	s.halfClose()
	for {
		switch e := s.next(); e.kind {
		case end:
			return
		case message:
			s.fail("the server echoed %v, of which it had not received the end", e)
		case silence:
			s.failRule(ruleServerFail, "the server did not close the connection")
		}
	}
}
