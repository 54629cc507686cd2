package hub

import (
	"net/http"

	"github.com/spoutws/spout"
)

// FromRequest returns what a client asks for in the URL of its handshake. With a parameter "position" it wants
// envelopes, and, if that is not empty, what was published since:
//
//	wss://example.com/rooms/lobby?position=k3f9:17
//
// That is what package client and its script send. The error, for a position that is none, is a
// *spout.HandshakeError with status 400.
func FromRequest(r *http.Request) (JoinOptions, error) {
	q := r.URL.Query()
	if !q.Has("position") {
		return JoinOptions{}, nil
	}
	since, err := ParsePosition(q.Get("position"))
	if err != nil {
		return JoinOptions{}, &spout.HandshakeError{Status: http.StatusBadRequest, Reason: "?position=: " + err.Error()}
	}
	return JoinOptions{Envelope: true, Since: since}, nil
}
