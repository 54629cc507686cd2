package conformance

import (
	"fmt"
	"strings"
)

// inserted is the script of a handshake with lines before its own fields.
func inserted(lines string, judge func(*session, response)) func(*session) {
	return func(s *session) {
		line, rest, _ := strings.Cut(string(s.request().bytes()), "\r\n")
		s.dial()
		s.send([]byte(line + "\r\n" + lines + rest))
		judge(s, s.response())
	}
}

// eitherWay judges the answer to a handshake that a server may take or refuse; if it takes it, it
// takes it whole.
func (s *session) eitherWay(a response) {
	if a.status != 101 {
		s.isRefusal(a)
		return
	}
	s.exchangeFrames(text("Hello"))
	s.quiet()
}

// fieldSyntax is what smuggles a field past one reader and not past another.
func fieldSyntax(l *list) {
	for _, v := range []struct{ name, title, lines string }{
		{"fold", "A field folded over two lines", "X-Field: one\r\n two\r\n"},
		{"fold-tab", "A field folded with a tab", "X-Field: one\r\n\ttwo\r\n"},
		{"fold-field", "A fold that looks like another version", "X-Field: one\r\n Sec-WebSocket-Version: 8\r\n"},
		{"fold-empty", "A fold of an empty value", "X-Field:\r\n two\r\n"},
	} {
		l.add(v.name, v.title+": refused, or read as one value", ruleFold, inserted(v.lines, (*session).eitherWay))
	}
	l.add("fold-first", "A line that begins with a space right after the request line: refused, or ignored", ruleLeadingSpace,
		inserted(" Sec-WebSocket-Version: 8\r\n", (*session).eitherWay))
	l.add("fold-connection", "Connection: keep-alive, with Upgrade on a folded line: refused, or read as one list", ruleFold, func(s *session) {
		s.dial()
		s.send(s.request().set("Connection", "keep-alive,\r\n Upgrade").bytes())
		s.eitherWay(s.response())
	})
	l.add("bare-lf", "Lines that end with LF alone: refused, or taken", ruleLineEnd, func(s *session) {
		r := s.request()
		r.newline = "\n"
		s.dial()
		s.send(r.bytes())
		s.eitherWay(s.response())
	})
	l.add("control-character", "The character 0x01 in a value: refused, or ignored", ruleCharacters,
		inserted("X-Field: a\x01b\r\n", (*session).eitherWay))
	for _, v := range []struct {
		name, title string
		rule        Rule
		change      func(*request)
	}{
		{"cr-in-version", "Version 13, a CR and more", ruleBareCR, func(r *request) { r.set("Sec-WebSocket-Version", "13\rX: y") }},
		{"cr-in-connection", "Connection: Upgrade, a CR and more", ruleBareCR, func(r *request) { r.set("Connection", "Upgrade\rX: y") }},
		{"cr-in-upgrade", "Upgrade: websocket, a CR and more", ruleBareCR, func(r *request) { r.set("Upgrade", "websocket\rX: y") }},
		{"cr-hides-field", "The version behind a CR within another field", ruleBareCR, func(r *request) {
			r.set("Sec-WebSocket-Version").set("X-Field", "a\rSec-WebSocket-Version: 13")
		}},
		{"nul-in-version", "A NUL within the version", ruleCharacters, func(r *request) { r.set("Sec-WebSocket-Version", "1\x003") }},
		{"nul-in-connection", "A NUL within Connection", ruleCharacters, func(r *request) { r.set("Connection", "Up\x00grade") }},
		{"nul-in-name", "A NUL within a field's name", ruleFieldName, func(r *request) { r.rename("Sec-WebSocket-Key", "Sec-WebSocket\x00-Key") }},
		{"underscore", "Sec_WebSocket_Key with underscores", ruleFieldName, func(r *request) { r.rename("Sec-WebSocket-Key", "Sec_WebSocket_Key") }},
		{"dotless", "SecWebSocketKey without hyphens", ruleFieldName, func(r *request) { r.rename("Sec-WebSocket-Key", "SecWebSocketKey") }},
		{"key-spaced-name", "A space between Sec-WebSocket-Key and its colon", ruleColon, func(r *request) { r.rename("Sec-WebSocket-Key", "Sec-WebSocket-Key ") }},
		{"upgrade-spaced-name", "A space between Upgrade and its colon", ruleColon, func(r *request) { r.rename("Upgrade", "Upgrade ") }},
		{"version-8-and-13", "Two versions, 8 and 13", ruleHandshakeGrammar, func(r *request) { r.set("Sec-WebSocket-Version", "8", "13") }},
		{"version-list", "Version: 13, 8", ruleHandshakeGrammar, func(r *request) { r.set("Sec-WebSocket-Version", "13, 8") }},
	} {
		l.add(v.name, v.title, v.rule, refuses(v.change))
	}
	// The grammar has one version and one key, of 16 bytes; but a server need not decode the key, and
	// one that reads the first of two does no harm by it.
	for _, v := range []struct {
		name, title, header string
		values              []string
	}{
		{"version-13-and-8", "Two versions, 13 and 8", "Sec-WebSocket-Version", []string{"13", "8"}},
		{"version-twice", "The version 13 twice", "Sec-WebSocket-Version", []string{"13", "13"}},
		{"nul-in-key", "A NUL within the key", "Sec-WebSocket-Key", []string{"dGhlIHNh\x00bXBsZSBub25jZQ=="}},
		{"key-twice", "The same key twice", "Sec-WebSocket-Key", []string{exampleNonce, exampleNonce}},
	} {
		l.add(v.name, v.title, ruleHandshakeGrammar, func(s *session) {
			s.dial()
			s.send(s.request().set(v.header, v.values...).bytes())
			if a := s.response(); a.status == 101 {
				s.lenient(ruleHandshakeGrammar, "the server takes it")
			} else {
				s.isRefusal(a)
			}
		})
	}
	for _, v := range []struct{ name, title, host string }{
		{"host-spaced", "A Host with a space", "spout example"},
		{"host-slash", "A Host with a path", "spout.example/evil"},
		{"host-user", "A Host with a user name", "evil@spout.example"},
	} {
		l.add(v.name, v.title, ruleOneHost, func(s *session) {
			s.dial()
			s.send(s.request().set("Host", v.host).bytes())
			if a := s.response(); a.status == 101 {
				s.lenient(ruleOneHost, "the server takes any Host")
			} else {
				s.isRefusal(a)
			}
		})
	}
	for _, v := range []struct{ name, title, value string }{
		{"upgrade-list", "Upgrade: h2c, websocket", "h2c, websocket"},
		{"upgrade-version", "Upgrade: websocket/13", "websocket/13"},
	} {
		l.add(v.name, v.title+": taken, or refused", ruleUpgrade, func(s *session) {
			s.dial()
			s.send(s.request().set("Upgrade", v.value).bytes())
			s.eitherWay(s.response())
		})
	}
}

// rename changes the name of a field.
func (r *request) rename(from, to string) {
	r.eachName(func(name string) string {
		if name == from {
			return to
		}
		return name
	})
}

// headerSizes are headers larger than any server should read.
func headerSizes(l *list) {
	for _, v := range []struct {
		name, title string
		lines       func() string
	}{
		{"field-64KiB", "A field of 64 KiB: taken, or refused", func() string { return "X-Field: " + letters(64*kib) + "\r\n" }},
		{"fields-1000", "A thousand fields: taken, or refused", func() string { return manyFields(1000) }},
	} {
		l.add(v.name, v.title, ruleFieldSize, func(s *session) { inserted(v.lines(), (*session).eitherWay)(s) })
	}
	for _, v := range []struct {
		name, title string
		bytes       func(s *session) string
	}{
		{"endless-line", "A request line of 16 MiB", func(s *session) string { return "GET /" + letters(16*mib) }},
		{"endless-field", "A field of 16 MiB", func(s *session) string { return s.openHeader() + "X-Field: " + letters(16*mib) }},
		{"endless-name", "A field's name of 16 MiB", func(s *session) string { return s.openHeader() + letters(16*mib) }},
		{"endless-fields", "300,000 fields", func(s *session) string { return s.openHeader() + manyFields(300_000) }},
		{"endless-folds", "16 MiB of folds of one field", func(s *session) string {
			return s.openHeader() + "X-Field: a\r\n" + strings.Repeat(" b\r\n", 4*mib)
		}},
		{"endless-newlines", "16 MiB of empty lines before the request", func(s *session) string { return strings.Repeat("\r\n", 8*mib) }},
	} {
		c := l.add(v.name, v.title+", without an end: not read to the end", adviceHeader, func(s *session) {
			s.dial()
			b := v.bytes(s)
			s.begin()
			s.send([]byte(b))
			for s.fill(s.soonAt()) && len(s.in) < largestHeader {
			}
			switch {
			case strings.HasPrefix(string(s.in), "HTTP/1.1 101"):
				s.fail("the server accepted it")
			case s.ended == "" && len(s.in) == 0:
				s.lenient(adviceHeader, "the server reads on, and does not answer")
			}
		})
		c.exclusive, c.bounds = true, bounds{memory: 8 * mib}
	}
}

// openHeader is the beginning of a faultless handshake, without its end.
func (s *session) openHeader() string {
	return strings.TrimSuffix(string(s.request().bytes()), "\r\n")
}

func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "X-Field-%d: of no meaning, and %s\r\n", i, strings.Repeat("long", 5))
	}
	return b.String()
}
