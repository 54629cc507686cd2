package proto

import (
	"fmt"
	"testing"
)

var section54 = []exchange{
	{name: "two fragments", frames: []frame{{OpText, "Hel"}, {fin | OpContinuation, "lo"}}, want: []string{`text "Hello"`}},
	{name: "many fragments",
		frames: []frame{{OpBinary, "H"}, {OpContinuation, "e"}, {OpContinuation, "l"}, {OpContinuation, "l"}, {fin | OpContinuation, "o"}},
		want:   []string{`binary "Hello"`}},
	{name: "empty fragments",
		frames: []frame{{OpText, ""}, {OpContinuation, ""}, {OpContinuation, "Hello"}, {OpContinuation, ""}, {fin | OpContinuation, ""}},
		want:   []string{`text "Hello"`}},
	{name: "only empty fragments",
		frames: []frame{{OpBinary, ""}, {OpContinuation, ""}, {fin | OpContinuation, ""}},
		want:   []string{`binary ""`}},
	{name: "control frames between",
		frames: []frame{{OpText, "Hel"}, {fin | OpPing, "1"}, {fin | OpPong, "2"}, {OpContinuation, ""}, {fin | OpPing, ""}, {fin | OpContinuation, "lo"}},
		want:   []string{`ping "1"`, `pong "2"`, `ping ""`, `text "Hello"`}},
	{name: "control frames within a character",
		frames: []frame{{OpText, "\xe2"}, {fin | OpPing, "\xff"}, {OpContinuation, "\x82"}, {fin | OpPong, "\x80"}, {fin | OpContinuation, "\xac"}},
		want:   []string{`ping "\xff"`, `pong "\x80"`, `text "€"`}},
	{name: "a message follows",
		frames: []frame{{OpText, "Hel"}, {fin | OpContinuation, "lo"}, {fin | OpBinary, "x"}, {OpBinary, "y"}, {fin | OpContinuation, "z"}},
		want:   []string{`text "Hello"`, `binary "x"`, `binary "yz"`}},

	{name: "continuation of nothing", frames: []frame{{fin | OpContinuation, "x"}}, want: []string{"fail 1002"}},
	{name: "open continuation of nothing", frames: []frame{{OpContinuation, "x"}}, want: []string{"fail 1002"}},
	{name: "continuation of a whole message",
		frames: []frame{{fin | OpText, "Hello"}, {fin | OpContinuation, "x"}}, want: []string{`text "Hello"`, "fail 1002"}},
	{name: "continuation of a complete message",
		frames: []frame{{OpText, "Hel"}, {fin | OpContinuation, "lo"}, {fin | OpContinuation, "x"}}, want: []string{`text "Hello"`, "fail 1002"}},
	{name: "continuation of a ping", frames: []frame{{fin | OpPing, "Hel"}, {fin | OpContinuation, "lo"}}, want: []string{`ping "Hel"`, "fail 1002"}},
	{name: "text within text", frames: []frame{{OpText, "Hel"}, {fin | OpText, "lo"}}, want: []string{"fail 1002"}},
	{name: "binary within text", frames: []frame{{OpText, "Hel"}, {OpBinary, "lo"}}, want: []string{"fail 1002"}},
	{name: "text within binary, after a ping", frames: []frame{{OpBinary, ""}, {fin | OpPing, ""}, {OpText, ""}}, want: []string{`ping ""`, "fail 1002"}},
	{name: "never finished", frames: []frame{{OpText, "Hel"}, {OpContinuation, "lo"}}, want: []string{cutInMessage}},
	{name: "never finished, then a ping", frames: []frame{{OpText, "Hel"}, {fin | OpPing, "?"}}, want: []string{`ping "?"`, cutInMessage}},
}

func TestSection54Fragmentation(t *testing.T) { converse(t, section54) }

// "in absence of extensions, senders and receivers must not depend on the presence of specific frame
// boundaries": every way to fragment a short message gives the same one.
func TestSection54AnyFragments(t *testing.T) {
	const message = "a€b𝄞" // 9 bytes
	for cuts := range 1 << (len(message) - 1) {
		var frames []frame
		op, from := OpText, 0
		for i := 1; i < len(message); i++ {
			if cuts>>(i-1)&1 == 1 {
				frames = append(frames, frame{op, message[from:i]}, frame{fin | OpPing, ""})
				op, from = OpContinuation, i
			}
		}
		frames = append(frames, frame{fin | op, message[from:]})
		for _, toServer := range []bool{true, false} {
			got := transcript(&Rules{Server: toServer}, speak(toServer, frames...))
			if n := len(frames) / 2; len(got) != n+1 || got[n] != fmt.Sprintf("text %q", message) {
				t.Errorf("%q: heard %q", frames, got)
			}
		}
	}
}
