package conformance

import (
	"fmt"
	"time"
)

// lengthCases are frames whose header promises more than ever comes. Memory must follow what has
// arrived, not what is claimed.
func lengthCases(l *list) {
	l.family = Lengths
	topBit := []uint64{1 << 63, 1<<63 + 5, 1<<64 - 1}
	huge := []uint64{1<<63 - 1, 1 << 62, 1 << 48, 1 << 40, 1<<32 + 5, 1 << 31, 1 << 30}
	for _, n := range topBit {
		l.add(fmt.Sprintf("top-bit-%x", n), fmt.Sprintf("A frame that claims %#x bytes, with the top bit set: refused at its header", n), ruleLength64,
			overclaims(bin([]byte("Hello")).claiming(64, n))).costs(bounds{memory: claimMemory})
		l.add(fmt.Sprintf("top-bit-continuation-%x", n), fmt.Sprintf("A second fragment that claims %#x bytes", n), ruleLength64,
			overclaims(bin([]byte("Hello")).part(), cont("Hello").claiming(64, n))).costs(bounds{memory: claimMemory})
	}
	for _, n := range huge {
		l.add(fmt.Sprintf("claim-%x", n), fmt.Sprintf("A frame that claims %#x bytes and brings five", n), ruleLimits,
			overclaims(bin([]byte("Hello")).claiming(64, n))).costs(bounds{memory: claimMemory})
		l.add(fmt.Sprintf("claim-continuation-%x", n), fmt.Sprintf("A second fragment that claims %#x bytes and brings five", n), ruleLimits,
			overclaims(bin([]byte("Hello")).part(), cont("Hello").claiming(64, n))).costs(bounds{memory: claimMemory})
	}
	for _, n := range []int{16 * mib, mib} {
		for _, arrived := range []int{1, 8 * kib} {
			l.add(fmt.Sprintf("crowd-%s-brings-%d", size(n), arrived),
				fmt.Sprintf("%d connections that claim %s each and bring %d bytes", crowd, size(n), arrived), adviceMemory, crowdClaims(n, arrived)).
				costs(bounds{memory: claimMemory + crowd*2*int64(arrived)})
		}
	}
	l.add("crowd-fragments", fmt.Sprintf("%d connections that begin a message of 100 fragments and claim 512KiB in the last", crowd), adviceMemory, func(s *session) {
		var f []frame
		for range 100 {
			f = append(f, cont("x").part())
		}
		f[0].op = opBinary
		s.crowd(append(f, cont("x").claiming(64, mib/2)))
	}).costs(bounds{memory: claimMemory + crowd*200})
}

const (
	// claimMemory is what a refusal may cost. It is more than the refusal itself does: a process
	// that collects garbage takes some memory before it gives any back.
	claimMemory = 4 * mib
	crowd       = 200
)

// overclaims is the script of a frame that claims too much. The time until it is refused is a figure.
func overclaims(frames ...frame) func(*session) {
	return func(s *session) {
		s.open()
		s.begin()
		start := time.Now()
		s.sendFrames(frames...)
		e := s.soon()
		if e.kind == silence {
			last := frames[len(frames)-1]
			if last.length >= 1<<63 {
				s.fail("the server did not refuse it")
			}
			s.lenient(Rule{}, "the server waits for the rest")
			return
		}
		s.figure(Rule{}, Figure{Name: "refused after", Value: float64(time.Since(start).Microseconds()) / 1000, Unit: "ms"})
		s.isFailure(e, 1002, 1009)
	}
}

// crowdClaims is the script of many connections that each claim a message of n bytes and bring
// little of it.
func crowdClaims(n, arrived int) func(*session) {
	return func(s *session) { s.crowd([]frame{bin(octets(arrived)).claiming(64, uint64(n))}) }
}

// crowd opens many connections, sends the same on each, and waits until it has been read: the
// others are answered, and those that are refused have been.
func (s *session) crowd(frames []frame) {
	members := make([]*session, crowd)
	for i := range members {
		members[i] = s.another()
		members[i].open()
	}
	s.begin()
	for _, m := range members {
		m.sendFrames(frames...)
	}
	// Each is read soon; a server that refuses them says so.
	refused := 0
	until := time.Now().Add(s.patience / 2)
	for _, m := range members {
		switch e := m.nextUntil(until); e.kind {
		case silence:
		case closeFrame, end:
			refused++
		default:
			s.fail("the server sent %v in answer to part of a message", e)
		}
	}
	s.figure(Rule{}, Figure{Name: "refused", Value: float64(refused), Unit: "of 200"})
}
