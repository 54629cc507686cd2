package conformance

import (
	"fmt"
	"strings"
)

// refuses is the script of a handshake that a server must refuse.
func refuses(change func(*request)) func(*session) {
	return func(s *session) {
		r := s.request()
		change(r)
		s.refused(r.bytes())
	}
}

// otherVersion is the script of a version that a server must refuse, naming version 13; but
// section 4.4 lets it understand drafts besides.
func otherVersion(version string, draft bool) func(*session) {
	return func(s *session) {
		s.dial()
		s.send(s.request().set("Sec-WebSocket-Version", version).bytes())
		a := s.response()
		if a.status == 101 && draft {
			s.lenient(Rule{}, "the server understands this draft")
			return
		}
		s.isRefusal(a)
		if a.status != 0 && !a.has("sec-websocket-version", "13") {
			s.fail("the answer %q has no Sec-WebSocket-Version: 13", a.line)
		}
	}
}

func refusedHandshakes(l *list) {
	for _, method := range []string{"POST", "PUT", "HEAD", "OPTIONS", "get"} {
		l.add("method-"+method, "The method "+method, ruleRequestLine, refuses(func(r *request) { r.method = method }))
	}
	l.add("http-1.0", "HTTP/1.0", ruleRequestLine, refuses(func(r *request) { r.proto = "HTTP/1.0" }))
	l.add("http-0.9", "A request line without a version", ruleRequestLine, refuses(func(r *request) { r.proto = "" }))
	l.add("http-x", "A version that is not HTTP", ruleRequestLine, refuses(func(r *request) { r.proto = "HTTX/1.1" }))

	for _, v := range []struct {
		name, title string
		rule        Rule
		header      string
		values      []string
	}{
		{"host-none", "No Host", ruleHost, "Host", nil},
		{"host-two", "Two Hosts", ruleValidHTTP, "Host", []string{"a.example", "b.example"}},
		{"upgrade-none", "No Upgrade", ruleUpgrade, "Upgrade", nil},
		{"upgrade-other", "Upgrade: h2c", ruleUpgrade, "Upgrade", []string{"h2c"}},
		{"upgrade-longer", "Upgrade: websockets", ruleUpgrade, "Upgrade", []string{"websockets"}},
		{"upgrade-empty", "Upgrade without a value", ruleUpgrade, "Upgrade", []string{""}},
		{"connection-none", "No Connection", ruleConnection, "Connection", nil},
		{"connection-other", "Connection: keep-alive", ruleConnection, "Connection", []string{"keep-alive"}},
		{"connection-longer", "Connection: upgraded", ruleConnection, "Connection", []string{"upgraded"}},
		{"connection-spaced", "Connection: keep-alive Upgrade, which is not a list", ruleConnection, "Connection", []string{"keep-alive Upgrade"}},
		{"key-none", "No Sec-WebSocket-Key", ruleKey, "Sec-WebSocket-Key", nil},
		{"key-empty", "An empty key", ruleKey, "Sec-WebSocket-Key", []string{""}},
		{"version-none", "No Sec-WebSocket-Version", ruleVersion, "Sec-WebSocket-Version", nil},
		{"version-empty", "An empty version", ruleVersion, "Sec-WebSocket-Version", []string{""}},
		{"version-zeros", "Version 013: leading zeros are not in the grammar", ruleVersion, "Sec-WebSocket-Version", []string{"013"}},
		{"version-words", "Version thirteen", ruleVersion, "Sec-WebSocket-Version", []string{"thirteen"}},
	} {
		l.add(v.name, v.title, v.rule, refuses(func(r *request) { r.set(v.header, v.values...) }))
	}
	for _, v := range []string{"0", "12", "14", "25", "130", "255"} {
		l.add("version-"+v, "Version "+v+" is refused and 13 named", ruleOtherVersion, otherVersion(v, false))
	}
	for _, v := range []string{"7", "8"} {
		l.add("version-"+v, "Version "+v+", an early draft, is refused and 13 named", ruleOtherVersion, otherVersion(v, true))
	}
	for _, v := range []struct {
		name, title string
		values      []string
	}{
		{"key-15", "A key of 15 bytes", []string{"AQIDBAUGBwgJCgsMDQ4P"}},
		{"key-17", "A key of 17 bytes", []string{"AQIDBAUGBwgJCgsMDQ4PEBE="}},
		{"key-not-base64", "A key that is not base64", []string{"this is not a key value!"}},
		{"key-url-base64", "A key in the alphabet of base64url", []string{"_____________________w=="}},
		{"key-unpadded", "A key without its padding", []string{"AQIDBAUGBwgJCgsMDQ4PEA"}},
		{"key-two", "Two keys", []string{exampleNonce, "AQIDBAUGBwgJCgsMDQ4PEA=="}},
	} {
		// Section 4.2.2 allows a server not to decode the key; so accepting these is lenient.
		l.add(v.name, v.title, ruleKey, func(s *session) {
			s.dial()
			s.send(s.request().set("Sec-WebSocket-Key", v.values...).bytes())
			switch a := s.response(); {
			case a.status == 101:
				s.lenient(Rule{}, "the server does not check the key")
			case a.status == 0:
				s.lenient(ruleBadStatus, "the server %s without an answer", s.endedOr("was silent"))
			case a.status < 400 || a.status > 499:
				s.lenient(ruleBadStatus, "the server answered %q, not an error of the client", a.line)
			}
		})
	}
	l.add("draft-76", "The handshake of draft 76, with Key1 and Key2", ruleVersion, func(s *session) {
		r := s.request().set("Sec-WebSocket-Key").set("Sec-WebSocket-Version").
			set("Sec-WebSocket-Key1", "18x 6]8vM;54 *(5:  {   U1]8  z [  8").
			set("Sec-WebSocket-Key2", "1_ tx7X d  <  nw  334J702) 7]o}` 0")
		s.refused(append(r.bytes(), "Tm[K T2u"...))
	})
	l.add("not-an-upgrade", "An ordinary GET is not answered with 101", ruleUpgrade, func(s *session) {
		s.dial()
		s.send(s.request().set("Upgrade").set("Connection").set("Sec-WebSocket-Key").set("Sec-WebSocket-Version").bytes())
		if a := s.response(); a.status == 101 || a.status == 0 {
			s.fail("the server answered %q", a.line)
		}
	})
	for _, v := range []struct {
		name, title string
		insert      string
	}{
		{"field-space-before-colon", "A space between a field's name and its colon", "X-Field : value\r\n"},
		{"field-no-colon", "A field without a colon", "X-Field\r\n"},
		{"field-nul", "A NUL in a field's value", "X-Field: a\x00b\r\n"},
		{"field-no-name", "A field without a name", ": value\r\n"},
	} {
		l.add(v.name, v.title, ruleHandshakeGrammar, func(s *session) {
			line, rest, _ := strings.Cut(string(s.request().bytes()), "\r\n")
			s.refused([]byte(line + "\r\n" + v.insert + rest))
		})
	}
	l.add("cut-off", "The handshake ends before its last line", ruleHandshakeGrammar, func(s *session) {
		s.dial()
		b := s.request().bytes()
		s.send(b[:len(b)-2])
		s.halfClose()
		switch a := s.response(); {
		case a.status == 101:
			s.fail("the server accepted it")
		case a.status == 0 && s.ended == "":
			s.failRule(ruleHandshakeGrammar, "the server did not close the connection")
		}
	})
	l.add("frames-at-once", "Frames in place of a handshake", ruleHandshakeGrammar, func(s *session) {
		s.dial()
		s.sendFrames(text("Hello"), text("\r\n\r\n"))
		s.halfClose()
		for s.fill(s.deadline) {
			if len(s.in) > largestHeader {
				break
			}
		}
		if s.ended == "" {
			s.fail("the server did not close the connection")
		}
		if strings.HasPrefix(string(s.in), "HTTP/1.1 101") || strings.Contains(string(s.in), "\x05Hello") {
			s.fail("the server answered %q", head(s.in, 40))
		}
	})
}

func strayBytes(l *list) {
	l.add("early-frame", "A frame in the same segment as the handshake is answered after it, or refused", ruleOpen, func(s *session) {
		s.dial()
		r := s.request()
		s.send(append(r.bytes(), text("early").bytes()...))
		if a := s.response(); a.status != 101 {
			if a.status < 400 {
				s.lenient(ruleBadStatus, "the server %s without an answer", s.endedOr("was silent"))
			}
			return
		}
		switch e := s.soon(); {
		case e.kind == message:
			s.compare(e, event{kind: message, op: opText, data: []byte("early")})
		case e.kind == closeFrame:
		default:
			s.lenient(ruleOpen, "%v came: the frame is lost", e)
		}
	})
	hidden := text("hidden").bytes()
	for _, v := range []struct {
		name, title string
		header      field
		body        []byte
	}{
		{"body", "A body on the request is not taken for frames", field{"Content-Length", fmt.Sprint(len(hidden))}, hidden},
		{"body-chunked", "A chunked body on the request is not taken for frames", field{"Transfer-Encoding", "chunked"},
			[]byte(fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(hidden), hidden))},
	} {
		l.add(v.name, v.title, ruleAfterOpening, func(s *session) {
			s.dial()
			r := s.request().set(v.header.name, v.header.value)
			s.send(append(r.bytes(), v.body...))
			if a := s.response(); a.status != 101 {
				if a.status == 0 {
					s.lenient(ruleBadStatus, "the server %s without an answer", s.endedOr("was silent"))
				}
				return
			}
			s.sendFrames(text("open"))
			e := s.next()
			if e.kind == message && string(e.data) == "open" {
				return
			}
			s.fail("the body of the request was read as frames: %v came for the first message", e)
		})
	}
}
