package proto

import (
	"slices"
	"testing"
	"unsafe"
)

// A decoder is part of every connection: two words, and between messages nothing else.
func TestDecoderSize(t *testing.T) {
	if got, most := unsafe.Sizeof(Decoder{}), 2*unsafe.Sizeof(uintptr(0)); got > most {
		t.Errorf("a decoder has %d bytes, want at most %d", got, most)
	}
	t.Logf("a decoder has %d bytes, what is under way %d", unsafe.Sizeof(Decoder{}), unsafe.Sizeof(progress{}))
}

// Whatever was said, a decoder holds nothing when nothing is under way, nor after its end.
func TestIdleHoldsNothing(t *testing.T) {
	whole := []frame{{fin | OpText, "Hello"}, {fin | OpBinary, most}, {fin | OpPing, "?"}, {fin | OpText, ""}}
	fragmented := []frame{{OpText, "Hel"}, {fin | OpPing, "?"}, {OpContinuation, ""}, {fin | OpContinuation, "lo"}}
	for _, c := range []struct {
		name   string
		frames []frame
		over   bool // all further input is ignored
	}{
		{"whole messages", whole, false},
		{"a fragmented message with a ping within", fragmented, false},
		{"close", []frame{{fin | OpClose, "\x03\xe8bye"}}, true},
		{"close between fragments", []frame{{OpText, "Hel"}, {fin | OpClose, "\x03\xe8bye"}}, true},
		{"close that breaks the rules", []frame{{OpText, "Hel"}, {fin | OpClose, "\x03"}}, true},
		{"violation", []frame{{fin | OpText, "Hello"}, {fin | 3, "?"}}, true},
		{"violation between fragments", []frame{{OpText, "Hel"}, {fin | OpText, "lo"}}, true},
		{"text that is not UTF-8", []frame{{OpText, "\xff"}}, true},
	} {
		for _, toServer := range []bool{true, false} {
			input := speak(toServer, c.frames...)
			for _, sizes := range [][]int{nil, {1}, {len(input) - 1}, singly(len(input))} {
				l := listener{d: NewDecoder(&Rules{Server: toServer})}
				for p := slices.Clone(input); ; sizes = sizes[1:] {
					if len(sizes) == 0 {
						l.hear(p)
						break
					}
					l.hear(p[:sizes[0]])
					p = p[sizes[0]:]
				}
				if l.d.state != nil || l.d.InFrame() || l.d.InMessage() || l.d.Fresh() {
					t.Errorf("%s, to server: %v: heard %q, holds %+v", c.name, toServer, l.lines, l.d.state)
				}
				if l.over != c.over {
					t.Errorf("%s, to server: %v: heard %q, over: %v", c.name, toServer, l.lines, l.over)
				}
			}
		}
	}
}

// Whole messages and control frames never take a state, not even for a moment.
func TestWholeFramesTakeNothing(t *testing.T) {
	for _, toServer := range []bool{true, false} {
		d := NewDecoder(&Rules{Server: toServer})
		events := 0
		p := speak(toServer, frame{fin | OpText, "Hello"}, frame{fin | OpPing, most}, frame{fin | OpBinary, tooMuch}, frame{fin | OpText, ""})
		for len(p) > 0 {
			ev, rest, err := d.Next(p)
			if d.state != nil || err != nil {
				t.Errorf("to server: %v, after %+v: %+v, %v", toServer, ev, d.state, err)
			}
			events++
			p = rest
		}
		if events != 4 {
			t.Errorf("to server: %v, %d events", toServer, events)
		}
	}
}

// A state that was given back keeps nothing of the connection it was used for.
func TestGivenBackIsZero(t *testing.T) {
	d := NewDecoder(&Rules{Deflate: true})
	for _, b := range speak(false, frame{rsv1 | OpText, "secret"}, frame{fin | OpPing, "secret"}, frame{fin | OpContinuation, "\xff"}) {
		d.Next([]byte{b})
		d.Fresh()
	}
	s := d.state
	if s == nil || !s.idle() {
		t.Fatalf("holds %+v", s)
	}
	d.Next(nil)
	if d.state != nil || *s != (progress{}) {
		t.Errorf("given back as %+v", *s)
	}
}
