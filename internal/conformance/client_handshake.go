package conformance

import (
	"fmt"
	"strings"
)

// takes is the script of an answer that a client must accept, and then echo.
func takes(change func(*answer)) func(*session) {
	return func(s *session) {
		s.awaitRequest()
		a := s.answer()
		change(a)
		s.send(a.bytes())
		s.exchangeFrames(text("Hello"))
		s.quiet()
	}
}

func clientHandshakeCases(l *list) {
	l.family = Handshake
	l.add("plain", "The answer that the RFC shows", ruleEstablished, takes(func(*answer) {}))
	for _, v := range []struct {
		name, title, header string
		values              []string
		rule                Rule
	}{
		{"upgrade-capital", "Upgrade: WebSocket", "Upgrade", []string{"WebSocket"}, ruleNeedsUpgrade},
		{"upgrade-upper", "Upgrade: WEBSOCKET", "Upgrade", []string{"WEBSOCKET"}, ruleNeedsUpgrade},
		{"connection-lower", "Connection: upgrade", "Connection", []string{"upgrade"}, ruleNeedsConnection},
		{"connection-upper", "Connection: UPGRADE", "Connection", []string{"UPGRADE"}, ruleNeedsConnection},
		{"connection-list", "Connection: keep-alive, Upgrade", "Connection", []string{"keep-alive, Upgrade"}, ruleNeedsConnection},
		{"connection-two-lines", "Connection: keep-alive and Connection: Upgrade on two lines", "Connection", []string{"keep-alive", "Upgrade"}, ruleNeedsConnection},
		{"unknown-field", "An unknown field", "X-Unknown", []string{"of no meaning"}, ruleUnknownHeaders},
		{"cookie", "A cookie of 4,000 bytes", "Set-Cookie", []string{"c=" + strings.Repeat("x", 3998)}, ruleUnknownHeaders},
		{"content-length", "Content-Length: 0, as some servers write it", "Content-Length", []string{"0"}, ruleEstablished},
	} {
		l.add(v.name, v.title, v.rule, takes(func(a *answer) { a.set(v.header, v.values...) }))
	}
	l.add("names-lower", "Field names in lower case", ruleNamesOfAnswer, takes(func(a *answer) { a.eachName(strings.ToLower) }))
	l.add("names-upper", "Field names in upper case", ruleNamesOfAnswer, takes(func(a *answer) { a.eachName(strings.ToUpper) }))
	l.add("no-space", "No space after the colons", ruleLWS, takes(func(a *answer) { a.colon = ":" }))
	l.add("wide-space", "Spaces and tabs around the values", ruleNeedsAccept, takes(func(a *answer) {
		a.colon = ": \t "
		for i := range a.fields {
			a.fields[i].value += " \t"
		}
	}))
	l.add("reversed", "Fields in reverse order", ruleEstablished, takes(func(a *answer) {
		for i, j := 0, len(a.fields)-1; i < j; i, j = i+1, j-1 {
			a.fields[i], a.fields[j] = a.fields[j], a.fields[i]
		}
	}))
	l.add("many-fields", "Fifty unknown fields", ruleUnknownHeaders, takes(func(a *answer) {
		for i := range 50 {
			a.set(fmt.Sprintf("X-Unknown-%d", i), "of no meaning")
		}
	}))
	l.add("reason-other", "Another reason phrase", rule101, takes(func(a *answer) { a.line = "HTTP/1.1 101 Web Socket Protocol Handshake" }))
	l.add("reason-empty", "An empty reason phrase", rule101, takes(func(a *answer) { a.line = "HTTP/1.1 101 " }))
	for _, n := range []int{1, 7} {
		l.add(fmt.Sprintf("pieces-%d", n), fmt.Sprintf("The answer in pieces of %d bytes", n), ruleEstablished, func(s *session) {
			s.awaitRequest()
			s.sendPieces(piecesOf(n)(s.answer().bytes())...)
			s.exchangeFrames(text("Hello"))
			s.quiet()
		})
	}
	l.add("cut-in-newline", "The answer cut within its last line end", ruleEstablished, func(s *session) {
		s.awaitRequest()
		b := s.answer().bytes()
		s.sendPieces(cutAt(len(b) - 1)(b)...)
		s.exchangeFrames(text("Hello"))
		s.quiet()
	})
	for _, v := range []struct{ name, interim string }{
		{"interim-100", "HTTP/1.1 100 Continue\r\n\r\n"},
		{"interim-103", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"},
	} {
		l.add(v.name, "An interim response before the 101: "+strings.TrimPrefix(strings.Split(v.interim, "\r\n")[0], "HTTP/1.1 "), ruleInterim, func(s *session) {
			s.awaitRequest()
			s.send(append([]byte(v.interim), s.answer().bytes()...))
			s.sendFrames(text("Hello"))
			if e := s.soon(); e.kind != message {
				s.lenient(ruleInterim, "the client did not take the answer behind it: %v came", e)
			}
		})
	}
	earlyFrames(l)
}

// eachName changes the name of every field.
func (a *answer) eachName(change func(string) string) {
	for i := range a.fields {
		a.fields[i].name = change(a.fields[i].name)
	}
}

// earlyFrames stand in one piece with the answer.
func earlyFrames(l *list) {
	for _, v := range []struct {
		name, title string
		frames      []frame
	}{
		{"text", "text", []frame{text("early")}},
		{"empty", "empty text", []frame{text("")}},
		{"ping", "a ping", []frame{ping("early")}},
		{"many", "fifty messages", slicesOf(50, text("early"))},
		{"fragments", "a message in fragments with a ping between", []frame{text("ear").part(), ping("between"), cont("ly")}},
		{"long", "a message of 20,000 bytes", []frame{bin(octets(20000))}},
	} {
		l.add("early-"+v.name, "The answer and "+v.title+" in one piece", ruleOpen, func(s *session) {
			s.awaitRequest()
			s.send(append(s.answer().bytes(), s.wire(v.frames...)...))
			s.answers(v.frames...)
			s.quiet()
		})
	}
	l.add("early-half", "The answer and half a frame in one piece, and then the rest", ruleOpen, func(s *session) {
		s.awaitRequest()
		f := s.wire(text("early"))
		s.sendPieces(append(s.answer().bytes(), f[:4]...), f[4:])
		s.answers(text("early"))
		s.quiet()
	})
	l.add("early-close", "The answer and a Close frame in one piece", ruleCloseReply, func(s *session) {
		s.awaitRequest()
		s.send(append(s.answer().bytes(), s.wire(closing(closeBody(1001, "bye")))...))
		s.closeReply(1001)
	})
	l.add("early-bad", "The answer and text with RSV1 in one piece", ruleRSV, func(s *session) {
		s.awaitRequest()
		s.send(append(s.answer().bytes(), s.wire(text("early").reserved(rsv1))...))
		s.failed(1002)
	})
}

func slicesOf(n int, f frame) []frame {
	frames := make([]frame, n)
	for i := range frames {
		frames[i] = f
	}
	return frames
}
