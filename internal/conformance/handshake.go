package conformance

import (
	"fmt"
	"strings"
)

// accepts is the script of a handshake that a server must accept and then echo on.
func accepts(change func(*request)) func(*session) {
	return func(s *session) {
		r := s.request()
		change(r)
		s.upgrade(r)
		s.exchangeFrames(text("Hello"))
		s.quiet()
	}
}

func handshakeCases(l *list) {
	l.family = Handshake
	acceptedHandshakes(l)
	negotiations(l)
	refusedHandshakes(l)
	origins(l)
	strayBytes(l)
}

func acceptedHandshakes(l *list) {
	l.add("example", "The RFC's example key gets the RFC's accept value", ruleAccept, accepts(func(*request) {}))
	for i, key := range []string{"AQIDBAUGBwgJCgsMDQ4PEA==", "AAAAAAAAAAAAAAAAAAAAAA==", "/////////////////////w==", "x3JJHMbDL1EzLkh9GBhXDw=="} {
		l.add(fmt.Sprintf("key-%d", i+1), "The accept value for the key "+key, ruleAccept,
			accepts(func(r *request) { r.set("Sec-WebSocket-Key", key) }))
	}
	for _, v := range []struct{ name, title, header, value string }{
		{"upgrade-capital", "Upgrade: WebSocket", "Upgrade", "WebSocket"},
		{"upgrade-upper", "Upgrade: WEBSOCKET", "Upgrade", "WEBSOCKET"},
		{"connection-lower", "Connection: upgrade", "Connection", "upgrade"},
		{"connection-upper", "Connection: UPGRADE", "Connection", "UPGRADE"},
		{"connection-list", "Connection: keep-alive, Upgrade", "Connection", "keep-alive, Upgrade"},
		{"connection-list-tight", "Connection: Upgrade,keep-alive", "Connection", "Upgrade,keep-alive"},
		{"connection-list-wide", "Connection: keep-alive , Upgrade", "Connection", "keep-alive \t, Upgrade"},
	} {
		rule := ruleConnection
		if v.header == "Upgrade" {
			rule = ruleUpgrade
		}
		l.add(v.name, v.title, rule, accepts(func(r *request) { r.set(v.header, v.value) }))
	}
	l.add("connection-two-lines", "Connection: keep-alive and Connection: Upgrade on two lines", ruleConnection,
		accepts(func(r *request) { r.set("Connection", "keep-alive", "Upgrade") }))
	l.add("connection-list-null", "Connection: keep-alive,, Upgrade, with an empty element", ruleConnection, func(s *session) {
		s.dial()
		s.send(s.request().set("Connection", "keep-alive,, Upgrade").bytes())
		if a := s.response(); a.status != 101 {
			s.lenient(ruleConnection, "the server answered %q", a.line)
		}
	})
	l.add("absolute-uri", "An absolute URI in the request line", ruleRequestLine,
		func(s *session) {
			r := s.request()
			r.path = s.target.origin + r.path
			s.upgrade(r)
			s.exchangeFrames(text("Hello"))
			s.quiet()
		})
	l.add("names-lower", "Field names in lower case", ruleUnknownHeaders,
		accepts(func(r *request) { r.eachName(strings.ToLower) }))
	l.add("names-upper", "Field names in upper case", ruleUnknownHeaders,
		accepts(func(r *request) { r.eachName(strings.ToUpper) }))
	l.add("no-space", "No space after the colons", ruleLWS, accepts(func(r *request) { r.colon = ":" }))
	l.add("wide-space", "Spaces and tabs around the values", ruleLWS, accepts(func(r *request) {
		r.colon = ": \t "
		for i := range r.fields {
			r.fields[i].value += " \t"
		}
	}))
	l.add("reversed", "Fields in reverse order", ruleHandshakeGrammar, accepts(func(r *request) {
		for i, j := 0, len(r.fields)-1; i < j; i, j = i+1, j-1 {
			r.fields[i], r.fields[j] = r.fields[j], r.fields[i]
		}
	}))
	l.add("unknown-field", "An unknown field", ruleUnknownHeaders,
		accepts(func(r *request) { r.set("X-Unknown", "of no meaning") }))
	l.add("many-fields", "Fifty unknown fields", ruleUnknownHeaders, accepts(func(r *request) {
		for i := range 50 {
			r.set(fmt.Sprintf("X-Unknown-%d", i), "of no meaning")
		}
	}))
	l.add("long-cookie", "A cookie of 4,000 bytes", ruleUnknownHeaders,
		accepts(func(r *request) { r.set("Cookie", "c="+strings.Repeat("x", 3998)) }))
	l.add("query", "A query in the resource name", ruleRequestLine, accepts(func(r *request) {
		mark := "?"
		if strings.Contains(r.path, "?") {
			mark = "&"
		}
		r.path += mark + "spout=%C3%A9&x=1"
	}))
	l.add("bytewise", "The handshake byte by byte", ruleHandshakeGrammar, func(s *session) {
		s.dial()
		r := s.request()
		s.sendPieces(piecesOf(1)(r.bytes())...)
		s.upgraded(r)
		s.exchangeFrames(text("Hello"))
		s.quiet()
	})
	l.add("cut-in-newline", "The handshake cut within its last line end", ruleHandshakeGrammar, func(s *session) {
		s.dial()
		r := s.request()
		b := r.bytes()
		s.sendPieces(cutAt(len(b) - 1)(b)...)
		s.upgraded(r)
		s.exchangeFrames(text("Hello"))
		s.quiet()
	})
}

// eachName changes the name of every field.
func (r *request) eachName(change func(string) string) {
	for i := range r.fields {
		r.fields[i].name = change(r.fields[i].name)
	}
}

func negotiations(l *list) {
	for _, v := range []struct {
		name, title string
		offers      []string
	}{
		{"subprotocol-unknown", "One unknown subprotocol is offered", []string{"x-unknown.spout.example"}},
		{"subprotocol-list", "A list of subprotocols is offered", []string{"x-one, x-two,x-three"}},
		{"subprotocol-lines", "Subprotocols are offered on two lines", []string{"x-one", "x-two"}},
	} {
		l.add(v.name, v.title+"; the answer is one of them, or none", ruleSubprotocol,
			accepts(func(r *request) { r.set("Sec-WebSocket-Protocol", v.offers...) }))
	}
	for _, v := range []struct {
		name, title string
		offers      []string
	}{
		{"extension-unknown", "An unknown extension is offered and not accepted", []string{"x-unknown"}},
		{"extension-unknown-params", "Unknown extensions with parameters are offered and not accepted", []string{`x-one; a; b=2, x-two; c="3"`}},
		{"extension-lines", "Unknown extensions are offered on two lines", []string{"x-one", "x-two; a=1"}},
		{"extension-deflate-unknown-param", "permessage-deflate with an unknown parameter is not accepted", []string{"permessage-deflate; x-unknown"}},
	} {
		l.add(v.name, v.title, ruleNoExtension, func(s *session) {
			s.dial()
			r := s.request().set("Sec-WebSocket-Extensions", v.offers...)
			s.send(r.bytes())
			s.upgradedWithout(r)
		})
	}
	l.add("extension-deflate", "permessage-deflate is offered; the answer accepts it, or nothing", ruleExtOffer, func(s *session) {
		r := s.request().set("Sec-WebSocket-Extensions", "permessage-deflate")
		s.upgrade(r)
		// A message of the extension's need not be compressed (RFC 7692, section 6).
		s.sendFrames(ping("Hello"))
		s.answers(ping("Hello"))
	})
	for _, v := range []struct{ name, title, offer string }{
		{"extension-malformed-quote", "An offer whose quoted string does not end", `x-one; a="b`},
		{"extension-malformed-param", "An offer with an empty parameter", "x-one; ; a"},
		{"extension-malformed-name", "An offer without a name", "; a=1"},
		{"extension-malformed-value", "An offer whose parameter has no value after its =", "x-one; a="},
		{"extension-malformed-token", "An offer whose name is not a token", "x one; a"},
		{"extension-malformed-quoted", "An offer whose quoted value is not a token", `x-one; a="b c"`},
	} {
		l.add(v.name, v.title, ruleExtGrammar, func(s *session) {
			s.dial()
			r := s.request().set("Sec-WebSocket-Extensions", v.offer)
			s.send(r.bytes())
			a := s.response()
			switch {
			case a.status == 101 && len(a.all("sec-websocket-extensions")) > 0:
				s.fail("the server accepted it: %q", a.all("sec-websocket-extensions"))
			case a.status == 101: // declined, which is as safe
			case a.status == 0:
				s.lenient(ruleBadStatus, "the server %s without an answer", s.endedOr("was silent"))
			case a.status < 400 || a.status > 499:
				s.lenient(ruleBadStatus, "the server answered %q, not an error of the client", a.line)
			}
		})
	}
}

// upgradedWithout is upgraded where no offered extension may be accepted.
func (s *session) upgradedWithout(r *request) {
	offered := r.get("Sec-WebSocket-Extensions")
	r.set("Sec-WebSocket-Extensions")
	s.upgraded(r)
	s.exchangeFrames(text("Hello, " + offered))
	s.quiet()
}

func origins(l *list) {
	l.add("origin-own", "The server's own origin", ruleOriginRefusal, func(s *session) {
		s.upgrade(s.request().set("Origin", s.target.origin))
		s.exchangeFrames(text("Hello"))
		s.quiet()
	})
	for _, v := range []struct {
		name, title string
		values      func(*target) []string
	}{
		{"origin-foreign", "The origin of another site", func(t *target) []string { return []string{"https://spout.example"} }},
		{"origin-null", "The origin null", func(t *target) []string { return []string{"null"} }},
		{"origin-suffix", "An origin whose host begins with the server's", func(t *target) []string { return []string{t.origin + ".spout.example"} }},
		{"origin-prefix", "An origin whose host ends with the server's", func(t *target) []string { return []string{strings.Replace(t.origin, "://", "://evil-", 1)} }},
		{"origin-userinfo", "An origin with the server as user name", func(t *target) []string { return []string{t.origin + "@spout.example"} }},
		{"origin-two", "Two origins, the first of them the server's", func(t *target) []string { return []string{t.origin, "https://spout.example"} }},
		{"origin-unparsable", "An origin that is none", func(t *target) []string { return []string{"http://["} }},
	} {
		l.add(v.name, v.title+" is refused", ruleOrigin, func(s *session) {
			s.dial()
			s.send(s.request().set("Origin", v.values(s.target)...).bytes())
			switch a := s.response(); {
			case a.status == 101:
				s.lenient(ruleOrigin, "the server takes connections from anywhere")
			case a.status == 0:
				s.lenient(ruleBadStatus, "the server %s without an answer", s.endedOr("was silent"))
			case a.status < 400:
				s.failRule(ruleOriginRefusal, "the server answered %q, not an error", a.line)
			case a.status > 499:
				s.lenient(ruleOriginRefusal, "the server answered %q, not an error of the client", a.line)
			}
		})
	}
}
