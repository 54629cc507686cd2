package proto

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

var section51 = []exchange{
	{name: "a client masks", rules: Rules{Server: true}, hex: "81 85 37fa213d 7f9f4d5158", want: []string{`text "Hello"`}},
	{name: "a server does not", hex: "81 05 48656c6c6f", want: []string{`text "Hello"`}},
	{name: "unmasked text of a client", rules: Rules{Server: true}, hex: "81 05 48656c6c6f", want: []string{"fail 1002"}},
	{name: "unmasked ping of a client", rules: Rules{Server: true}, hex: "89 00", want: []string{"fail 1002"}},
	{name: "unmasked close of a client", rules: Rules{Server: true}, hex: "88 02 03e8", want: []string{"fail 1002"}},
	{name: "masked text of a server", hex: "81 85 37fa213d 7f9f4d5158", want: []string{"fail 1002"}},
	{name: "masked ping of a server", hex: "89 80 37fa213d", want: []string{"fail 1002"}},
	{name: "masked close of a server", hex: "88 82 00000000 03e8", want: []string{"fail 1002"}},
	{name: "masked with zeros", rules: Rules{Server: true}, hex: "81 85 00000000 48656c6c6f", want: []string{`text "Hello"`}},
	{name: "second frame not masked", rules: Rules{Server: true}, hex: "01 83 01020304 496767 80 02 6c6f", want: []string{"fail 1002"}},
	{name: "each frame has its key", rules: Rules{Server: true},
		hex:  "01 83 01020304 496768 89 81 ff000000 c0 80 82 00000080 6c6f",
		want: []string{`ping "?"`, `text "Heklo"`}},
}

func TestSection51Masking(t *testing.T) { converse(t, section51) }

var section52 = []exchange{
	{name: "nothing", want: nil},
	{name: "length 0", frames: []frame{{fin | OpBinary, ""}}, want: []string{`binary ""`}},
	{name: "length 1", frames: []frame{{fin | OpBinary, "x"}}, want: []string{`binary "x"`}},
	sized(125), sized(126), sized(127), sized(65535), sized(65536), sized(65537),

	{name: "16 bits for 0", hex: "82 7e 0000", want: []string{"fail 1002"}},
	{name: "16 bits for 124", hex: "82 7e 007c", want: []string{"fail 1002"}},
	{name: "16 bits for 125", hex: "82 7e 007d", want: []string{"fail 1002"}},
	{name: "16 bits for 125, masked", rules: Rules{Server: true}, hex: "82 fe 007d 37fa213d", want: []string{"fail 1002"}},
	{name: "64 bits for 0", hex: "82 7f 0000000000000000", want: []string{"fail 1002"}},
	{name: "64 bits for 126", hex: "82 7f 000000000000007e", want: []string{"fail 1002"}},
	{name: "64 bits for 65535", hex: "82 7f 000000000000ffff", want: []string{"fail 1002"}},
	{name: "64 bits for 65535, masked", rules: Rules{Server: true}, hex: "82 ff 000000000000ffff 37fa213d", want: []string{"fail 1002"}},
	{name: "16 bits for a ping of 5", hex: "89 7e 0005", want: []string{"fail 1002"}},
	{name: "top bit", hex: "82 7f 8000000000000000", want: []string{"fail 1002"}},
	{name: "top bit and all others", rules: Rules{Server: true}, hex: "82 ff ffffffffffffffff 37fa213d", want: []string{"fail 1002"}},

	{name: "RSV1", frames: []frame{{fin | rsv1 | OpText, "Hello"}}, want: []string{"fail 1002"}},
	{name: "RSV2", frames: []frame{{fin | rsv2 | OpText, "Hello"}}, want: []string{"fail 1002"}},
	{name: "RSV3", frames: []frame{{fin | rsv3 | OpBinary, "Hello"}}, want: []string{"fail 1002"}},
	{name: "RSV1 on a ping", frames: []frame{{fin | rsv1 | OpPing, ""}}, want: []string{"fail 1002"}},
	{name: "RSV2 on a close", frames: []frame{{fin | rsv2 | OpClose, ""}}, want: []string{"fail 1002"}},
	{name: "RSV1 on a continuation", frames: []frame{{OpText, "Hel"}, {fin | rsv1 | OpContinuation, "lo"}}, want: []string{"fail 1002"}},
	{name: "what was whole before a failure is heard",
		frames: []frame{{fin | OpText, "Hello"}, {fin | OpPing, "?"}, {fin | rsv3 | OpText, "x"}, {fin | OpText, "late"}},
		want:   []string{`text "Hello"`, `ping "?"`, "fail 1002"}},
}

// RFC 7692, section 6: the first reserved bit of a message's first frame.
var compressed = []exchange{
	{name: "compressed text is not checked", rules: Rules{Deflate: true}, frames: []frame{{fin | rsv1 | OpText, "\xff"}},
		want: []string{`compressed text "\xff"`}},
	{name: "in fragments", rules: Rules{Deflate: true},
		frames: []frame{{rsv1 | OpBinary, "a"}, {fin | OpPing, ""}, {OpContinuation, "b"}, {fin | OpContinuation, ""}, {fin | OpText, "plain"}},
		want:   []string{`ping ""`, `compressed binary "ab"`, `text "plain"`}},
	{name: "text behind it is", rules: Rules{Deflate: true}, frames: []frame{{fin | rsv1 | OpText, "\xff"}, {fin | OpText, "\xff"}},
		want: []string{`compressed text "\xff"`, "fail 1007"}},
	{name: "RSV1 on a continuation, compressed", rules: Rules{Deflate: true},
		frames: []frame{{rsv1 | OpText, "a"}, {fin | rsv1 | OpContinuation, "b"}}, want: []string{"fail 1002"}},
	{name: "RSV1 on a continuation, uncompressed", rules: Rules{Deflate: true},
		frames: []frame{{OpText, "a"}, {fin | rsv1 | OpContinuation, "b"}}, want: []string{"fail 1002"}},
	{name: "RSV1 on a control frame", rules: Rules{Deflate: true}, frames: []frame{{fin | rsv1 | OpPing, ""}}, want: []string{"fail 1002"}},
	{name: "RSV1 on a reserved opcode", rules: Rules{Deflate: true}, frames: []frame{{fin | rsv1 | 3, ""}}, want: []string{"fail 1002"}},
	{name: "RSV2 beside it", rules: Rules{Deflate: true}, frames: []frame{{fin | rsv1 | rsv2 | OpText, ""}}, want: []string{"fail 1002"}},
	{name: "RSV3 alone", rules: Rules{Deflate: true}, frames: []frame{{fin | rsv3 | OpText, ""}}, want: []string{"fail 1002"}},
	{name: "as large as what can't be compressed", rules: Rules{Deflate: true, Limit: 8}, frames: []frame{{fin | rsv1 | OpBinary, strings.Repeat("x", 1033)}},
		want: []string{fmt.Sprintf("compressed binary %q", strings.Repeat("x", 1033))}},
	{name: "larger than that", rules: Rules{Deflate: true, Limit: 8},
		frames: []frame{{rsv1 | OpBinary, strings.Repeat("x", 1000)}, {fin | OpContinuation, strings.Repeat("x", 50)}}, want: []string{"fail 1009"}},
	{name: "as large as what is flushed for each frame", rules: Rules{Deflate: true, Limit: 8},
		frames: []frame{{rsv1 | OpBinary, strings.Repeat("x", 1033)}, {OpContinuation, strings.Repeat("x", 16)}, {fin | OpContinuation, strings.Repeat("x", 16)}},
		want:   []string{fmt.Sprintf("compressed binary %q", strings.Repeat("x", 1065))}},
	{name: "no limit", rules: Rules{Deflate: true}, hex: "c2 7f 7fffffffffffffff", want: []string{cutInFrame}},
	{name: "the largest limit", rules: Rules{Deflate: true, Limit: math.MaxInt64}, hex: "c2 7f 7fffffffffffffff", want: []string{cutInFrame}},
}

func TestRFC7692Section6(t *testing.T) { converse(t, compressed) }

// sized is a message of n bytes.
func sized(n int) exchange {
	s := strings.Repeat("0123456789", n/10+1)[:n]
	return exchange{
		name:   fmt.Sprintf("length %d", n),
		frames: []frame{{fin | OpBinary, s}, {fin | OpText, "end"}},
		want:   []string{fmt.Sprintf("binary %q", s), `text "end"`},
	}
}

func TestSection52Framing(t *testing.T) { converse(t, section52) }

func TestSection52Opcodes(t *testing.T) {
	for op := range Op(16) {
		want := "fail 1002"
		switch op {
		case OpText:
			want = `text ""`
		case OpBinary:
			want = `binary ""`
		case OpClose:
			want = `close 1005 ""`
		case OpPing:
			want = `ping ""`
		case OpPong:
			want = `pong ""`
		}
		converse(t, []exchange{
			{name: fmt.Sprintf("opcode %d", op), frames: []frame{{fin | op, ""}}, want: []string{want}},
		})
	}
}

// Whatever the first two bytes of a frame are, at the start and within a fragmented message, the
// decoder takes them as the oracle does.
func TestSection52AllFirstBytes(t *testing.T) {
	rest := map[byte][]byte{126: unhex("007e"), 127: unhex("0000000000010000")}
	for _, rules := range []*Rules{{Server: true}, {}, {Server: true, Deflate: true}} {
		toServer := rules.Server
		for _, before := range [][]byte{nil, speak(toServer, frame{OpText, "Hel"})} {
			for b := range 1 << 16 {
				first, second := byte(b>>8), byte(b)
				input := append(slices.Clone(before), first, second)
				input = append(input, rest[second&127]...)
				input = append(input, make([]byte, 4+7)...) // a key and some payload, or more frames
				got := transcript(rules, input, len(before)+1)
				if want := oracle(rules, input); !slices.Equal(got, want) {
					t.Fatalf("to server: %v, %x: heard %q, want %q", toServer, input, got, want)
				}
			}
		}
	}
}

var section57 = []exchange{
	{name: "text", hex: "81 05 48656c6c6f", want: []string{`text "Hello"`}},
	{name: "masked text", rules: Rules{Server: true}, hex: "81 85 37fa213d 7f9f4d5158", want: []string{`text "Hello"`}},
	{name: "fragmented text", hex: "01 03 48656c 80 02 6c6f", want: []string{`text "Hello"`}},
	{name: "ping", hex: "89 05 48656c6c6f", want: []string{`ping "Hello"`}},
	{name: "masked pong", rules: Rules{Server: true}, hex: "8a 85 37fa213d 7f9f4d5158", want: []string{`pong "Hello"`}},
}

func TestSection57Decode(t *testing.T) { converse(t, section57) }

// The pieces of messages as the decoder gives them out, and whether the frame within which each
// input ends is another than before.
func TestPieces(t *testing.T) {
	d := NewDecoder(&Rules{})
	for _, c := range []struct {
		hex   string
		want  string // kind, opcode, first, end, left, payload
		fresh bool
	}{
		{"01", "0 0 false false 0", true},
		{"05", "0 0 false false 0", false},
		{"41", "1 1 true false 4 A", false},
		{"4243", "1 1 false false 2 BC", false},
		{"4445", "1 1 false false 0 DE", false},
		{"00 00", "0 0 false false 0", false}, // an empty fragment is no event
		{"8900", "2 0 false false 0", false},
		{"8a02 31", "0 0 false false 0", true},
		{"32", "3 0 false false 0 12", false},
		{"00 01 46 00", "1 1 false false 0 F", true},
		{"02 47", "1 1 false false 1 G", false},
		{"48 00 02 49", "1 1 false false 0 H", true},
		{"50", "1 1 false false 0 P", false},
		{"80 00", "1 1 false true 0", false},
		{"02 00", "0 0 false false 0", false},
		{"80 7e 0100 47", "1 2 true false 255 G", true},
	} {
		ev, rest, err := d.Next(unhex(c.hex))
		got := fmt.Sprintf("%d %d %v %v %d %s", ev.Kind, ev.Op, ev.First, ev.End, ev.Left, ev.Payload)
		for ev.Kind != NoEvent && len(rest) > 0 && err == nil {
			ev, rest, err = d.Next(rest)
		}
		if fresh := d.Fresh(); strings.TrimSpace(got) != c.want || fresh != c.fresh || len(rest) > 0 || err != nil {
			t.Errorf("%s: %s, fresh %v, %x left, %v; want %s, fresh %v", c.hex, got, fresh, rest, err, c.want, c.fresh)
		}
		if d.Fresh() {
			t.Errorf("%s: the same frame is fresh twice", c.hex)
		}
	}
}
