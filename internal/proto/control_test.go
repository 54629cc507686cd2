package proto

import (
	"fmt"
	"strings"
	"testing"
)

var (
	most    = strings.Repeat("x", MaxControl)
	tooMuch = strings.Repeat("x", MaxControl+1)
)

var section55 = []exchange{
	{name: "empty", frames: []frame{{fin | OpPing, ""}, {fin | OpPong, ""}}, want: []string{`ping ""`, `pong ""`}},
	{name: "payload", frames: []frame{{fin | OpPing, "Hello"}, {fin | OpPong, "\x00\xff"}}, want: []string{`ping "Hello"`, `pong "\x00\xff"`}},
	{name: "125 bytes", frames: []frame{{fin | OpPing, most}, {fin | OpPong, most}},
		want: []string{fmt.Sprintf("ping %q", most), fmt.Sprintf("pong %q", most)}},
	{name: "a short one after a long one", frames: []frame{{fin | OpPing, most}, {fin | OpPing, "Hello"}},
		want: []string{fmt.Sprintf("ping %q", most), `ping "Hello"`}},
	{name: "between messages", frames: []frame{{fin | OpText, "1"}, {fin | OpPong, "2"}, {fin | OpBinary, "3"}},
		want: []string{`text "1"`, `pong "2"`, `binary "3"`}},

	{name: "ping of 126 bytes", frames: []frame{{fin | OpPing, tooMuch}}, want: []string{"fail 1002"}},
	{name: "pong of 126 bytes", frames: []frame{{fin | OpPong, tooMuch}}, want: []string{"fail 1002"}},
	{name: "close of 126 bytes", frames: []frame{{fin | OpClose, "\x03\xe8" + most[1:]}}, want: []string{"fail 1002"}},
	{name: "ping that claims 1 TiB", rules: Rules{Limit: 10}, hex: "89 7f 0000010000000000", want: []string{"fail 1002"}},
	{name: "fragmented ping", frames: []frame{{OpPing, "Hel"}, {fin | OpContinuation, "lo"}}, want: []string{"fail 1002"}},
	{name: "fragmented pong", frames: []frame{{OpPong, ""}}, want: []string{"fail 1002"}},
	{name: "fragmented ping within a message", frames: []frame{{OpText, "Hel"}, {OpPing, ""}}, want: []string{"fail 1002"}},
	{name: "125 bytes, but the limit is less", rules: Rules{Limit: 1, MaxFragments: 1},
		frames: []frame{{OpText, "1"}, {fin | OpPing, most}}, want: []string{fmt.Sprintf("ping %q", most), cutInMessage}},
}

func TestSection55ControlFrames(t *testing.T) { converse(t, section55) }
