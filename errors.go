package spout

import (
	"errors"
	"fmt"
	"net/http"
)

// ErrFull is what [Conn.Send] answers when the peer is slower than what is sent to it, so that
// Options.SendLimit bytes wait already. Nothing was sent; the connection is unharmed. A handler
// that returns it closes the connection with 1013.
var ErrFull = errors.New("spout: send queue full (its bound is Options.SendLimit)")

// HandshakeError is an opening handshake that did not lead to a connection (RFC 6455, section 4).
// The open function of [Server.Handler] returns one to refuse a request; [Dial] returns one when
// the server's answer was not what it must be.
type HandshakeError struct {
	// Status is the HTTP status: of the server's answer, or to refuse with (0 means 403).
	Status int
	// Header is the header of the answer, or what to add to a refusal's.
	Header http.Header
	// Body is the answer's body, of which Dial keeps at most 4 KiB. A refusal without one
	// sends Reason.
	Body []byte
	// Reason says what was wrong.
	Reason string
}

func (e *HandshakeError) Error() string {
	if e.Status == 0 {
		return "spout: handshake: " + e.Reason
	}
	return fmt.Sprintf("spout: handshake: %s (HTTP status %d)", e.Reason, e.Status)
}

// UsageError is a call that can't be carried out as it was made: nothing was sent, and the
// connection is as before.
type UsageError struct {
	Op     string // what was asked for: "send", "read", "close", "ping", ...
	Reason string
}

func (e *UsageError) Error() string { return "spout: " + e.Op + ": " + e.Reason }
