package proto

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// peer is one end of a connection made of nothing but decoder and encoder.
type peer struct {
	listener
	client bool
	rng    *rand.Rand
	out    []byte   // encoded, not yet taken by the other end
	said   []string // the transcript that the other end must hear
	closed bool     // a close frame was said

	op   Op // of the message being said in fragments
	text string
}

// pair returns both ends of a connection.
func pair(rng *rand.Rand) (client, server *peer) {
	client = &peer{client: true, rng: rng, listener: listener{d: NewDecoder(&Rules{})}}
	server = &peer{rng: rng, listener: listener{d: NewDecoder(&Rules{Server: true, Limit: 1 << 20, MaxFragments: 1000})}}
	return client, server
}

func (p *peer) say(final bool, op Op, payload string) {
	h := Header{Fin: final, Op: op, Masked: p.client}
	if p.client {
		h.Key = Key(p.rng.Uint32())
	}
	p.out = AppendFrame(p.out, h, []byte(payload))
}

func (p *peer) control(op Op, payload string) {
	p.say(true, op, payload)
	p.said = append(p.said, fmt.Sprintf("%s %q", map[Op]string{OpPing: "ping", OpPong: "pong"}[op], payload))
}

func (p *peer) close(code uint16, reason string) {
	p.say(true, OpClose, string(AppendClose(nil, code, reason)))
	if code == 0 {
		code = CodeNoStatus
	}
	p.said = append(p.said, fmt.Sprintf("close %d %q", code, reason))
	p.closed = true
}

// fragment says the next fragment of the message under way, or the first of a new one.
func (p *peer) fragment() {
	op := OpContinuation
	if p.op == 0 {
		op = []Op{OpText, OpBinary}[p.rng.IntN(2)]
		p.op, p.text = op, ""
	}
	piece := strings.Repeat([]string{"x", "é", "€", "𝄞", ""}[p.rng.IntN(5)], p.rng.IntN(1<<p.rng.IntN(12)))
	if p.op == OpBinary {
		piece = strings.ReplaceAll(piece, "x", "\xff")
	}
	final := p.rng.IntN(3) == 0
	p.say(final, op, piece)
	if p.text += piece; final {
		p.said = append(p.said, fmt.Sprintf("%s %q", map[Op]string{OpText: "text", OpBinary: "binary"}[p.op], p.text))
		p.op = 0
	}
}

// act says something, if it still may.
func (p *peer) act() {
	if p.closed {
		return
	}
	switch n := p.rng.IntN(100); {
	case n < 80:
		p.fragment()
	case n < 98:
		p.control([]Op{OpPing, OpPong}[p.rng.IntN(2)], strings.Repeat("p", p.rng.IntN(MaxControl+1)))
	case n < 99:
		p.close(0, "")
	default:
		p.close([]uint16{1000, 1001, 3000, 4999}[p.rng.IntN(4)], strings.Repeat("é", p.rng.IntN(MaxReason/2+1)))
	}
}

// take hears up to n bytes of what the other end has said, and answers pings and the close frame.
func (p *peer) take(from *peer, n int) {
	n = min(n, len(from.out))
	heard := len(p.lines)
	p.hear(from.out[:n])
	from.out = slices.Clone(from.out[n:])
	for _, line := range p.lines[heard:] {
		var payload string
		switch {
		case p.closed:
		case strings.HasPrefix(line, "ping "):
			fmt.Sscanf(line, "ping %q", &payload)
			p.control(OpPong, payload)
		case strings.HasPrefix(line, "close "):
			var code uint16
			fmt.Sscanf(line, "close %d %q", &code, &payload)
			if code == CodeNoStatus {
				code = 0
			}
			p.close(code, payload)
		}
	}
}

// Random conversations: each end must hear exactly what the other has said, and both must come to
// the end of the closing handshake.
func TestPair(t *testing.T) {
	seeds := []uint64{rand.Uint64()} // a new one each time; a failure names it
	for seed := range uint64(200) {
		seeds = append(seeds, seed)
	}
	for _, seed := range seeds {
		rng := rand.New(rand.NewPCG(seed, 0))
		client, server := pair(rng)
		for range 1000 {
			p, other := client, server
			if rng.IntN(2) == 0 {
				p, other = other, p
			}
			if rng.IntN(3) == 0 {
				p.act()
			} else {
				p.take(other, rng.IntN(1<<rng.IntN(14)))
			}
		}
		if !client.closed {
			client.close(CodeNormal, "the end")
		}
		for len(client.out)+len(server.out) > 0 {
			client.take(server, len(server.out))
			server.take(client, len(client.out))
		}
		for _, p := range []*peer{client, server} {
			other := client
			if p == client {
				other = server
			}
			if !p.closed || !p.over || !slices.Equal(p.end(), other.said) {
				t.Errorf("seed %d, client: %v, closed: %v, over: %v\nheard %.2000q\n said %.2000q",
					seed, p.client, p.closed, p.over, p.lines, other.said)
			}
		}
	}
}

// What a random conversation has on the wire, with some bytes changed: the decoder hears what the
// oracle does.
func TestDamaged(t *testing.T) {
	seeds := []uint64{rand.Uint64()} // a new one each time; a failure names it
	for seed := range uint64(300) {
		seeds = append(seeds, seed)
	}
	for _, seed := range seeds {
		rng := rand.New(rand.NewPCG(seed, 1))
		p, server := pair(rng)
		if rng.IntN(2) == 0 {
			p = server
		}
		for range 1 + rng.IntN(30) {
			p.act()
		}
		input := p.out
		for range rng.IntN(4) {
			input[rng.IntN(len(input))] = byte(rng.Uint32())
		}
		rules := &Rules{Server: p.client, Limit: rng.Int64N(10000), MaxFragments: rng.IntN(20)}
		var sizes []int
		for range rng.IntN(100) {
			sizes = append(sizes, rng.IntN(1<<rng.IntN(10)))
		}
		if got, want := transcript(rules, input, sizes...), oracle(rules, input); !slices.Equal(got, want) {
			t.Errorf("seed %d:\nheard %.2000q\n want %.2000q", seed, got, want)
		}
	}
}
