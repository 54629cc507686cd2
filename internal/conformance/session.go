package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"
)

// session is one case being asked: its connection, what has come in, and the verdict so far.
// Only the case's own goroutine uses it; a second goroutine writes, so that a case never waits
// for a server that in turn waits for it.
type session struct {
	target   *target
	ctx      context.Context // ends with the case
	deadline time.Time
	patience time.Duration // how long an answer is awaited that may rightly not come

	conn     net.Conn
	out      chan []byte
	written  chan struct{} // closed when the writer is done
	half     bool          // nothing more can be sent
	in       []byte        // received, not yet parsed
	ended    string        // how the server ended the connection
	fragment *event        // the message of which fragments have come
	pending  *event        // the next event, where it was looked at already
	deflate  *deflation    // nil: messages are not compressed
	client   *visitor      // who is asked, where that is a client and not a server

	verdict  Verdict
	reason   string
	broken   Rule
	exchange exchange

	measuring measuring
	measured  []Figure
	others    []*session
}

// stopped is what a case panics with that ends early; ask recovers it.
type stopped struct{}

// fail ends the case.
func (s *session) fail(format string, args ...any) {
	s.failRule(Rule{}, format, args...)
}

// failRule ends the case because the server broke another rule than the case's own.
func (s *session) failRule(r Rule, format string, args ...any) {
	s.verdict, s.reason, s.broken = Fail, s.say(format, args...), r
	panic(stopped{})
}

// lenient notes what is not strict and goes on. The first reason stands.
func (s *session) lenient(r Rule, format string, args ...any) {
	if s.verdict == Pass {
		s.verdict, s.reason, s.broken = Lenient, s.say(format, args...), r
	}
}

// unsupported ends the case: it asks for what the server need not have, and has not.
func (s *session) unsupported(format string, args ...any) {
	s.verdict, s.reason, s.broken = Unsupported, fmt.Sprintf(format, args...), Rule{}
	panic(stopped{})
}

// stop ends the case with the verdict that it has.
func (s *session) stop() { panic(stopped{}) }

// say makes a sentence about who is asked. The scripts that servers and clients share speak of the
// server.
func (s *session) say(format string, args ...any) string {
	text := fmt.Sprintf(format, args...)
	if s.client != nil {
		text = strings.ReplaceAll(text, "the server", "the client")
	}
	return text
}

// dial connects and starts the writer.
func (s *session) dial() {
	conn, err := s.target.dial(s.ctx)
	if err != nil {
		s.fail("could not connect: %v", err)
	}
	s.attach(conn)
}

// attach takes a connection and starts the writer.
func (s *session) attach(conn net.Conn) {
	s.conn = conn
	conn.SetDeadline(s.deadline)
	s.out, s.written = make(chan []byte, 64), make(chan struct{})
	go func(out <-chan []byte) {
		defer close(s.written)
		for b := range out {
			if len(b) == 0 {
				wait(s.ctx, cutPause)
			} else if _, err := conn.Write(b); err != nil {
				// The reader will learn how the connection ended.
				for range out {
				}
				return
			}
		}
	}(s.out)
}

// cutPause lets the server read what has been written so far, before the writer goes on. Nothing
// depends on it but how the server sees the bytes cut.
const cutPause = time.Millisecond

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// hangUp closes the connection, and those that another gave, and waits for the writers.
func (s *session) hangUp() {
	for _, o := range s.others {
		o.hangUp()
		s.adopt("on another connection: ", o)
	}
	if s.conn == nil {
		return
	}
	s.conn.Close()
	if !s.half {
		s.half = true
		close(s.out)
	}
	<-s.written
}

// another returns a session for one more connection of the case, which ends with the case.
func (s *session) another() *session {
	o := &session{
		target: s.target, ctx: s.ctx, deadline: s.deadline, patience: s.patience,
		measuring: measuring{process: s.measuring.process}, verdict: Pass,
	}
	s.others = append(s.others, o)
	return o
}

// adopt takes the verdict of another session over, if it is worse; where says where that was.
func (s *session) adopt(where string, o *session) {
	if s.verdict != Fail && o.verdict == Fail || s.verdict == Pass && o.verdict == Lenient {
		s.verdict, s.reason, s.broken = o.verdict, where+o.reason, o.broken
		s.exchange.note(strings.TrimSuffix(where, ": "))
		s.exchange.transfers = append(s.exchange.transfers, o.exchange.transfers...)
	}
}

// send queues b to be written in one piece.
func (s *session) send(b []byte) {
	s.exchange.add(Sent, b)
	s.queue(b)
}

// sendFrames queues frames to be written in one piece.
func (s *session) sendFrames(frames ...frame) { s.send(s.wire(frames...)) }

// wire is frames as this side must send them: those of a client are masked, and those of a server
// are not.
func (s *session) wire(frames ...frame) []byte {
	if s.client == nil {
		return wire(frames...)
	}
	var b []byte
	for _, f := range frames {
		b = append(b, f.unmasked().bytes()...)
	}
	return b
}

// sendPieces queues pieces to be written one by one, with a pause between them.
func (s *session) sendPieces(pieces ...[]byte) {
	s.exchange.add(Sent, bytes.Join(pieces, nil))
	for i, p := range pieces {
		if i > 0 {
			s.queue(nil)
		}
		s.queue(p)
	}
}

func (s *session) queue(b []byte) {
	if s.half {
		return
	}
	select {
	case s.out <- b:
	case <-s.ctx.Done():
		s.fail("the server did not read what was sent")
	}
}

// halfClose ends the sending direction once everything queued is written.
func (s *session) halfClose() {
	s.half = true
	close(s.out)
	<-s.written
	s.exchange.note("this side ended its direction")
	closeWrite(s.conn)
}

// orderly is how a connection ends as it should.
const orderly = "closed the connection"

// fill reads more, until the given time. It returns false when the connection has ended, with
// s.ended set, or when the time is over.
func (s *session) fill(until time.Time) bool {
	if s.ended != "" {
		return false
	}
	s.conn.SetReadDeadline(until)
	buf := make([]byte, 64<<10)
	n, err := s.conn.Read(buf)
	if n > 0 {
		s.exchange.add(Received, buf[:n])
		s.in = append(s.in, buf[:n]...)
		return true
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return false
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		s.ended = orderly
	case errors.Is(err, syscall.ECONNRESET):
		s.ended = "reset the connection"
	default:
		s.ended = fmt.Sprintf("broke the connection (%v)", err)
	}
	s.exchange.note(s.say("the server %s", s.ended))
	return false
}

// kind tells what an event is.
type kind int

const (
	message kind = iota
	pongFrame
	closeFrame
	end     // the connection has ended
	silence // nothing came in time
)

// event is what a server did.
type event struct {
	kind kind
	op   byte   // of a message
	data []byte // of a message or a pong
	code int    // of a close; 1005 if it has none

	compressed bool // a message that came so
}

func (e event) String() string {
	switch e.kind {
	case message:
		return fmt.Sprintf("a %s message of %d bytes", opName(e.op), len(e.data))
	case pongFrame:
		return fmt.Sprintf("a pong with %d bytes", len(e.data))
	case closeFrame:
		if e.code == 1005 {
			return "a Close frame without a code"
		}
		return fmt.Sprintf("a Close frame with code %d", e.code)
	case end:
		return "the end of the connection"
	}
	return "nothing"
}

func opName(op byte) string {
	if op == opText {
		return "text"
	}
	return "binary"
}

// next returns what the server does next, until the case's deadline.
func (s *session) next() event { return s.nextUntil(s.deadline) }

// soon returns what the server does within the session's patience.
func (s *session) soon() event { return s.nextUntil(s.soonAt()) }

// soonAt is when the session's patience ends.
func (s *session) soonAt() time.Time {
	until := time.Now().Add(s.patience)
	if until.After(s.deadline) {
		until = s.deadline
	}
	return until
}

// nextUntil assembles messages, answers pings, and holds every frame of the server to the RFC.
func (s *session) nextUntil(until time.Time) event {
	if e := s.pending; e != nil {
		s.pending = nil
		return *e
	}
	for {
		f, n, bad := parse(s.in, s.client != nil, s.allowed())
		if bad != nil {
			s.failRule(bad.rule, "the server %s", bad.what)
		}
		if n == 0 {
			if s.fill(until) {
				continue
			}
			if s.ended != "" {
				return event{kind: end}
			}
			return event{kind: silence}
		}
		s.in = s.in[n:]
		if s.client != nil {
			s.client.frame(f.key)
		}
		switch f.op {
		case opClose:
			code := 1005
			if len(f.payload) > 0 {
				code = int(f.payload[0])<<8 | int(f.payload[1])
			}
			return event{kind: closeFrame, code: code, data: f.payload}
		case opPong:
			return event{kind: pongFrame, data: f.payload}
		case opPing:
			s.sendFrames(newFrame(opPong, f.payload))
		default:
			if e, whole := s.assemble(f); whole {
				return e
			}
		}
	}
}

// assemble adds a data frame of the server to its message.
func (s *session) assemble(f frame) (e event, whole bool) {
	switch {
	case f.op == opContinuation && s.fragment == nil:
		s.failRule(ruleFragments, "the server sent a continuation frame where no message had begun")
	case f.op != opContinuation && s.fragment != nil:
		s.failRule(ruleInterleave, "the server began a message before it had ended the last")
	case f.op != opContinuation:
		s.fragment = &event{kind: message, op: f.op, compressed: f.rsv == rsv1}
	}
	s.fragment.data = append(s.fragment.data, f.payload...)
	if !f.fin {
		return event{}, false
	}
	e, s.fragment = *s.fragment, nil
	if e.compressed {
		e.data = s.inflate(e.data)
	}
	if e.op == opText && !utf8.Valid(e.data) {
		s.failRule(ruleText, "the server sent a text message that is not UTF-8")
	}
	return e, true
}
