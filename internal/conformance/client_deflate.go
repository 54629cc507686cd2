package conformance

import "bytes"

// clientDeflateCases are asked where the client offers compression.
func clientDeflateCases(l *list) {
	wanted, unfit := only("^(example|blocks|final|takeover|fragments|bits|between|bad)-|^(text|binary)-[0-9]{1,3}$"),
		only("^takeover-(server|client|none)-|^fragments-(pieces|large)$")
	l.mirror(deflateCases, func(name string) bool { return wanted(name) && !unfit(name) })
	l.family = Deflate
	for _, v := range []struct {
		name, title string
		frames      func(payload []byte) []frame
	}{
		{"frame", "in one frame", func(p []byte) []frame { return squeezedParts(opBinary, p) }},
		{"fragments", "in 64 fragments", func(p []byte) []frame { return squeezedParts(opBinary, inParts(p, 64)...) }},
		{"text", "of text", func(p []byte) []frame { return squeezedParts(opText, p) }},
	} {
		c := l.add("bomb-"+v.name, "256 KiB "+v.title+" that become 256 MiB", ruleLimits, func(s *session) {
			s.openDeflate()
			s.sendFrames(v.frames(clientBomb())...)
			s.isFailure(s.next(), 1009, 1008)
		})
		c.large, c.bounds.memory = true, clientMemory
	}
	c := l.add("bomb-messages", "Messages of 1 KiB without end that become 1 MiB each, while no echo is read", adviceClientMemory, func(s *session) {
		s.openDeflate()
		s.pour(nil, squeezed(opBinary, bomb("\x00", mib)).unmasked().bytes())
	})
	c.large, c.bounds.memory = true, clientMemory
}

// clientBomb is a payload that stands for 256 MiB of zeros.
func clientBomb() []byte {
	piece := append(bomb("\x00", mib), 0, 0, 0xff, 0xff)
	return bytes.TrimSuffix(bytes.Repeat(piece, 256), []byte{0, 0, 0xff, 0xff})
}
