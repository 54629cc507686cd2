package conformance

import (
	"fmt"
	"time"
)

const (
	kib = 1 << 10
	mib = 1 << 20
)

// echoedOrTooBig waits for the echo of a message and for what follows it, or for a Close frame
// with 1009 where the server's limit is lower.
func (s *session) echoedOrTooBig(want event, more ...frame) {
	for {
		switch e := s.next(); e.kind {
		case message:
			s.compare(e, want)
			s.answers(more...)
			s.quiet()
			return
		case pongFrame:
			more = nil // it may overtake the message
		case closeFrame:
			if e.code != 1009 {
				s.lenient(ruleFail, "%v came, neither the echo nor one with 1009", e)
			}
			s.endAfterClose(e)
			return
		case end:
			s.lenient(ruleFail, "the server %s without a Close frame", s.ended)
			return
		default:
			s.fail("%v came, neither the echo nor a Close frame", e)
		}
	}
}

// echoesUpToLimit is the script of a message that a server may find too big.
func echoesUpToLimit(frames func() []frame) func(*session) {
	return func(s *session) {
		s.open()
		f := frames()
		want := event{kind: message, op: f[0].op}
		for i := range f {
			want.data = append(want.data, f[i].payload...)
		}
		s.sendFrames(f...)
		s.echoedOrTooBig(want)
	}
}

func size(n int) string {
	if n >= mib {
		return fmt.Sprintf("%dMiB", n/mib)
	}
	return fmt.Sprintf("%dKiB", n/kib)
}

func limitCases(l *list) {
	l.family = Limits
	for _, n := range []int{128 * kib, 256 * kib, 512 * kib, mib, 2 * mib, 4 * mib, 8 * mib, 16 * mib} {
		l.add("text-"+size(n), "Text of "+size(n), ruleLimits, echoesUpToLimit(func() []frame { return []frame{text(euros(n))} })).large = true
		l.add("binary-"+size(n), "Binary of "+size(n), ruleLimits, echoesUpToLimit(func() []frame { return []frame{bin(octets(n))} })).large = true
	}
	for _, v := range []struct{ total, each int }{{mib, kib}, {mib, 64 * kib}, {4 * mib, 64 * kib}, {16 * mib, mib}, {mib, 997}} {
		name := fmt.Sprintf("%s-by-%d", size(v.total), v.each)
		l.add("text-"+name, fmt.Sprintf("Text of %s in fragments of %d bytes", size(v.total), v.each), ruleLimits,
			echoesUpToLimit(func() []frame { return fragments(text(""), evenly(euros(v.total), v.each)...) })).large = true
		l.add("binary-"+name, fmt.Sprintf("Binary of %s in fragments of %d bytes", size(v.total), v.each), ruleLimits,
			echoesUpToLimit(func() []frame { return fragments(bin(nil), evenly(letters(v.total), v.each)...) })).large = true
	}
	l.add("tiny-fragments", "20,000 fragments of one byte: an echo, or a Close frame with 1008 or 1009", ruleLimits, func(s *session) {
		s.open()
		f := fragments(text(""), evenly(letters(20000), 1)...)
		s.sendFrames(f...)
		e := s.next()
		if e.kind == message {
			s.compare(e, event{kind: message, op: opText, data: []byte(letters(20000))})
			s.quiet()
			return
		}
		s.isFailure(e, 1008, 1009)
	})
	edgeCases(l)
	claims(l)
	floods(l)
}

// claims are frames whose header promises far more than ever comes.
func claims(l *list) {
	for _, v := range []struct {
		name   string
		length uint64
	}{
		{"2e31", 1 << 31}, {"2e32", 1 << 32}, {"2e32-5", 1<<32 + 5}, {"2e40", 1 << 40}, {"2e63-1", 1<<63 - 1},
	} {
		for _, f := range []frame{text("Hello"), bin([]byte("Hello"))} {
			l.add(fmt.Sprintf("claim-%s-%s", opName(f.op), v.name), fmt.Sprintf("A %s frame that claims %d bytes and brings five", opName(f.op), v.length), ruleLimits,
				claimed(f.claiming(64, v.length)))
		}
	}
	l.add("claim-continuation", "A second fragment that claims 2^63-1 bytes: the sum does not fit", ruleLimits,
		claimed(bin([]byte("Hello")).part(), newFrame(opContinuation, []byte("Hello")).claiming(64, 1<<63-1)))
}

// claimed is the script of a frame of which most never comes. The server refuses it with 1009,
// or waits for the rest, and in any case goes on serving others.
func claimed(frames ...frame) func(*session) {
	return func(s *session) {
		s.open()
		s.sendFrames(frames...)
		switch e := s.soon(); e.kind {
		case silence:
			s.lenient(Rule{}, "the server waits for the rest")
		default:
			s.isFailure(e, 1009)
		}
		other := s.another()
		other.open()
		other.exchangeFrames(text("still there?"))
	}
}

func floods(l *list) {
	l.add("backlog", "16 MB in messages of 10,000 bytes, while no echo is read for half a second", ruleReceived, func(s *session) {
		s.open()
		var f []frame
		for i := range 1600 {
			f = append(f, bin(octets(10000+i)))
		}
		s.sendFrames(f...)
		wait(s.ctx, 500*time.Millisecond)
		s.answers(f...)
		s.quiet()
	}).large = true
	l.add("many-small", "Ten thousand messages of one byte in one piece", ruleReceived, func(s *session) {
		s.open()
		var f []frame
		for i := range 10000 {
			f = append(f, bin([]byte{byte(i)}))
		}
		s.sendFrames(f...)
		s.answers(f...)
		s.quiet()
	})
}
