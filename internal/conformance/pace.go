package conformance

import (
	"errors"
	"net"
	"os"
	"time"
)

// adviceDeadline is what cases of waiting rest on.
var adviceDeadline = Rule{advisory, "deadline", "What a peer has begun and does not end, or does not take, is given up in time."}

func paceCases(l *list) {
	l.family = Pace
	dripWriters(l)
	slowReaders(l)
	neverEnding(l)
}

// drip sends bytes one by one with a pause before each but the first, as long as the server is there.
func (s *session) drip(b []byte, pause time.Duration) {
	s.exchange.add(Sent, b)
	for i := range b {
		if i > 0 {
			wait(s.ctx, pause)
		}
		s.queue(b[i : i+1])
	}
}

// dripWriters are slow and do no wrong: they are served.
func dripWriters(l *list) {
	const pause = 2 * time.Millisecond
	l.add("drip-handshake", "A handshake of one byte in 2 ms is answered", ruleHandshakeGrammar, func(s *session) {
		s.dial()
		r := s.request()
		s.drip(r.bytes(), pause)
		s.upgraded(r)
		s.exchangeFrames(text("Hello"))
		s.quiet()
	}).mostlyWaits(2)
	for _, v := range []struct {
		name, title string
		frames      []frame
	}{
		{"message", "A message of 200 bytes", []frame{text(letters(200))}},
		{"characters", "A message of 50 characters of four bytes", []frame{text(repeatString("🎈", 50))}},
		{"ping", "A ping of 125 bytes", []frame{ping(letters(125))}},
		{"fragments", "A message of 20 fragments", fragments(text(""), evenly(letters(40), 2)...)},
		{"fragments-and-ping", "A ping between two fragments", []frame{text("Hel").part(), ping("between"), cont("lo")}},
	} {
		l.add("drip-"+v.name, v.title+", one byte in 2 ms, is answered", ruleParse, func(s *session) {
			s.open()
			s.drip(wire(v.frames...), pause)
			s.answers(v.frames...)
			s.quiet()
		}).mostlyWaits(2)
	}
	l.add("drip-close", "A Close frame of one byte in 2 ms is answered", ruleCloseReply, func(s *session) {
		s.open()
		s.drip(closing(closeBody(1000, letters(100))).bytes(), pause)
		s.closeReply(1000)
	}).mostlyWaits(2)
	l.add("drip-crowd", "A hundred messages on as many connections, one byte of each in 2 ms, are answered", ruleParse, func(s *session) {
		f := text(letters(100))
		members := make([]*session, 100)
		for i := range members {
			members[i] = s.another()
			members[i].open()
		}
		for _, b := range f.bytes() {
			for _, m := range members {
				m.queue([]byte{b})
			}
			wait(s.ctx, pause)
		}
		for _, m := range members {
			m.answers(f)
		}
	}).mostlyWaits(2)
	for _, v := range []struct {
		name, title string
		at          int
		frames      []frame
	}{
		{"header", "within the header of a frame", 4, []frame{bin(octets(300))}},
		{"payload", "within the payload of a frame", 100, []frame{bin(octets(300))}},
		{"message", "between two fragments", 9, []frame{text("Hel").part(), cont("lo")}},
		{"character", "within a character", 8, []frame{text("€")}},
	} {
		l.add("pause-in-"+v.name, "A pause "+v.title+" does no harm", ruleParse, func(s *session) {
			s.open()
			b := wire(v.frames...)
			s.send(b[:v.at])
			wait(s.ctx, s.patience)
			s.send(b[v.at:])
			e := s.next()
			if e.kind == closeFrame || e.kind == end {
				s.lenient(adviceDeadline, "%v came: the server did not wait so long", e)
				return
			}
			s.pending = &e
			s.answers(v.frames...)
			s.quiet()
		}).mostlyWaits(2)
	}
}

func repeatString(s string, n int) string {
	var b []byte
	for range n {
		b = append(b, s...)
	}
	return string(b)
}

// narrow makes the client's side take little that is not read.
func (s *session) narrow() {
	if t, ok := netConn(s.conn).(*net.TCPConn); ok {
		t.SetReadBuffer(8 * kib)
	}
}

// slowReaders take what they are sent late, or never.
func slowReaders(l *list) {
	l.add("slow-reader", "200 messages of 64 KiB, read one in 5 ms, arrive whole and in order", ruleReceived, func(s *session) {
		s.open()
		var f []frame
		for i := range 200 {
			f = append(f, bin(octets(64*kib+i)))
		}
		s.sendFrames(f...)
		for _, want := range f {
			wait(s.ctx, 5*time.Millisecond)
			s.answers(want)
		}
	}).mostlyWaits(2)
	l.add("late-reader", "Two seconds without reading, in the midst of 16 MB of echoes: all arrive", ruleReceived, func(s *session) {
		s.open()
		var f []frame
		for i := range 1600 {
			f = append(f, bin(octets(10000+i)))
		}
		s.sendFrames(f...)
		wait(s.ctx, s.patience)
		s.answers(f...)
		s.quiet()
	}).mostlyWaits(2)
	l.add("never-reads", "A peer that sends without end and never reads is given up in time", adviceDeadline, func(s *session) {
		s.open()
		s.narrow()
		b := block(bin(octets(10000)))
		s.exchange.add(Sent, b)
		start := time.Now()
		last := s.deadline.Add(-s.patience)
		for time.Now().Before(last) {
			s.conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
			_, err := s.conn.Write(b)
			switch {
			case err == nil:
			case !errors.Is(err, os.ErrDeadlineExceeded):
				s.exchange.note("the server ended the connection")
				s.endedAfter(start)
				return
			case s.target.tls != nil:
				s.exchange.note("over TLS nothing more can be tried: it ends with a write that was not complete")
				return
			}
		}
		s.lenient(adviceDeadline, "the server still waits for the peer to read after %.0f s", time.Since(start).Seconds())
	}).mostlyWaits(2)
	l.add("stuck-crowd", "20 peers that send 4 MB each and never read: others are served, and what is queued is bounded", adviceMemory, func(s *session) {
		b := block(bin(octets(10000)))
		for range 20 {
			m := s.another()
			m.open()
			m.narrow()
			for range 64 {
				m.queue(b)
			}
		}
		s.open()
		for i := range 200 {
			s.exchangeFrames(text(letters(100 + i)))
		}
		s.quiet()
	}).costs(bounds{memory: 20 * 3 * mib}).mayTake(2)
}

// endedAfter notes how long it took the server to end the connection.
func (s *session) endedAfter(start time.Time) {
	s.figure(Rule{}, Figure{Name: "ended after", Value: float64(time.Since(start).Milliseconds()) / 1000, Unit: "s"})
}

// awaitClose reads, and calls act again and again, until the server has ended the connection. It
// returns false if it has not when the session ends.
func (s *session) awaitClose(act func()) bool {
	start := time.Now()
	last := s.deadline.Add(-s.patience / 4)
	for s.ended == "" && time.Now().Before(last) {
		act()
		next := time.Now().Add(100 * time.Millisecond)
		for s.fill(next) {
			s.in = nil
		}
	}
	s.endedAfter(start)
	return s.ended != ""
}

// neverEnding are frames that have no end.
func neverEnding(l *list) {
	whole := bin(octets(1000)).bytes()
	for _, v := range []struct {
		name, title string
		start       int
		drips       bool
	}{
		{"first-byte", "One byte of a frame, and no more", 1, false},
		{"half-header", "Half the header of a frame, and no more", 4, false},
		{"half-frame", "Half a frame, and no more", 500, false},
		{"endless-drip", "A frame of one byte in 100 ms", 10, true},
	} {
		l.add(v.name, v.title+", is given up in time", adviceDeadline, func(s *session) {
			s.open()
			s.send(whole[:v.start])
			at := v.start
			closed := s.awaitClose(func() {
				if v.drips && at < len(whole)-1 {
					s.queue(whole[at : at+1])
					at++
				}
			})
			if !closed {
				s.lenient(adviceDeadline, "the server still waits for the rest")
			}
		}).mostlyWaits(4)
	}
}
