package conformance

import "fmt"

// cutOff is the script of bytes behind which the connection ends. Of the messages only those that
// are whole are echoed.
func cutOff(bytes []byte, whole ...frame) func(*session) {
	return func(s *session) {
		s.open()
		if len(whole) > 0 {
			s.exchangeFrames(whole...)
		}
		s.send(bytes)
		s.halfClose()
		s.onlyEnd()
	}
}

func clientTruncationCases(l *list) {
	l.family = Truncation
	wire := func(f ...frame) []byte {
		var b []byte
		for _, f := range f {
			b = append(b, f.unmasked().bytes()...)
		}
		return b
	}
	for _, v := range []struct {
		name   string
		size   int
		header int
	}{{"7", 5, 2}, {"16", 300, 4}, {"64", 70000, 10}} {
		b := wire(text(letters(v.size)))
		for at := 1; at < v.header; at++ {
			l.add(fmt.Sprintf("header-%s-%d", v.name, at), fmt.Sprintf("The connection ends after byte %d of a header of %d", at, v.header), ruleReceived, cutOff(b[:at]))
		}
		for _, at := range []int{v.header, v.header + 1, len(b) - 1} {
			l.add(fmt.Sprintf("payload-%s-%d", v.name, at-v.header), fmt.Sprintf("The connection ends after %d of %d bytes of payload", at-v.header, v.size), ruleReceived, cutOff(b[:at]))
		}
	}
	for _, v := range []struct {
		name, title string
		bytes       []byte
	}{
		{"first-fragment", "after the first fragment", wire(text("Hello").part())},
		{"first-fragment-binary", "after the first fragment of a binary message", wire(bin([]byte("Hello")).part())},
		{"first-fragment-empty", "after an empty first fragment", wire(text("").part())},
		{"second-fragment", "after the second of three fragments", wire(text("Hel").part(), cont("lo").part())},
		{"last-header", "after the header of the last fragment", append(wire(text("Hel").part()), wire(cont("lo"))[:2]...)},
		{"last-payload", "within the payload of the last fragment", append(wire(text("Hel").part()), wire(cont("lo"))[:3]...)},
		{"ping-between", "after a ping between the fragments", wire(text("Hel").part(), pong("between"))},
		{"ping-header", "within the header of a ping", wire(ping("Hello"))[:1]},
		{"ping-payload", "within the payload of a ping", wire(ping("Hello"))[:4]},
		{"close-payload", "within the payload of a Close frame", wire(closing(closeBody(1000, "bye")))[:4]},
		{"character", "within a character of text", wire(text("\u20ac\u20ac"))[:6]},
	} {
		l.add(v.name, "The connection ends "+v.title, ruleReceived, cutOff(v.bytes))
	}
	b := wire(text("not whole"))
	l.add("second-message", "The connection ends within a message after one that was whole", ruleReceived, cutOff(b[:len(b)-1], text("whole")))
	l.add("second-message-header", "The connection ends within the header behind a message that was whole", ruleReceived, cutOff(b[:1], text("whole")))
}
