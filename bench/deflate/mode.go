package main

import (
	"fmt"
	"strconv"
	"strings"
)

// mode is what a connection is to agree on.
type mode struct {
	name    string
	offer   string // of the client
	send    bool   // the server's messages may refer to those before them
	receive bool   // the client's may
}

var (
	off     = mode{name: "uncompressed"}
	without = mode{name: "no takeover", offer: "permessage-deflate; server_no_context_takeover; client_no_context_takeover"}
	oneWay  = mode{name: "takeover one way", offer: "permessage-deflate; client_no_context_takeover", send: true}
	both    = mode{name: "takeover both ways", offer: "permessage-deflate; client_max_window_bits", send: true, receive: true}
)

var modes = []mode{off, without, oneWay, both}

func (m mode) compressed() bool { return m.offer != "" }

// terms are what the server has answered to an offer.
type terms struct {
	compressed    bool
	send, receive bool // context takeover, seen from the server
	receiveBits   int  // window of the client
}

// agreed returns the terms of an answer, which has to be what the mode is meant to be.
func (m mode) agreed(answer string) (terms, error) {
	t := terms{send: true, receive: true, receiveBits: 15}
	for i, param := range strings.Split(answer, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		switch {
		case i == 0:
			t.compressed = name == "permessage-deflate"
		case name == "server_no_context_takeover":
			t.send = false
		case name == "client_no_context_takeover":
			t.receive = false
		case name == "client_max_window_bits":
			n, err := strconv.Atoi(value)
			if err != nil {
				return t, fmt.Errorf("answer %q: %w", answer, err)
			}
			t.receiveBits = n
		}
	}
	if !t.compressed {
		t = terms{}
	}
	if t.compressed != m.compressed() || t.send != m.send || t.receive != m.receive {
		return t, fmt.Errorf("answer %q is not %q", answer, m.name)
	}
	return t, nil
}
