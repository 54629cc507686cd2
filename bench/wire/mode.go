package wire

import (
	"fmt"
	"strconv"
	"strings"
)

// Mode is what a connection is to agree on about compression, seen from the server.
type Mode struct {
	Name    string
	Offer   string // of the client; none where nothing is to be compressed
	Send    bool   // the server's messages may refer to those before them
	Receive bool   // the client's may
}

var (
	Off     = Mode{Name: "uncompressed"}
	Without = Mode{Name: "no takeover", Offer: "permessage-deflate; server_no_context_takeover; client_no_context_takeover"}
	OneWay  = Mode{Name: "takeover one way", Offer: "permessage-deflate; client_no_context_takeover", Send: true}
	Both    = Mode{Name: "takeover both ways", Offer: "permessage-deflate; client_max_window_bits", Send: true, Receive: true}
)

// Modes are all of them.
var Modes = []Mode{Off, Without, OneWay, Both}

// Compressed reports whether messages are to be compressed.
func (m Mode) Compressed() bool { return m.Offer != "" }

// Terms are what the server has answered to an offer.
type Terms struct {
	Compressed    bool
	Send, Receive bool // context takeover, seen from the server
	ReceiveBits   int  // window of the client
}

// agreed returns the terms of an answer, which has to be what the mode is meant to be.
func (m Mode) agreed(answer string) (Terms, error) {
	t := Terms{Send: true, Receive: true, ReceiveBits: 15}
	for i, param := range strings.Split(answer, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		switch {
		case i == 0:
			t.Compressed = name == "permessage-deflate"
		case name == "server_no_context_takeover":
			t.Send = false
		case name == "client_no_context_takeover":
			t.Receive = false
		case name == "client_max_window_bits":
			n, err := strconv.Atoi(value)
			if err != nil {
				return t, fmt.Errorf("answer %q: %w", answer, err)
			}
			t.ReceiveBits = n
		}
	}
	if !t.Compressed {
		t = Terms{}
	}
	if t.Compressed != m.Compressed() || t.Send != m.Send || t.Receive != m.Receive {
		return t, fmt.Errorf("answer %q is not %q", answer, m.Name)
	}
	return t, nil
}
