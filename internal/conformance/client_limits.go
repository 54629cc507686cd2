package conformance

import "fmt"

// clientMemory is what one server may cost a client, whatever it sends or claims. It is more than
// any message that clients take by default, and far less than what a flood brings.
const clientMemory = 64 * mib

func clientLimitCases(l *list) {
	l.family = Limits
	for _, n := range []int{128 * kib, 512 * kib, mib, 4 * mib} {
		l.add("text-"+size(n), "Text of "+size(n)+", unless that is too much", ruleLimits, echoesUpToLimit(func() []frame { return []frame{text(euros(n))} })).large = true
		l.add("binary-"+size(n), "Binary of "+size(n)+", unless that is too much", ruleLimits, echoesUpToLimit(func() []frame { return []frame{bin(octets(n))} })).large = true
	}
	for _, v := range []struct{ total, each int }{{mib, kib}, {mib, 64 * kib}, {4 * mib, 64 * kib}} {
		l.add(fmt.Sprintf("fragments-%s-by-%s", size(v.total), size(v.each)), fmt.Sprintf("%s in fragments of %s, unless that is too much", size(v.total), size(v.each)), ruleLimits,
			echoesUpToLimit(func() []frame { return fragments(bin(nil), evenly(letters(v.total), v.each)...) })).large = true
	}
	l.add("many-small", "Two thousand messages of one byte in one piece", ruleReceived, func(s *session) {
		s.open()
		var f []frame
		for i := range 2000 {
			f = append(f, bin([]byte{byte(i)}))
		}
		s.sendFrames(f...)
		s.answers(f...)
		s.quiet()
	})

	l.family = Lengths
	for _, v := range []struct {
		name   string
		length uint64
	}{{"128MiB", 128 * mib}, {"2e31", 1 << 31}, {"2e32-5", 1<<32 + 5}, {"2e40", 1 << 40}, {"2e63-1", 1<<63 - 1}} {
		for _, f := range []frame{text("Hello"), bin([]byte("Hello"))} {
			l.add(fmt.Sprintf("claim-%s-%s", opName(f.op), v.name), fmt.Sprintf("A %s frame that claims %d bytes and brings five", opName(f.op), v.length), ruleLimits,
				claimedByServer(f.claiming(64, v.length))).bounds.memory = clientMemory
		}
	}
	l.add("claim-continuation", "A second fragment that claims 2^63-1 bytes: the sum does not fit", ruleLimits,
		claimedByServer(bin([]byte("Hello")).part(), newFrame(opContinuation, []byte("Hello")).claiming(64, 1<<63-1))).bounds.memory = clientMemory
	l.add("claim-first", "A first fragment that claims 2^62 bytes", ruleLimits,
		claimedByServer(bin([]byte("Hello")).part().claiming(64, 1<<62))).bounds.memory = clientMemory
}

// claimedByServer is the script of a frame of which most never comes. The client refuses it with
// 1009, or waits for the rest, and never takes memory for what was merely claimed.
func claimedByServer(frames ...frame) func(*session) {
	return func(s *session) {
		s.open()
		s.sendFrames(frames...)
		if e := s.soon(); e.kind == silence {
			s.lenient(ruleLimits, "the client waits for the rest")
		} else {
			s.isFailure(e, 1009)
		}
	}
}
