package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// poured is the most that a flood sends; it is far more than a client may take for it.
const poured = 160 * mib

// pour sends first, and then piece again and again, until the client takes no more or poured is
// reached. It returns how many bytes the client's system took. Nothing else can be sent after it.
func (s *session) pour(first, piece []byte) (sent int, stuck bool) {
	s.half = true
	close(s.out)
	<-s.written
	s.exchange.add(Sent, append(bytes.Clone(first), piece...))
	piece = bytes.Repeat(piece, max(1, 64*kib/len(piece)))
	for b := first; sent < poured; b = piece {
		s.conn.SetWriteDeadline(time.Now().Add(s.patience))
		n, err := s.conn.Write(b)
		sent += n
		if err != nil {
			stuck = errors.Is(err, os.ErrDeadlineExceeded)
			break
		}
	}
	s.exchange.note(fmt.Sprintf("%d bytes were sent", sent))
	return sent, stuck
}

// hasEnded reports whether the client has ended its direction, whatever it sent before.
func (s *session) hasEnded() bool {
	for s.fill(s.soonAt()) {
	}
	return s.ended != ""
}

// endless is the script of an answer that has none. The client gives it up.
func endless(first string, piece []byte) func(*session) {
	return func(s *session) {
		s.awaitRequest()
		sent, stuck := s.pour([]byte(first), piece)
		switch {
		case stuck && !s.hasEnded():
			s.lenient(ruleUnlimited, "the client took %d MiB, and then no more, but did not close the connection", sent/mib)
		case sent >= poured:
			s.lenient(ruleUnlimited, "the client took %d MiB of it", sent/mib)
		}
	}
}

func clientFloodCases(l *list) {
	l.family = Floods
	const upgrade = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	const refused = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\n"
	field := "X-Filler: " + strings.Repeat("x", 1000) + "\r\n"
	chunk := "400\r\n" + strings.Repeat("x", 1024) + "\r\n"
	for _, v := range []struct{ name, title, first, piece string }{
		{"fields", "An answer whose fields have no end", upgrade, field},
		{"fields-small", "An answer with small fields without end", upgrade, "a:b\r\n"},
		{"field-line", "An answer whose first field has no end", upgrade + "X-Filler: ", strings.Repeat("x", 1024)},
		{"status-line", "A status line without end", "HTTP/1.1 101 ", "Switching "},
		{"folded", "A field that is continued without end", upgrade + "X-Filler: x\r\n", " " + strings.Repeat("x", 1000) + "\r\n"},
		{"interim", "Interim responses without end", "", "HTTP/1.1 100 Continue\r\n\r\n"},
		{"refusal-fields", "A refusal whose fields have no end", refused, field},
		{"body", "A refusal whose body has no end", refused + "Connection: close\r\n\r\n", strings.Repeat("x", 1024)},
		{"body-chunked", "A refusal with chunks without end", refused + "Transfer-Encoding: chunked\r\n\r\n", chunk},
		{"body-length", "A refusal whose body has 2^40 bytes", refused + "Content-Length: 1099511627776\r\n\r\n", strings.Repeat("x", 1024)},
		{"trailers", "A refusal whose trailer fields have no end", refused + "Transfer-Encoding: chunked\r\n\r\n0\r\n", field},
		{"redirect-body", "A redirect whose body has no end", "HTTP/1.1 302 Found\r\nLocation: /case/0\r\n\r\n", strings.Repeat("x", 1024)},
	} {
		c := l.add(v.name, v.title, ruleUnlimited, endless(v.first, []byte(v.piece)))
		c.large, c.bounds.memory = true, clientMemory
	}
	for _, v := range []struct {
		name, title string
		first       frame
		piece       frame
	}{
		{"message", "A message whose fragments have no end", bin(octets(1024)).part(), newFrame(opContinuation, octets(16*kib)).part()},
		{"text", "A text whose fragments have no end", text(letters(1024)).part(), cont(letters(16 * kib)).part()},
		{"fragments-empty", "Empty fragments without end", text("x").part(), cont("").part()},
		{"fragments-tiny", "Fragments of one byte without end", text("x").part(), cont("x").part()},
	} {
		c := l.add(v.name, v.title, ruleLimits, func(s *session) {
			s.open()
			if sent, _ := s.pour(v.first.unmasked().bytes(), v.piece.unmasked().bytes()); sent >= poured {
				s.lenient(ruleLimits, "the client took %d MiB of it", sent/mib)
			}
		})
		c.large, c.bounds.memory = true, clientMemory
	}
	for _, v := range []struct {
		name, title string
		piece       frame
	}{
		{"pings", "Pings without end, while no pong is read", ping(letters(125))},
		{"pongs", "Pongs without end", pong(letters(125))},
		{"messages", "Messages without end, while no echo is read", bin(octets(8 * kib))},
	} {
		// Whether a client takes them all is its own affair, but not whether it keeps them.
		c := l.add(v.name+"-unread", v.title, adviceClientMemory, func(s *session) {
			s.open()
			s.pour(nil, v.piece.unmasked().bytes())
		})
		c.large, c.bounds.memory = true, clientMemory
	}
}
