package conformance

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"time"
)

// visitor is the client that a case asks: this side is the server.
type visitor struct {
	check   *ClientChecker
	number  int            // of the case
	process *clientProcess // nil where somebody else started it
	first   *visit         // its first connection, where the case began with that
	visits  <-chan *visit  // its connections, as they come

	visit *visit // the connection at hand
	begun bool   // a frame has come on it
	masks [][4]byte
}

// frame notes the masking key of a frame that has come.
func (c *visitor) frame(key [4]byte) {
	c.masks = append(c.masks, key)
	if !c.begun {
		c.begun = true
		c.check.noteFirstMask(key)
	}
}

// visit is a connection of a client, of which the handshake has come.
type visit struct {
	conn    net.Conn
	request *request
	head    []byte // the request as it came
	bad     error  // what is wrong with its lines
	rest    []byte // what came behind it
	second  bool   // it came to the second address
}

// awaitRequest waits for the client's handshake.
func (s *session) awaitRequest() *request {
	v := s.nextVisit()
	switch p := s.client.process; {
	case v != nil:
	case p != nil && p.over():
		s.fail("the client %s, and it had not connected", p.how())
	default:
		s.fail("no handshake came in time")
	}
	s.take(v)
	if v.bad != nil {
		s.failRule(ruleValidHTTP, "the client's handshake is no HTTP: %v", v.bad)
	}
	return v.request
}

// nextVisit returns the client's next connection, or nil if none comes until the end of the case or
// of the client.
func (s *session) nextVisit() *visit { return s.nextVisitUntil(s.deadline) }

func (s *session) nextVisitUntil(until time.Time) *visit {
	c := s.client
	if v := c.first; v != nil {
		c.first = nil
		return v
	}
	var ended <-chan struct{}
	if c.process != nil {
		ended = c.process.done
	}
	select {
	case v := <-c.visits:
		return v
	case <-time.After(time.Until(until)):
		return nil
	case <-s.ctx.Done():
		return nil
	case <-ended:
	}
	// It has ended, but what it sent may still be on its way.
	select {
	case v := <-c.visits:
		return v
	case <-time.After(100 * time.Millisecond):
		return nil
	}
}

// take makes a visit the connection at hand, in place of an earlier one.
func (s *session) take(v *visit) {
	if s.conn != nil {
		s.hangUp()
		s.half, s.ended, s.fragment, s.pending = false, "", nil, nil
	}
	s.client.process.connected()
	s.attach(v.conn)
	s.client.visit, s.client.begun, s.in = v, false, v.rest
	s.exchange.add(Received, v.head)
	if len(v.rest) > 0 {
		s.exchange.add(Received, v.rest)
	}
}

// welcome opens the connection with a faultless answer.
func (s *session) welcome() {
	s.awaitRequest()
	s.send(s.answer().bytes())
}

// answer is the head of an HTTP response, every part of which may be wrong.
type answer struct {
	key            string // the client's
	line           string
	fields         []field
	colon, newline string
}

// answer returns the faultless answer to the client's handshake.
func (s *session) answer() *answer {
	keys := valuesOf(s.client.visit.request.fields, "Sec-WebSocket-Key")
	if len(keys) != 1 {
		s.failRule(ruleClientKey, "the client sent %d keys", len(keys))
	}
	return &answer{
		key: keys[0], line: "HTTP/1.1 101 Switching Protocols", colon: ": ", newline: "\r\n",
		fields: []field{
			{"Upgrade", "websocket"},
			{"Connection", "Upgrade"},
			{"Sec-WebSocket-Accept", acceptFor(keys[0])},
		},
	}
}

// set changes the values of a field as request.set does.
func (a *answer) set(name string, values ...string) *answer {
	a.fields = setField(a.fields, name, values)
	return a
}

// bytes is the answer on the wire.
func (a *answer) bytes() []byte {
	b := a.line + a.newline
	for _, f := range a.fields {
		b += f.name + a.colon + f.value + a.newline
	}
	return []byte(b + a.newline)
}

// refusal is a whole response that is no upgrade.
func refusal(status string, fields ...string) []byte {
	const body = "no WebSocket here\n"
	b := "HTTP/1.1 " + status + "\r\n"
	for _, f := range append(fields, "Content-Type: text/plain", fmt.Sprint("Content-Length: ", len(body)), "Connection: close") {
		b += f + "\r\n"
	}
	return []byte(b + "\r\n" + body)
}

// valuesOf returns the values of a field, whatever the case of its name.
func valuesOf(fields []field, name string) []string {
	var values []string
	for _, f := range fields {
		if strings.EqualFold(f.name, name) {
			values = append(values, strings.TrimSpace(f.value))
		}
	}
	return values
}

// elements returns the elements of a list field, whatever the case of its name.
func elements(fields []field, name string) []string {
	var all []string
	for _, v := range valuesOf(fields, name) {
		for e := range strings.SplitSeq(v, ",") {
			all = append(all, strings.TrimSpace(e))
		}
	}
	return all
}

// parseRequest reads the head of a request. It is strict about lines only: the cases judge the rest.
func parseRequest(head []byte) (*request, error) {
	lines := strings.Split(strings.TrimSuffix(string(head), "\r\n\r\n"), "\r\n")
	words := strings.Split(lines[0], " ")
	r := &request{colon: ": ", newline: "\r\n"}
	if len(words) != 3 {
		return r, fmt.Errorf("the request line %q has not three words", lines[0])
	}
	r.method, r.path, r.proto = words[0], words[1], words[2]
	for _, l := range lines[1:] {
		name, value, ok := strings.Cut(l, ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t") || strings.ContainsAny(value, "\r\n\x00") {
			return r, fmt.Errorf("the line %q is no header field", l)
		}
		r.fields = append(r.fields, field{name, strings.TrimSpace(value)})
	}
	return r, nil
}

// cutHead splits what has been read behind the head of a request, if it is whole.
func cutHead(b []byte) (head, rest []byte, whole bool) {
	i := bytes.Index(b, []byte("\r\n\r\n"))
	if i < 0 {
		return nil, nil, false
	}
	return b[:i+4], b[i+4:], true
}
