package deflate

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"github.com/spoutws/spout/internal/proto"
)

// Name is the extension's token (RFC 7692, section 7).
const Name = "permessage-deflate"

// The bounds of a window: 256 bytes and 32 KiB.
const (
	minBits = 8
	maxBits = 15
)

// Wish is what this side wants to keep for context takeover, in bytes; 0 is no takeover.
type Wish struct {
	Send    int // of what it sends
	Receive int // of what it receives: a power of two from 256 to 32,768
}

// Terms are what both sides agreed on, as this side sees them.
type Terms struct {
	Send, Receive Direction
}

// Direction is what holds for the messages of one sender.
type Direction struct {
	Takeover bool // a message may refer to those before it
	Bits     int  // it refers back at most 1<<Bits bytes
}

// params are the parameters of an offer or an answer. 0 bits are none.
type params struct {
	serverNoTakeover, clientNoTakeover bool
	serverBits, clientBits             int
	clientBitsOpen                     bool // client_max_window_bits stands there without a value
}

var errDeclined = errors.New("unknown, repeated or invalid parameter")

// parse reads the parameters (section 7.1): "A server MUST decline an extension negotiation offer
// for this extension" that has one it does not know, an invalid value or two of a name.
func parse(e proto.Extension) (p params, err error) {
	seen := make(map[string]bool, len(e.Params))
	for _, x := range e.Params {
		if seen[x.Name] {
			return p, errDeclined
		}
		seen[x.Name] = true
		ok := !x.HasValue
		switch x.Name {
		case "server_no_context_takeover":
			p.serverNoTakeover = true
		case "client_no_context_takeover":
			p.clientNoTakeover = true
		case "server_max_window_bits":
			p.serverBits, ok = parseBits(x.Value)
		case "client_max_window_bits":
			if p.clientBitsOpen = !x.HasValue; x.HasValue {
				p.clientBits, ok = parseBits(x.Value)
			}
		default:
			ok = false
		}
		if !ok {
			return p, errDeclined
		}
	}
	return p, nil
}

// parseBits reads "a decimal integer value without leading zeroes between 8 to 15, inclusive"
// (section 7.1.2.1).
func parseBits(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && minBits <= n && n <= maxBits && s == strconv.Itoa(n)
}

// windowBits returns the smallest number of bits whose window holds so many bytes.
func windowBits(size int) int { return min(max(bits.Len(uint(size-1)), minBits), maxBits) }

// Answer accepts the first of a client's offers that can be honoured to the letter, and returns the
// terms and the header value that says so; ok is false if there is none.
func Answer(offers []proto.Extension, w Wish) (t Terms, header string, ok bool) {
	for _, e := range offers {
		if e.Name != Name {
			continue
		}
		if p, err := parse(e); err == nil {
			t, header = answer(p, w)
			return t, header, true
		}
	}
	return Terms{}, "", false
}

func answer(p params, w Wish) (Terms, string) {
	t := Terms{
		Send:    Direction{Takeover: w.Send > 0 && !p.serverNoTakeover, Bits: maxBits},
		Receive: Direction{Takeover: w.Receive > 0 && !p.clientNoTakeover, Bits: maxBits},
	}
	b := []byte(Name)
	if !t.Send.Takeover {
		b = append(b, "; server_no_context_takeover"...)
	}
	if p.serverBits > 0 {
		t.Send.Bits = p.serverBits
		b = fmt.Appendf(b, "; server_max_window_bits=%d", p.serverBits)
	}
	// "client_max_window_bits" may only be answered if it was offered (section 7.1.2.2): what the
	// client won't limit is not kept at all.
	want := windowBits(w.Receive)
	offered := p.clientBits > 0 || p.clientBitsOpen
	if t.Receive.Takeover && want < maxBits && !offered {
		t.Receive.Takeover = false
	}
	if !t.Receive.Takeover {
		b = append(b, "; client_no_context_takeover"...)
	}
	if p.clientBits > 0 {
		t.Receive.Bits = p.clientBits
	}
	if offered && t.Receive.Takeover {
		t.Receive.Bits = min(t.Receive.Bits, want)
	}
	if t.Receive.Bits < maxBits {
		b = fmt.Appendf(b, "; client_max_window_bits=%d", t.Receive.Bits)
	}
	return t, string(b)
}

// Offer returns the header value with which a client offers the extension. Where the server is to
// limit its window, a second offer is for servers that can't: it has them do without takeover.
func Offer(w Wish) string {
	own := "; client_max_window_bits"
	if w.Send == 0 {
		own = "; client_no_context_takeover" + own
	}
	var offers []string
	if w.Receive > 0 {
		limit := ""
		if b := windowBits(w.Receive); b < maxBits {
			limit = fmt.Sprintf("; server_max_window_bits=%d", b)
		}
		offers = append(offers, Name+limit+own)
	}
	if w.Receive == 0 || windowBits(w.Receive) < maxBits {
		offers = append(offers, Name+"; server_no_context_takeover"+own)
	}
	return strings.Join(offers, ", ")
}

// Accept checks the server's answer to Offer: "If the client can't accept it, the client MUST _Fail
// the WebSocket Connection_" (section 7.1).
func Accept(e proto.Extension, w Wish) (Terms, error) {
	p, err := parse(e)
	switch {
	case e.Name != Name:
		return Terms{}, fmt.Errorf("extension %q was not offered", e.Name)
	case err != nil:
		return Terms{}, fmt.Errorf("%s: %w", Name, err)
	case p.clientBitsOpen:
		return Terms{}, fmt.Errorf("%s: client_max_window_bits without a value", Name)
	}
	serverBits, clientBits := maxBits, maxBits
	if p.serverBits > 0 {
		serverBits = p.serverBits
	}
	if p.clientBits > 0 {
		clientBits = p.clientBits
	}
	if !p.serverNoTakeover && (w.Receive == 0 || serverBits > windowBits(w.Receive)) {
		return Terms{}, fmt.Errorf("%s: the server neither keeps to the window of %d bytes that was offered nor does without context takeover "+
			"(Deflate.ReceiveWindow; 32 KiB suits every server)", Name, w.Receive)
	}
	return Terms{
		Send:    Direction{Takeover: w.Send > 0 && !p.clientNoTakeover, Bits: clientBits},
		Receive: Direction{Takeover: !p.serverNoTakeover, Bits: serverBits},
	}, nil
}
