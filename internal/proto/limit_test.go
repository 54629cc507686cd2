package proto

import (
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// limits are refused when the header is in, before a byte of the payload is.
var limits = []exchange{
	{name: "limit reached", rules: Rules{Limit: 5}, frames: []frame{{fin | OpText, "Hello"}}, want: []string{`text "Hello"`}},
	{name: "limit passed", rules: Rules{Limit: 4}, frames: []frame{{fin | OpText, "Hello"}}, want: []string{"fail 1009"}},
	{name: "limit reached in fragments", rules: Rules{Limit: 5},
		frames: []frame{{OpText, "Hel"}, {OpContinuation, ""}, {OpContinuation, "lo"}, {fin | OpContinuation, ""}},
		want:   []string{`text "Hello"`}},
	{name: "limit passed in fragments", rules: Rules{Limit: 4},
		frames: []frame{{OpText, "Hel"}, {fin | OpPing, "?"}, {fin | OpContinuation, "lo"}},
		want:   []string{`ping "?"`, "fail 1009"}},
	{name: "limit of each message", rules: Rules{Limit: 5},
		frames: []frame{{fin | OpText, "Hello"}, {fin | OpBinary, "there"}, {OpText, "Hel"}, {fin | OpContinuation, "lo"}},
		want:   []string{`text "Hello"`, `binary "there"`, `text "Hello"`}},
	{name: "no limit", frames: []frame{{fin | OpText, "Hello"}}, want: []string{`text "Hello"`}},

	{name: "2^63-1 claimed", rules: Rules{Limit: 1 << 20}, hex: "82 7f 7fffffffffffffff", want: []string{"fail 1009"}},
	{name: "2^63-1 claimed, no limit", hex: "82 7f 7fffffffffffffff", want: []string{cutInFrame}},
	{name: "2^63-1 claimed, largest limit", rules: Rules{Limit: math.MaxInt64}, hex: "82 7f 7fffffffffffffff", want: []string{cutInFrame}},
	{name: "2^63 in fragments, no limit", hex: "02 01 78 80 7f 7fffffffffffffff", want: []string{"fail 1009"}},
	{name: "2^63 in fragments, largest limit", rules: Rules{Limit: math.MaxInt64}, hex: "02 01 78 80 7f 7fffffffffffffff", want: []string{"fail 1009"}},
	{name: "2^63-1 in fragments", hex: "02 01 78 80 7f 7ffffffffffffffe", want: []string{cutInFrame}},
	{name: "1 TiB claimed", rules: Rules{Server: true, Limit: 1 << 20}, hex: "82 ff 0000010000000000 37fa213d", want: []string{"fail 1009"}},
	{name: "top bit, which comes first", rules: Rules{Limit: 1}, hex: "82 7f 8000000000000000", want: []string{"fail 1002"}},
	{name: "too long and reserved", rules: Rules{Limit: 1}, hex: "83 7f 7fffffffffffffff", want: []string{"fail 1002"}},

	{name: "as many fragments as allowed", rules: Rules{MaxFragments: 3},
		frames: []frame{{OpText, "1"}, {OpContinuation, ""}, {fin | OpPing, ""}, {fin | OpPong, ""}, {fin | OpContinuation, "2"}, {OpText, ""}},
		want:   []string{`ping ""`, `pong ""`, `text "12"`, cutInMessage}},
	{name: "a fragment too many", rules: Rules{MaxFragments: 3},
		frames: []frame{{OpText, "1"}, {OpContinuation, ""}, {OpContinuation, ""}, {fin | OpContinuation, "2"}},
		want:   []string{"fail 1008"}},
	{name: "no fragments at all", rules: Rules{MaxFragments: 1},
		frames: []frame{{fin | OpText, "1"}, {fin | OpText, "2"}, {OpText, "3"}, {fin | OpContinuation, ""}},
		want:   []string{`text "1"`, `text "2"`, "fail 1008"}},
	{name: "too long and a fragment too many", rules: Rules{Limit: 1, MaxFragments: 1},
		frames: []frame{{OpText, "1"}, {fin | OpContinuation, "2"}}, want: []string{"fail 1009"}},
}

func TestLimits(t *testing.T) { converse(t, limits) }

// 200 peers that each send 15 bytes and claim 16 MiB cost what every frame that is cut costs, whether
// the limit refuses it or not.
func TestClaimedLengthsCostNothing(t *testing.T) {
	input := unhex("82 ff 0000000001000000 37fa213d 00")
	for _, limit := range []int64{0, 16 << 20} {
		rules := &Rules{Server: true, Limit: limit}
		decoders := make([]Decoder, 200)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i := range decoders {
			decoders[i] = NewDecoder(rules)
			if ev, _, err := decoders[i].Next(input); err != nil || ev.Left != 16<<20-1 {
				t.Fatal(ev, err)
			}
		}
		runtime.ReadMemStats(&after)
		grown := after.TotalAlloc - before.TotalAlloc
		t.Logf("limit %d: %d bytes allocated by 200 decoders", limit, grown)
		if grown > 200*256 {
			t.Errorf("limit %d: %d bytes allocated", limit, grown)
		}
	}
}

// A flood of tiny or empty fragments ends at the limit and costs one violation.
func TestFragmentFlood(t *testing.T) {
	for _, payload := range []string{"", "x"} {
		rules := &Rules{MaxFragments: 16384}
		first, more := speak(false, frame{OpBinary, payload}), speak(false, frame{OpContinuation, payload})
		taken, end := 0, error(nil)
		allocated := testing.AllocsPerRun(1, func() {
			d := NewDecoder(rules)
			_, _, end = d.Next(first)
			for taken = 1; end == nil && taken < 1_000_000; taken++ {
				_, _, end = d.Next(more)
			}
		})
		if v, ok := end.(*Violation); !ok || v.Code != CodePolicy || taken != 16385 || allocated > 1+dropped {
			t.Errorf("fragments of %q: %v after %d, %v allocations", payload, end, taken, allocated)
		}
	}
}

// A stream that ends too early, wherever, ends within a message, and none of it is delivered.
func TestTruncated(t *testing.T) {
	for _, toServer := range []bool{true, false} {
		input := speak(toServer, frame{OpText, "Hel"}, frame{fin | OpPing, "?"}, frame{OpContinuation, ""}, frame{fin | OpContinuation, "lo"})
		for n := range len(input) + 1 {
			l := listener{d: NewDecoder(&Rules{Server: toServer})}
			l.hear(input[:n])
			whole := n == len(input)
			if n > 0 && l.d.InMessage() == whole || slices.Contains(l.lines, `text "Hello"`) != whole {
				t.Errorf("to server: %v, %d of %d bytes: in message: %v, heard %q", toServer, n, len(input), l.d.InMessage(), l.lines)
			}
		}
	}
}

func TestAllocations(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 1024)
	for _, c := range []struct {
		name   string
		frames []frame
		sizes  []int // of the pieces
		max    float64
	}{
		{"control frames", []frame{{fin | OpPing, most}, {fin | OpPong, "Hello"}, {fin | OpPing, ""}, {fin | OpClose, "\x03\xe8bye"}}, nil, 0},
		{"data", []frame{{fin | OpBinary, "Hello"}, {fin | OpText, ""}, {fin | OpBinary, long}}, nil, 0},
		{"fragments with pings between", []frame{{OpText, ""}, {fin | OpPing, most}, {OpContinuation, ""}, {fin | OpContinuation, ""}}, nil, 0},
		{"split data", []frame{{fin | OpBinary, long}, {fin | OpBinary, long}}, []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 700, 700, 700}, 0},
		{"split headers", []frame{{fin | OpPing, ""}, {fin | OpPing, ""}}, singly(12), 0},
		{"split control frames", []frame{{fin | OpPing, most}, {fin | OpPong, most}, {fin | OpPing, most}}, singly(400), 0},
		{"violation", []frame{{fin | OpPing, ""}, {fin | 3, ""}, {fin | OpPing, ""}}, nil, 1},
	} {
		c.max += float64(dropped * len(c.frames))
		for _, toServer := range []bool{true, false} {
			rules, input := &Rules{Server: toServer, Limit: 1 << 20, MaxFragments: 16384}, speak(toServer, c.frames...)
			if got := allocations(rules, input, c.sizes); got > c.max {
				t.Errorf("%s, to server: %v: %v allocations, want at most %v", c.name, toServer, got, c.max)
			}
			header := HeaderSize(input[0], input[1])
			if got := allocations(rules, input, []int{header}); c.sizes == nil && got > c.max {
				t.Errorf("%s, to server: %v, first header apart: %v allocations, want at most %v", c.name, toServer, got, c.max)
			}
		}
	}
}

// allocations returns how many allocations it takes to decode an input that comes in pieces of the
// given sizes.
func allocations(rules *Rules, input []byte, sizes []int) float64 {
	buf := make([]byte, len(input))
	return testing.AllocsPerRun(3, func() {
		p := buf
		copy(p, input)
		d := NewDecoder(rules)
		take := func(piece []byte) {
			for ev := (Event{Kind: Data}); ev.Kind != NoEvent; {
				ev, piece, _ = d.Next(piece)
			}
		}
		for _, n := range sizes {
			n = min(n, len(p))
			take(p[:n])
			p = p[n:]
		}
		take(p)
	})
}
