package conformance

import (
	"fmt"
	"regexp"
	"strings"
)

func smugglingCases(l *list) {
	l.family = Smuggling
	secondRequests(l)
	framings(l)
	fieldSyntax(l)
	headerSizes(l)
	evilOrigins(l)
	targets(l)
	pipelined(l)
}

// smuggledKey is the key of a second handshake; its accept value can't come from anything else.
const smuggledKey = "c211Z2dsZWQgcmVxdWVzdA=="

// statusLine is the beginning of an answer.
var statusLine = regexp.MustCompile(`HTTP/1\.[01] [1-5][0-9][0-9]`)

// second is a faultless handshake that stands behind something else.
func (s *session) second() []byte {
	return s.request().set("Sec-WebSocket-Key", smuggledKey).bytes()
}

// rest returns what comes until the connection ends, or nothing more for a while.
func (s *session) rest() string {
	for len(s.in) < largestHeader && s.fill(s.soonAt()) {
	}
	return string(s.in)
}

// notAnswered checks that a second request got no answer. allowed says whether HTTP allows one.
func (s *session) notAnswered(allowed bool) {
	rest := s.rest()
	switch {
	case strings.Contains(rest, acceptFor(smuggledKey)) && !allowed:
		s.fail("the handshake that stood behind it was accepted")
	case strings.Contains(rest, acceptFor(smuggledKey)):
		s.lenient(adviceSmuggling, "the handshake that stood behind it was accepted")
	case statusLine.MatchString(rest) && !allowed:
		s.fail("what stood behind it was answered as well")
	case statusLine.MatchString(rest):
		s.lenient(adviceSmuggling, "what stood behind it was answered as well")
	case s.ended == "" && !allowed:
		s.fail("the server did not close the connection")
	case s.ended == "":
		s.lenient(adviceSmuggling, "the server did not close the connection")
	}
}

// behind is the script of a handshake that must be refused, with a faultless one behind it.
func behind(change func(*request), body string) func(*session) {
	return func(s *session) {
		r := s.request()
		change(r)
		s.dial()
		s.send(append(append(r.bytes(), body...), s.second()...))
		s.isRefusal(s.response())
		s.notAnswered(true)
	}
}

// secondRequests stand behind handshakes that fail.
func secondRequests(l *list) {
	for _, v := range []struct {
		name, title string
		change      func(*request)
	}{
		{"version", "of version 12", func(r *request) { r.set("Sec-WebSocket-Version", "12") }},
		{"no-version", "without a version", func(r *request) { r.set("Sec-WebSocket-Version") }},
		{"no-key", "without a key", func(r *request) { r.set("Sec-WebSocket-Key") }},
		{"no-connection", "without Connection", func(r *request) { r.set("Connection") }},
		{"keep-alive", "with Connection: keep-alive", func(r *request) { r.set("Connection", "keep-alive") }},
		{"other-upgrade", "to h2c", func(r *request) { r.set("Upgrade", "h2c") }},
		{"no-host", "without Host", func(r *request) { r.set("Host") }},
		{"post", "by POST", func(r *request) { r.method = "POST"; r.set("Content-Length", "0") }},
		{"http-1.0", "of HTTP/1.0", func(r *request) { r.proto = "HTTP/1.0" }},
		{"http-1.0-keep-alive", "of HTTP/1.0 with keep-alive", func(r *request) { r.proto = "HTTP/1.0"; r.set("Connection", "keep-alive, Upgrade") }},
	} {
		l.add("behind-"+v.name, "A handshake behind one "+v.title+" is not answered", ruleHandshakeGrammar, behind(v.change, ""))
	}
	l.add("behind-foreign-origin", "A handshake behind one that is refused for its origin is not answered", adviceSmuggling, func(s *session) {
		s.dial()
		s.send(append(s.request().set("Origin", "https://spout.example").bytes(), s.second()...))
		if a := s.response(); a.status != 101 {
			s.notAnswered(true)
		}
	})
	l.add("behind-handshake", "A handshake behind a good one is not answered: it is no frame", ruleRSV, func(s *session) {
		s.dial()
		s.send(append(s.request().bytes(), s.second()...))
		if a := s.response(); a.status != 101 {
			s.notAnswered(true)
			return
		}
		if rest := s.rest(); statusLine.MatchString(rest) {
			s.fail("the server answered it")
		}
		if e := s.soon(); e.kind != end || s.ended == "" {
			s.isFailure(e, 1002)
		}
	})
}

// framings say in a wrong or in two ways where the body of a handshake ends.
func framings(l *list) {
	// unframed is the script of a request whose end can't be known: it must be refused, and the
	// connection closed.
	unframed := func(fields []field, body string) func(*session) {
		return func(s *session) {
			r := s.request()
			r.fields = append(r.fields, fields...)
			s.dial()
			s.send(append(append(r.bytes(), body...), s.second()...))
			if a := s.response(); a.status != 501 { // which is for codings that are not known (RFC 9112, section 6.1)
				s.isRefusal(a)
			}
			s.notAnswered(false)
		}
	}
	const chunks = "5\r\nhello\r\n0\r\n\r\n"
	for _, v := range []struct {
		name, title string
		rule        Rule
		fields      []field
		body        string
	}{
		{"length-and-chunked", "Content-Length and Transfer-Encoding", ruleTwoFramings, []field{{"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}}, chunks},
		{"chunked-and-length", "Transfer-Encoding and Content-Length", ruleTwoFramings, []field{{"Transfer-Encoding", "chunked"}, {"Content-Length", "0"}}, chunks},
		{"two-lengths", "Two Content-Lengths that differ", ruleBadLength, []field{{"Content-Length", "0"}, {"Content-Length", "5"}}, "hello"},
		{"length-list", "Content-Length: 0, 5", ruleBadLength, []field{{"Content-Length", "0, 5"}}, "hello"},
		{"length-negative", "Content-Length: -1", ruleBadLength, []field{{"Content-Length", "-1"}}, ""},
		{"length-signed", "Content-Length: +5", ruleBadLength, []field{{"Content-Length", "+5"}}, "hello"},
		{"length-hex", "Content-Length: 0x5", ruleBadLength, []field{{"Content-Length", "0x5"}}, "hello"},
		{"length-spaced", "Content-Length: 1 0", ruleBadLength, []field{{"Content-Length", "1 0"}}, ""},
		{"length-word", "Content-Length: five", ruleBadLength, []field{{"Content-Length", "five"}}, "hello"},
		{"length-empty", "Content-Length without a value", ruleBadLength, []field{{"Content-Length", ""}}, ""},
		{"length-2e64", "Content-Length: 2^64, which is 0 in 64 bits", ruleBadLength, []field{{"Content-Length", "18446744073709551616"}}, ""},
		{"length-fraction", "Content-Length: 5.0", ruleBadLength, []field{{"Content-Length", "5.0"}}, "hello"},
		{"coding-last", "Transfer-Encoding: chunked, gzip", ruleNotChunked, []field{{"Transfer-Encoding", "chunked, gzip"}}, chunks},
		{"coding-unknown", "Transfer-Encoding: xchunked", ruleNotChunked, []field{{"Transfer-Encoding", "xchunked"}}, chunks},
		{"coding-gzip", "Transfer-Encoding: gzip", ruleNotChunked, []field{{"Transfer-Encoding", "gzip"}}, "hello"},
		{"coding-identity", "Transfer-Encoding: identity", ruleNotChunked, []field{{"Transfer-Encoding", "identity"}}, "hello"},
		{"coding-spaced-name", "A space between Transfer-Encoding and its colon", ruleColon, []field{{"Transfer-Encoding ", "chunked"}}, chunks},
		{"length-spaced-name", "A space between Content-Length and its colon", ruleColon, []field{{"Content-Length ", "5"}}, "hello"},
		{"coding-tabbed-name", "A tab between Transfer-Encoding and its colon", ruleColon, []field{{"Transfer-Encoding\t", "chunked"}}, chunks},
	} {
		l.add(v.name, v.title+": refused, and nothing behind it answered", v.rule, unframed(v.fields, v.body))
	}
	l.add("body-of-request", "A body that is a handshake itself is not answered as one", ruleAfterOpening, func(s *session) {
		body := s.second()
		s.dial()
		s.send(append(s.request().set("Content-Length", fmt.Sprint(len(body))).bytes(), body...))
		if a := s.response(); a.status == 0 {
			s.lenient(ruleBadStatus, "the server %s without an answer", s.endedOr("was silent"))
		}
		if rest := s.rest(); strings.Contains(rest, acceptFor(smuggledKey)) {
			s.fail("the body was answered as a handshake")
		}
	})
	l.add("body-unsent", "A body that is announced and never comes holds nothing up", adviceSmuggling, func(s *session) {
		s.dial()
		s.send(append(s.request().set("Content-Length", "1000").bytes(), "hello"...))
		if !s.fill(s.soonAt()) && s.ended == "" {
			s.lenient(adviceSmuggling, "the server waits for it")
		}
	})
	l.add("length-zero", "Content-Length: 0 is no body: the handshake is answered", ruleUnknownHeaders, func(s *session) {
		s.dial()
		s.send(s.request().set("Content-Length", "0").bytes())
		if a := s.response(); a.status != 101 {
			s.lenient(ruleUnknownHeaders, "the server answered %q", a.line)
		}
	})
}

// pipelined are frames in one piece with a good handshake.
func pipelined(l *list) {
	// behindHandshake is the script of frames that are answered after the handshake; a server that
	// takes none so early refuses the handshake or the connection, and loses nothing in silence.
	behindHandshake := func(frames []frame) func(*session) {
		return func(s *session) {
			s.dial()
			r := s.request()
			s.send(append(r.bytes(), wire(frames...)...))
			a := s.response()
			if a.status != 101 {
				s.isRefusal(a)
				return
			}
			e := s.next()
			if e.kind == silence || e.kind == end {
				s.lenient(ruleOpen, "%v came: the frames are lost", e)
				return
			}
			s.pending = &e
			s.answers(frames...)
			s.quiet()
		}
	}
	l.add("frames-with-handshake", "A message, a ping and a message in one piece with the handshake: answered, or all refused", ruleOpen,
		behindHandshake([]frame{text("first"), ping("second"), text("third")}))
	var many []frame
	for i := range 200 {
		many = append(many, bin(octets(300+i)))
	}
	l.add("many-frames-with-handshake", "80 KB of messages in one piece with the handshake: answered, or all refused", ruleOpen, behindHandshake(many))
	l.add("half-frame-with-handshake", "Half a message in one piece with the handshake, and then the rest", ruleOpen, func(s *session) {
		s.dial()
		r, f := s.request(), text("two halves")
		b := append(r.bytes(), f.bytes()...)
		s.sendPieces(b[:len(b)-5], b[len(b)-5:])
		a := s.response()
		if a.status != 101 {
			s.isRefusal(a)
			return
		}
		s.answers(f)
		s.quiet()
	})
	l.add("close-with-handshake", "A Close frame in one piece with the handshake", ruleCloseReply, func(s *session) {
		s.dial()
		s.send(append(s.request().bytes(), closing(closeBody(1000, "")).bytes()...))
		a := s.response()
		if a.status != 101 {
			s.isRefusal(a)
			return
		}
		s.closeReply(1000)
	})
}
