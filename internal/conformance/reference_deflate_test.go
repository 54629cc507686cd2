package conformance

import (
	"fmt"
	"net"
	"unicode/utf8"
)

// refWindow is the window that the reference asks clients for, where it may.
const refWindow = 10

// refLimit is the limit of a message.
const refLimit = 256 * kib

// refWorth is the smallest message that it compresses.
const refWorth = 100

// accept answers the first offer of compression that is good, with all that it offers.
func (ref *reference) accept(values []string) (*deflation, string) {
	list, _ := extensions(values)
	for _, e := range list {
		p, problem := parseDeflate(e, false)
		if e.name != deflateName || problem != "" {
			continue
		}
		if p.clientBits == bitsUnsaid {
			p.clientBits = refWindow
		}
		answer := deflateName
		for _, v := range []struct {
			said bool
			text string
		}{
			{p.serverNoTakeover, "server_no_context_takeover"},
			{p.clientNoTakeover, "client_no_context_takeover"},
			{p.serverBits > 0, fmt.Sprintf("server_max_window_bits=%d", p.serverBits)},
			{p.clientBits > 0, fmt.Sprintf("client_max_window_bits=%d", p.clientBits)},
		} {
			if v.said {
				answer += "; " + v.text
			}
		}
		if ref.extension != nil {
			answer = ref.extension(answer)
		}
		if answer == "" {
			return nil, ""
		}
		return &deflation{
			deflateParams: p,
			in:            inflater{window: window(p.clientBits), forgets: p.clientNoTakeover, limit: refLimit},
			out:           deflater{window: window(p.serverBits), forgets: p.serverNoTakeover},
		}, "Sec-WebSocket-Extensions: " + answer + "\r\n"
	}
	return nil, ""
}

// echo sends a message back, compressed where that was agreed.
func (ref *reference) echo(conn net.Conn, d *deflation, op byte, data []byte, compressed bool) (code int) {
	if compressed {
		if ref.inflate != nil {
			data = ref.inflate(d, data)
		} else if whole, err := d.in.inflate(data); err == errInflated {
			return 1009
		} else if err != nil {
			return 1007
		} else {
			data = whole
		}
		if op == opText && !utf8.Valid(data) {
			return 1007
		}
	}
	f := newFrame(op, data)
	if d != nil && len(data) >= refWorth {
		if ref.squeeze != nil {
			f = squeezed(op, ref.squeeze(d, data))
		} else {
			f = squeezed(op, d.out.compress(data))
		}
	}
	ref.send(conn, f)
	return 0
}

// exceeds reports whether the beginning of a message stands for more than it may.
func (d *deflation) exceeds(start []byte, limit int) bool {
	z := d.in
	z.limit = limit
	_, err := z.inflate(start)
	return err == errInflated
}
