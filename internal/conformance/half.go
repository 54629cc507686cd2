package conformance

import (
	"fmt"
	"time"
)

// halfHandshakes is how many connections stand in each stage of a handshake that they never end.
const halfHandshakes = 50

func halfHandshakeCases(l *list) {
	l.family = HalfHandshake
	for _, v := range []struct {
		name, title string
		part        func(request []byte) (part, drip []byte)
	}{
		{"nothing", "no byte of a request", func(b []byte) ([]byte, []byte) { return nil, nil }},
		{"byte", "one byte of a request", func(b []byte) ([]byte, []byte) { return b[:1], nil }},
		{"half", "half a request", func(b []byte) ([]byte, []byte) { return b[:len(b)/2], nil }},
		{"all-but-one", "all but the last byte of a request", func(b []byte) ([]byte, []byte) { return b[:len(b)-1], nil }},
		{"drip", "one byte of a request in 200 ms", func(b []byte) ([]byte, []byte) { return b[:20], b[20 : len(b)-1] }},
		{"drip-fields", "one byte of endless fields in 200 ms", func(b []byte) ([]byte, []byte) {
			return b[:len(b)-2], []byte(repeatString("X: y\r\n", 100))
		}},
	} {
		l.add(v.name, fmt.Sprintf("%d connections with %s are closed in time", halfHandshakes, v.title), adviceDeadline, func(s *session) {
			part, drip := v.part(s.request().bytes())
			s.exchange.add(Sent, part)
			open := make([]*session, halfHandshakes)
			for i := range open {
				open[i] = s.another()
				open[i].dial()
				open[i].queue(part)
			}
			start := time.Now()
			last := s.deadline.Add(-s.patience)
			for i := 0; len(open) > 0 && time.Now().Before(last); i++ {
				var left []*session
				for _, o := range open {
					if i < len(drip) {
						o.queue(drip[i : i+1])
					}
					for o.fill(time.Now().Add(time.Millisecond)) {
					}
					if o.ended == "" {
						left = append(left, o)
					}
				}
				open = left
				wait(s.ctx, 150*time.Millisecond)
			}
			s.endedAfter(start)
			s.figure(Rule{}, Figure{Name: "closed", Value: float64(halfHandshakes - len(open)), Unit: fmt.Sprintf("of %d", halfHandshakes)})
			if len(open) > 0 {
				s.lenient(adviceDeadline, "%d of %d are still open after %.0f s", len(open), halfHandshakes, time.Since(start).Seconds())
			}
		}).mostlyWaits(2)
	}
}
