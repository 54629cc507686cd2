package conformance

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"strconv"
	"strings"
)

// exampleNonce is the key of the RFC's example.
const exampleNonce = "dGhlIHNhbXBsZSBub25jZQ=="

// field is a header field as it is written.
type field struct{ name, value string }

// request is an opening handshake, every part of which may be wrong.
type request struct {
	method, path, proto string
	fields              []field
	colon, newline      string // between name and value, and after each line
}

// request returns a faultless opening handshake.
func (s *session) request() *request {
	return &request{
		method: "GET", path: s.target.path, proto: "HTTP/1.1", colon: ": ", newline: "\r\n",
		fields: []field{
			{"Host", s.target.host},
			{"Upgrade", "websocket"},
			{"Connection", "Upgrade"},
			{"Sec-WebSocket-Key", exampleNonce},
			{"Sec-WebSocket-Version", "13"},
		},
	}
}

// set changes the values of a field: none removes it, several repeat it. Where it has none yet
// they come last.
func (r *request) set(name string, values ...string) *request {
	r.fields = setField(r.fields, name, values)
	return r
}

func setField(old []field, name string, values []string) []field {
	var fields []field
	for _, f := range old {
		if f.name != name {
			fields = append(fields, f)
			continue
		}
		for _, v := range values {
			fields = append(fields, field{name, v})
		}
		values = nil
	}
	for _, v := range values {
		fields = append(fields, field{name, v})
	}
	return fields
}

// get returns the first value of a field.
func (r *request) get(name string) string {
	for _, f := range r.fields {
		if strings.EqualFold(f.name, name) {
			return strings.TrimSpace(f.value)
		}
	}
	return ""
}

// bytes is the request on the wire.
func (r *request) bytes() []byte {
	b := r.method + " " + r.path + " " + r.proto + r.newline
	for _, f := range r.fields {
		b += f.name + r.colon + f.value + r.newline
	}
	return []byte(b + r.newline)
}

// response is what a server answers to a handshake; without an answer all of it is zero.
type response struct {
	line   string
	status int
	fields []field // names in lower case
}

// all returns the values of a field, and those of lists one by one.
func (r *response) all(name string) []string {
	var values []string
	for _, f := range r.fields {
		if f.name == name {
			for _, v := range strings.Split(f.value, ",") {
				values = append(values, strings.TrimSpace(v))
			}
		}
	}
	return values
}

// has reports whether a list has a value, in any case of letters.
func (r *response) has(name, value string) bool {
	for _, v := range r.all(name) {
		if strings.EqualFold(v, value) {
			return true
		}
	}
	return false
}

// largestHeader bounds the response.
const largestHeader = 64 << 10

// response reads the server's answer up to the empty line.
func (s *session) response() response {
	for {
		head, rest, found := bytes.Cut(s.in, []byte("\r\n\r\n"))
		if found {
			s.in = rest
			return s.parseResponse(string(head))
		}
		if len(s.in) > largestHeader {
			s.fail("the server's response header has no end within 64 KiB")
		}
		if !s.fill(s.deadline) {
			if len(s.in) > 0 {
				s.fail("the server %s in the middle of its response header", s.endedOr("stopped"))
			}
			return response{}
		}
	}
}

func (s *session) parseResponse(head string) response {
	lines := strings.Split(head, "\r\n")
	r := response{line: lines[0]}
	proto, rest, _ := strings.Cut(lines[0], " ")
	code, _, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(code)
	if err != nil || len(code) != 3 || !strings.HasPrefix(proto, "HTTP/1.") {
		s.fail("the server answered %q, which is not HTTP", r.line)
	}
	r.status = status
	for _, l := range lines[1:] {
		name, value, ok := strings.Cut(l, ":")
		if !ok {
			s.fail("the server's response has the line %q, which is no header field", l)
		}
		r.fields = append(r.fields, field{strings.ToLower(name), strings.TrimSpace(value)})
	}
	return r
}

// endedOr is how the server ended the connection, or other if it has not.
func (s *session) endedOr(other string) string {
	if s.ended == "" {
		return other
	}
	return s.ended
}

// acceptFor is the Sec-WebSocket-Accept that belongs to a key.
func acceptFor(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// open connects with a faultless handshake, or takes a client's. What it exchanged is not recorded:
// the case is about what follows.
func (s *session) open() {
	if s.client != nil {
		s.welcome()
	} else {
		s.upgrade(s.request())
	}
	s.exchange.transfers = nil
}

// upgrade connects with a handshake that the server must accept.
func (s *session) upgrade(r *request) {
	s.dial()
	s.send(r.bytes())
	s.upgraded(r)
}

// upgraded reads the answer to r and holds it to section 4.2.2.
func (s *session) upgraded(r *request) { s.judgeUpgrade(r, s.response()) }

func (s *session) judgeUpgrade(r *request, a response) {
	switch {
	case a.status == 0:
		s.failRule(rule101, "the server %s in place of an answer", s.endedOr("was silent"))
	case a.status != 101 || !strings.HasPrefix(a.line, "HTTP/1.1 "):
		s.failRule(rule101, "the server answered %q", a.line)
	case !a.has("upgrade", "websocket") || len(a.all("upgrade")) != 1:
		s.failRule(ruleUpgradeAnswer, "the response has Upgrade %q", a.all("upgrade"))
	case !a.has("connection", "upgrade"):
		s.failRule(ruleConnectionAnswer, "the response has Connection %q", a.all("connection"))
	}
	if got, want := a.all("sec-websocket-accept"), acceptFor(r.get("Sec-WebSocket-Key")); len(got) != 1 || got[0] != want {
		s.failRule(ruleAccept, "the response has Sec-WebSocket-Accept %q, not %q", got, want)
	}
	if got := a.all("sec-websocket-protocol"); len(got) > 0 && !r.offers("Sec-WebSocket-Protocol", got[0]) || len(got) > 1 {
		s.failRule(ruleNoSubprotocol, "the response has Sec-WebSocket-Protocol %q", got)
	}
	s.agree(r.values("Sec-WebSocket-Extensions"), a.values("sec-websocket-extensions"))
}

// values returns the values of a field, line by line.
func (r *request) values(name string) []string { return fieldValues(r.fields, name) }

// values returns the values of a field, line by line.
func (r *response) values(name string) []string { return fieldValues(r.fields, name) }

func fieldValues(fields []field, name string) []string {
	var values []string
	for _, f := range fields {
		if f.name == name {
			values = append(values, f.value)
		}
	}
	return values
}

// offers reports whether a list field of the request has an element with that name.
func (r *request) offers(name, element string) bool {
	for _, f := range r.fields {
		if f.name != name {
			continue
		}
		for _, e := range strings.Split(f.value, ",") {
			e, _, _ = strings.Cut(e, ";")
			if strings.TrimSpace(e) == element {
				return true
			}
		}
	}
	return false
}

// refused connects with a handshake that the server must not accept.
func (s *session) refused(request []byte) {
	s.dial()
	s.send(request)
	s.isRefusal(s.response())
}

// isRefusal judges the answer to a handshake that the server must not accept.
func (s *session) isRefusal(a response) {
	switch {
	case a.status == 101:
		s.fail("the server accepted it")
	case a.status == 0 && s.ended == "":
		s.failRule(ruleHandshakeGrammar, "the server did not answer")
	case a.status == 0:
		s.lenient(ruleBadStatus, "the server %s without an answer", s.ended)
	case a.status < 400 || a.status > 499 && a.status != 505:
		s.lenient(ruleBadStatus, "the server answered %q, not an error of the client", a.line)
	}
}
