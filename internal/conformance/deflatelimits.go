package conformance

import "fmt"

// deflateLimits ask whether the limit of a message is one of its inflated bytes.
func deflateLimits(l *list) {
	for _, n := range []int{256 * kib, mib, 4 * mib, 16 * mib} {
		l.add("limit-"+size(n), fmt.Sprintf("Compressed binary of %s, most of it alike", size(n)), ruleLimits, func(s *session) {
			s.openDeflate(offerAll)
			data := repeated(n)
			s.sendFrames(squeezed(opBinary, s.compress(data)))
			s.echoedOrTooBig(event{kind: message, op: opBinary, data: data})
		}).large = true
	}
	for _, n := range []int{2 * mib, 16 * mib} {
		l.add("limit-same-"+size(n), fmt.Sprintf("What is refused as %s of plain binary is refused as a few KiB that become as much", size(n)), ruleLimits, func(s *session) {
			s.openDeflate(offerAll)
			s.sendFrames(squeezed(opBinary, s.compress(make([]byte, n))))
			e := s.next()
			if e.kind != message {
				s.isFailure(e, 1009)
				return
			}
			s.compare(e, event{kind: message, op: opBinary, data: make([]byte, n)})
			s.sendFrames(bin(make([]byte, n)))
			if e := s.next(); e.kind != message {
				s.fail("%v came for as many bytes as were taken compressed: the limit does not count what is inflated", e)
			}
		}).large = true
	}
}
