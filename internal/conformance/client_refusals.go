package conformance

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// mustRefuse is the script of an answer that a client must not take: it closes the connection and
// sends no frame. A message comes with the answer, for clients that take it to echo.
func mustRefuse(change func(*answer)) func(*session) {
	return func(s *session) {
		s.awaitRequest()
		a := s.answer()
		change(a)
		s.send(s.baited(a.bytes()))
		s.isRefused()
	}
}

// endsWithout is the script of an answer that opens no connection, and may be read to its end: this
// side ends its direction behind it, and the client its own without a frame.
func endsWithout(answer func(s *session) []byte) func(*session) {
	return func(s *session) {
		s.awaitRequest()
		if b := answer(s); len(b) > 0 {
			s.send(b)
		}
		s.noFrames()
	}
}

// baited is an answer with a message behind it, for clients that take it to echo.
func (s *session) baited(answer []byte) []byte { return append(answer, s.wire(text("bait"))...) }

// isRefused judges what a client does about an answer that is no upgrade.
func (s *session) isRefused() {
	e := s.soon()
	if e.kind == silence {
		// Either it is slow, or it takes the connection for open. A ping tells.
		s.sendFrames(ping("open?"))
		e = s.next()
	}
	switch e.kind {
	case end:
	case closeFrame:
		s.lenient(ruleClientFail, "the client took the connection for open before it closed it: %v came", e)
		s.endAfterClose(e)
	case silence:
		s.failRule(ruleClientFail, "the client did not close the connection")
	default:
		s.fail("the client took the connection for open: %v came", e)
	}
}

// mayRefuse is mustRefuse where the RFC does not bind the client: to take it is lenient.
func mayRefuse(rule Rule, change func(*answer)) func(*session) {
	return func(s *session) {
		s.awaitRequest()
		a := s.answer()
		change(a)
		s.send(s.baited(a.bytes()))
		if e := s.soon(); e.kind == message {
			s.lenient(rule, "the client took it")
			return
		} else {
			s.pending = &e
		}
		s.isRefused()
	}
}

func clientRefusalCases(l *list) {
	l.family = Refusals
	acceptValues(l)
	for _, v := range []struct {
		name, title, header string
		values              []string
		rule                Rule
	}{
		{"upgrade-missing", "No Upgrade", "Upgrade", nil, ruleNeedsUpgrade},
		{"upgrade-empty", "An empty Upgrade", "Upgrade", []string{""}, ruleNeedsUpgrade},
		{"upgrade-h2c", "Upgrade: h2c", "Upgrade", []string{"h2c"}, ruleNeedsUpgrade},
		{"upgrade-longer", "Upgrade: websockets", "Upgrade", []string{"websockets"}, ruleNeedsUpgrade},
		{"upgrade-shorter", "Upgrade: websocke", "Upgrade", []string{"websocke"}, ruleNeedsUpgrade},
		{"upgrade-version", "Upgrade: websocket/13", "Upgrade", []string{"websocket/13"}, ruleNeedsUpgrade},
		{"upgrade-list", "Upgrade: websocket, h2c", "Upgrade", []string{"websocket, h2c"}, ruleNeedsUpgrade},
		{"upgrade-two-lines", "Upgrade: websocket and Upgrade: h2c on two lines", "Upgrade", []string{"websocket", "h2c"}, ruleNeedsUpgrade},
		{"connection-missing", "No Connection", "Connection", nil, ruleNeedsConnection},
		{"connection-empty", "An empty Connection", "Connection", []string{""}, ruleNeedsConnection},
		{"connection-close", "Connection: close", "Connection", []string{"close"}, ruleNeedsConnection},
		{"connection-keep-alive", "Connection: keep-alive", "Connection", []string{"keep-alive"}, ruleNeedsConnection},
		{"connection-longer", "Connection: Upgraded", "Connection", []string{"Upgraded"}, ruleNeedsConnection},
		{"connection-websocket", "Connection: websocket", "Connection", []string{"websocket"}, ruleNeedsConnection},
	} {
		l.add(v.name, v.title, v.rule, mustRefuse(func(a *answer) { a.set(v.header, v.values...) }))
	}
	l.add("no-fields", "A status line and nothing else", ruleAnswerGrammar, mustRefuse(func(a *answer) { a.fields = nil }))
	statuses(l)
	notHTTP(l)
}

func acceptValues(l *list) {
	for _, v := range []struct {
		name, title string
		value       func(key, right string) []string
	}{
		{"missing", "No Sec-WebSocket-Accept", func(key, right string) []string { return nil }},
		{"empty", "An empty Sec-WebSocket-Accept", func(key, right string) []string { return []string{""} }},
		{"key", "The key itself as Sec-WebSocket-Accept", func(key, right string) []string { return []string{key} }},
		{"example", "The Sec-WebSocket-Accept of the RFC's example", func(key, right string) []string { return []string{acceptFor(exampleNonce)} }},
		{"decoded", "The Sec-WebSocket-Accept of the decoded key", func(key, right string) []string {
			nonce, _ := base64.StdEncoding.DecodeString(key)
			return []string{acceptFor(string(nonce))}
		}},
		{"case", "A Sec-WebSocket-Accept in other cases of letters", func(key, right string) []string { return []string{swapCase(right)} }},
		{"hex", "A Sec-WebSocket-Accept in hexadecimal", func(key, right string) []string {
			sum, _ := base64.StdEncoding.DecodeString(right)
			return []string{hex.EncodeToString(sum)}
		}},
		{"unpadded", "A Sec-WebSocket-Accept without its padding", func(key, right string) []string { return []string{strings.TrimRight(right, "=")} }},
		{"longer", "A Sec-WebSocket-Accept with a letter behind", func(key, right string) []string { return []string{right + "A"} }},
		{"quoted", "A Sec-WebSocket-Accept in quotes", func(key, right string) []string { return []string{`"` + right + `"`} }},
		{"list", "Two values in one Sec-WebSocket-Accept, the first right", func(key, right string) []string { return []string{right + ", " + acceptFor(exampleNonce)} }},
	} {
		l.add("accept-"+v.name, v.title, ruleNeedsAccept, mustRefuse(func(a *answer) { a.set("Sec-WebSocket-Accept", v.value(a.key, a.right())...) }))
	}
	for _, v := range []struct {
		name, title string
		values      func(right string) []string
	}{
		{"right-wrong", "Two Sec-WebSocket-Accept, the first right", func(right string) []string { return []string{right, acceptFor(exampleNonce)} }},
		{"wrong-right", "Two Sec-WebSocket-Accept, the second right", func(right string) []string { return []string{acceptFor(exampleNonce), right} }},
	} {
		l.add("accept-"+v.name, v.title, ruleNeedsAccept, mustRefuse(func(a *answer) { a.set("Sec-WebSocket-Accept", v.values(a.right())...) }))
	}
	l.add("accept-twice", "Sec-WebSocket-Accept twice, both right", ruleOneAccept,
		mayRefuse(ruleOneAccept, func(a *answer) { a.set("Sec-WebSocket-Accept", a.right(), a.right()) }))
}

// right is the accept value that belongs to the client's key.
func (a *answer) right() string { return acceptFor(a.key) }

func swapCase(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			b[i] = c ^ 0x20
		}
	}
	return string(b)
}

func statuses(l *list) {
	for _, v := range []struct{ status, field string }{
		{"200 OK", ""}, {"202 Accepted", ""}, {"400 Bad Request", ""},
		{"401 Unauthorized", `WWW-Authenticate: Basic realm="spout"`}, {"403 Forbidden", ""}, {"404 Not Found", ""},
		{"407 Proxy Authentication Required", `Proxy-Authenticate: Basic realm="spout"`}, {"426 Upgrade Required", "Sec-WebSocket-Version: 8"},
		{"429 Too Many Requests", "Retry-After: 120"}, {"500 Internal Server Error", ""}, {"503 Service Unavailable", "Retry-After: 120"},
		{"300 Multiple Choices", ""}, {"302 Found", ""}, {"304 Not Modified", ""}, {"599 Of Its Own", ""},
	} {
		code := v.status[:3]
		l.add("status-"+code, "A refusal with "+v.status, ruleNot101, endsWithout(func(*session) []byte {
			if v.field == "" {
				return refusal(v.status)
			}
			return refusal(v.status, v.field)
		}))
	}
	for _, code := range []string{"200 OK", "403 Forbidden", "201 Created"} {
		l.add("status-"+code[:3]+"-as-upgrade", "All fields of an upgrade under "+code, ruleNot101, endsWithout(func(s *session) []byte {
			a := s.answer()
			a.line = "HTTP/1.1 " + code
			return s.baited(a.bytes())
		}))
	}
	l.add("status-204", "A refusal with 204 and nothing behind", ruleNot101, endsWithout(func(*session) []byte {
		return []byte("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
	}))
}

// noFrames ends this side's direction after a refusal, and waits for the client to end its own. It
// may send another request, but no frame.
func (s *session) noFrames() {
	if !s.half {
		s.halfClose()
	}
	for s.fill(s.deadline) {
	}
	switch {
	case len(s.in) > 0 && !isHandshake(s.in):
		s.fail("the client sent %d bytes that are no request", len(s.in))
	case s.ended == "":
		s.failRule(ruleClientFail, "the client did not close the connection")
	}
}

// notHTTP is what answers hardly anybody sends, and nobody may take for an upgrade.
func notHTTP(l *list) {
	line := func(line string) func(*session) { return mustRefuse(func(a *answer) { a.line = line }) }
	for _, v := range []struct{ name, title, line string }{
		{"icy", "The protocol ICY in the status line", "ICY 101 Switching Protocols"},
		{"code-1010", "A status code of four digits", "HTTP/1.1 1010 Switching Protocols"},
		{"code-10", "A status code of two digits", "HTTP/1.1 10 Switching Protocols"},
		{"code-word", "A status code in letters", "HTTP/1.1 one Switching Protocols"},
		{"code-missing", "A status line without a code", "HTTP/1.1"},
	} {
		l.add("line-"+v.name, v.title, rule101, line(v.line))
	}
	for _, v := range []struct{ name, title, line string }{
		{"http-1.0", "HTTP/1.0 in the status line", "HTTP/1.0 101 Switching Protocols"},
		{"http-2.0", "HTTP/2.0 in the status line", "HTTP/2.0 101 Switching Protocols"},
	} {
		l.add("line-"+v.name, v.title, rule101, mayRefuse(rule101, func(a *answer) { a.line = v.line }))
	}
	for _, v := range []struct{ name, title, line string }{
		{"field-no-colon", "A line without a colon among the fields", "Of no meaning"},
		{"field-no-name", "A field without a name", ": of no meaning"},
	} {
		l.add(v.name, v.title, ruleAnswerGrammar, func(s *session) {
			s.awaitRequest()
			good := string(s.answer().bytes())
			s.send([]byte(strings.Replace(good, "\r\n", "\r\n"+v.line+"\r\n", 1)))
			s.sendFrames(text("bait"))
			// HTTP says of none of them what a client does.
			if e := s.soon(); e.kind == message {
				s.lenient(ruleAnswerGrammar, "the client took it")
				return
			} else {
				s.pending = &e
			}
			s.isRefused()
		})
	}
	l.add("frames-at-once", "Frames in place of an answer", ruleAnswerGrammar, endsWithout(func(s *session) []byte { return s.baited(nil) }))
	l.add("garbage", "A kilobyte of no meaning in place of an answer", ruleAnswerGrammar, endsWithout(func(s *session) []byte { return s.baited(noise(1024)) }))
	l.add("echoed-request", "The client's own request in place of an answer", ruleAnswerGrammar, endsWithout(func(s *session) []byte { return s.baited(bytes.Clone(s.client.visit.head)) }))
	for _, at := range []int{0, 9, 20, 34} {
		l.add(fmt.Sprintf("cut-%d", at), fmt.Sprintf("The connection ends after %d bytes of the answer", at), ruleLostTCP, endsWithout(func(s *session) []byte { return s.answer().bytes()[:at] }))
	}
	l.add("cut-last", "The connection ends before the last line end of the answer", ruleLostTCP, endsWithout(func(s *session) []byte {
		b := s.answer().bytes()
		return b[:len(b)-2]
	}))
	l.add("cut-accept", "The connection ends within the accept value", ruleLostTCP, endsWithout(func(s *session) []byte {
		b := s.answer().bytes()
		return b[:len(b)-10]
	}))
}
