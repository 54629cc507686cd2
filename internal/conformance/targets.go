package conformance

import "strings"

// evilOrigins are origins that a careless check takes for the server's own. Whether foreign
// origins are refused at all is the server's affair; if they are, these must be.
func evilOrigins(l *list) {
	for _, v := range []struct {
		name, title string
		values      func(own string) []string
	}{
		{"origin-null", "The origin null", func(string) []string { return []string{"null"} }},
		{"origin-second", "Two origins, the second of them the server's", func(own string) []string { return []string{"https://spout.example", own} }},
		{"origin-first", "Two origins, the first of them the server's", func(own string) []string { return []string{own, "https://spout.example"} }},
		{"origin-list", "The server's origin and another in one field", func(own string) []string { return []string{own + ", https://spout.example"} }},
		{"origin-spaced", "The server's origin, a space and another", func(own string) []string { return []string{own + " https://spout.example"} }},
		{"origin-host-suffix", "An origin whose host begins with the server's", func(own string) []string { return []string{own + ".spout.example"} }},
		{"origin-host-prefix", "An origin whose host ends with the server's", func(own string) []string { return []string{strings.Replace(own, "://", "://evil-", 1)} }},
		{"origin-user", "An origin with the server as user name", func(own string) []string { return []string{own + "@spout.example"} }},
		{"origin-password", "An origin with the server as user name and password", func(own string) []string { return []string{own + ":80@spout.example"} }},
		{"origin-backslash", "An origin with the server behind a backslash", func(own string) []string {
			return []string{strings.Replace(own, "://", "://spout.example\\@", 1)}
		}},
		{"origin-fragment", "An origin with the server in its fragment", func(own string) []string { return []string{"https://spout.example#" + own} }},
		{"origin-query", "An origin with the server in its query", func(own string) []string { return []string{"https://spout.example?" + own} }},
		{"origin-path", "An origin with the server in its path", func(own string) []string { return []string{"https://spout.example/" + own} }},
		{"origin-port", "The server's host and another port", func(own string) []string { return []string{own[:strings.LastIndexByte(own, ':')+1] + "1"} }},
		{"origin-encoded", "An origin whose host is the server's, encoded", func(own string) []string {
			return []string{strings.Replace(own, "://", "://%65vil.example%2f", 1)}
		}},
		{"origin-scheme", "The server's host with the scheme ftp", func(own string) []string { return []string{"ftp" + own[strings.IndexByte(own, ':'):]} }},
		{"origin-unparsable", "An origin that is none", func(string) []string { return []string{"http://["} }},
	} {
		l.add(v.name, v.title+" is refused, if foreign origins are", adviceOrigin, func(s *session) {
			o := s.another()
			o.dial()
			o.send(o.request().set("Origin", "https://spout.example").bytes())
			a := o.response()
			o.hangUp()
			if a.status == 101 {
				s.exchange.note("the server takes connections from anywhere")
				return
			}
			s.dial()
			s.send(s.request().set("Origin", v.values(s.target.origin)...).bytes())
			s.isRefusal(s.response())
		})
	}
}

// targets are request lines that a handshake does not have.
func targets(l *list) {
	line := func(line string) func(*session) {
		return func(s *session) {
			_, rest, _ := strings.Cut(string(s.request().bytes()), "\r\n")
			s.dial()
			s.send([]byte(strings.ReplaceAll(line, "/path", s.target.path) + "\r\n" + rest))
			if a := s.response(); a.status/100 != 3 { // a redirect leads elsewhere, and not into a WebSocket
				s.isRefusal(a)
			}
		}
	}
	for _, v := range []struct {
		name, title string
		rule        Rule
		line        string
	}{
		{"target-none", "A request line without a target", ruleHandshakeGrammar, "GET HTTP/1.1"},
		{"target-empty", "A request line with two spaces and no target", ruleHandshakeGrammar, "GET  HTTP/1.1"},
		{"target-spaced", "A target with a space", ruleHandshakeGrammar, "GET /path /evil HTTP/1.1"},
		{"target-two-versions", "A request line with two versions", ruleHandshakeGrammar, "GET /path HTTP/1.1 HTTP/1.1"},
		{"target-nul", "A target with a NUL", ruleHandshakeGrammar, "GET /path\x00 HTTP/1.1"},
		{"method-connect", "CONNECT with a host and a port", ruleRequestLine, "CONNECT spout.example:80 HTTP/1.1"},
		{"method-two", "A method of two words", ruleHandshakeGrammar, "GET GET /path HTTP/1.1"},
		{"version-lower", "http/1.1 in lower case", ruleHTTPVersion, "GET /path http/1.1"},
		{"version-spaced", "HTTP/1.1 with a space in it", ruleHandshakeGrammar, "GET /path HTTP/ 1.1"},
		{"version-long", "HTTP/1.10", ruleHandshakeGrammar, "GET /path HTTP/1.10"},
		{"version-short", "HTTP/1", ruleHandshakeGrammar, "GET /path HTTP/1"},
		{"version-0.9", "HTTP/0.9", ruleRequestLine, "GET /path HTTP/0.9"},
	} {
		l.add(v.name, v.title, v.rule, line(v.line))
	}
	// What these name is no resource, or a strange one; but a server that does not look at the
	// target does no harm.
	for _, v := range []struct {
		name, title string
		rule        Rule
		line        string
	}{
		{"target-asterisk", "The target *", ruleAsterisk, "GET * HTTP/1.1"},
		{"target-relative", "A target without a slash", ruleBadLine, "GET evil HTTP/1.1"},
		{"target-authority", "A target that is a host and a port", ruleAuthority, "GET spout.example:80 HTTP/1.1"},
		{"target-cr", "A target and a CR, which is whitespace of a kind", ruleWords, "GET /path\r HTTP/1.1"},
		{"method-space", "A request line that begins with a space", ruleWords, " GET /path HTTP/1.1"},
		{"version-1.2", "HTTP/1.2, which is higher than 1.1", ruleRequestLine, "GET /path HTTP/1.2"},
		{"version-2.0", "HTTP/2.0 in the form of HTTP/1.1", ruleRequestLine, "GET /path HTTP/2.0"},
		{"version-3.0", "HTTP/3.0 in the form of HTTP/1.1", ruleRequestLine, "GET /path HTTP/3.0"},
	} {
		l.add(v.name, v.title+": refused, or taken", v.rule, func(s *session) {
			_, rest, _ := strings.Cut(string(s.request().bytes()), "\r\n")
			s.dial()
			s.send([]byte(strings.ReplaceAll(v.line, "/path", s.target.path) + "\r\n" + rest))
			switch a := s.response(); {
			case a.status == 101 && v.name != "version-1.2":
				s.lenient(v.rule, "the server takes it")
			case a.status != 101 && a.status/100 != 3:
				s.isRefusal(a)
			}
		})
	}
	for _, v := range []struct{ name, title, bytes string }{
		{"http2", "The preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"},
		{"tls", "The beginning of TLS", "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + strings.Repeat("\x5a", 154)},
		{"flash", "The request of another protocol", "<policy-file-request/>\x00"},
	} {
		l.add(v.name, v.title+" is not taken for a handshake", ruleHandshakeGrammar, func(s *session) {
			s.dial()
			s.send([]byte(v.bytes))
			s.halfClose()
			for s.fill(s.deadline) && len(s.in) < largestHeader {
			}
			switch {
			case strings.HasPrefix(string(s.in), "HTTP/1.1 101"):
				s.fail("the server accepted it")
			case s.ended == "":
				s.fail("the server did not close the connection")
			}
		})
	}
}
