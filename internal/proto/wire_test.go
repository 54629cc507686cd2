package proto

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The other bits of a frame's first byte, to be joined with an opcode.
const (
	fin  Op = 0x80
	rsv1 Op = 0x40
	rsv2 Op = 0x20
	rsv3 Op = 0x10
)

// frame is one frame of a conversation as the tests write it down.
type frame struct {
	first   Op // first byte: fin|OpText
	payload string
}

// wire encodes the frame, masked unless key is nil. It shares nothing with the encoder, which is
// under test too.
func (f frame) wire(key []byte) []byte {
	var mask byte
	if key != nil {
		mask = 0x80
	}
	b := []byte{byte(f.first)}
	switch n := len(f.payload); {
	case n < 126:
		b = append(b, mask+byte(n))
	case n < 65536:
		b = append(b, mask+126, byte(n/256), byte(n%256))
	default:
		b = append(b, mask+127, 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	b = append(b, key...)
	for i := range len(f.payload) {
		if key == nil {
			b = append(b, f.payload[i])
		} else {
			b = append(b, f.payload[i]^key[i%4])
		}
	}
	return b
}

// speak encodes frames as a client sends them, if toServer, or as a server does. The masking keys
// differ from frame to frame; the first is that of the examples in section 5.7.
func speak(toServer bool, frames ...frame) []byte {
	var b []byte
	for i, f := range frames {
		var key []byte
		if toServer {
			key = []byte{0x37 + byte(i), 0xfa, 0x21 ^ byte(5*i), 0x3d}
		}
		b = append(b, f.wire(key)...)
	}
	return b
}

// unhex returns the bytes that s gives in hexadecimal, with spaces where they help.
func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// The last line of a transcript whose input ends too early.
const (
	cutInFrame   = "cut in a frame"
	cutInMessage = "cut between fragments"
)

// listener keeps the transcript of what a decoder hears, one line for each whole message, each
// control frame and the failure:
//
//	text "Hello"
//	ping "?"
//	close 1000 "bye"
//	fail 1002
//
// It notes as "broken" what no input may bring about.
type listener struct {
	d       Decoder
	message []byte
	open    bool // part of a message was heard
	over    bool // a close frame or a violation was
	lines   []string
}

func (l *listener) note(format string, args ...any) {
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

// hear gives a copy of the piece to the decoder, and overwrites what it has used up at once: the
// decoder may not look at it again.
func (l *listener) hear(piece []byte) {
	buf := bytes.Clone(piece)
	for p := buf; ; {
		ev, rest, err := l.d.Next(p)
		used := buf[:len(buf)-len(rest)]
		if !bytes.Equal(rest, piece[len(used):]) {
			l.note("broken: rest is not the end of the input")
		}
		l.event(ev, err)
		for i := range used {
			used[i] = 0xEE
		}
		if ev.Kind == NoEvent {
			if len(rest) > 0 {
				l.note("broken: input left over")
			}
			return
		}
		p = rest
	}
}

func (l *listener) event(ev Event, err error) {
	if l.over && (err != nil || ev.Kind != NoEvent) {
		l.note("broken: %v, %v after the end", ev, err)
	}
	if err != nil {
		var v *Violation
		if !errors.As(err, &v) || err.Error() == "" || ev.Kind != NoEvent {
			l.note("broken: %v, %v", ev, err)
			return
		}
		l.over = true
		l.note("fail %d", v.Code)
		return
	}
	switch ev.Kind {
	case Data:
		if ev.First == l.open || ev.Op != OpText && ev.Op != OpBinary || ev.Left > 0 != l.d.InFrame() ||
			ev.End == l.d.InMessage() || len(ev.Payload) == 0 && !ev.End {
			l.note("broken: %+v", ev)
		}
		l.message = append(l.message, ev.Payload...)
		if l.open = !ev.End; ev.End {
			compressed := map[bool]string{true: "compressed "}[ev.Compressed]
			l.note("%s%s %q", compressed, map[Op]string{OpText: "text", OpBinary: "binary"}[ev.Op], l.message)
			l.message = l.message[:0]
		}
	case Ping:
		l.note("ping %q", ev.Payload)
	case Pong:
		l.note("pong %q", ev.Payload)
	case Close:
		l.note("close %d %q", ev.Code, ev.Payload)
		l.over = true
	}
	if ev.Kind > Data && l.d.InFrame() {
		l.note("broken: in a frame after %+v", ev)
	}
}

// end returns the transcript of an input that ends here.
func (l *listener) end() []string {
	switch {
	case l.over:
	case l.d.InFrame() && l.d.InMessage():
		l.note(cutInFrame)
	case l.d.InMessage():
		l.note(cutInMessage)
	case l.d.InFrame():
		l.note("broken: in a frame, but not in a message")
	}
	return l.lines
}

// transcript returns what a decoder hears when the input comes in pieces of the given sizes, and
// then the rest in one.
func transcript(rules *Rules, input []byte, sizes ...int) []string {
	l := listener{d: NewDecoder(rules)}
	for _, n := range sizes {
		n = min(n, len(input))
		l.hear(input[:n])
		input = input[n:]
	}
	l.hear(input)
	return l.end()
}

// singly returns the sizes that cut n bytes one by one.
func singly(n int) []int { return slices.Repeat([]int{1}, n) }

// exchange is a row of a table: what is said, and the transcript of it.
type exchange struct {
	name   string
	rules  Rules
	frames []frame // said in both directions, whatever rules.Server is
	hex    string  // or the very bytes
	want   []string
}

// inputs yields the rules and the bytes of the exchange.
func (e exchange) inputs(yield func(Rules, []byte) bool) {
	if e.hex != "" {
		yield(e.rules, unhex(e.hex))
		return
	}
	for _, toServer := range []bool{true, false} {
		e.rules.Server = toServer
		if !yield(e.rules, speak(toServer, e.frames...)) {
			return
		}
	}
}

// converse runs a table. The oracle and the decoder must hear what is wanted, wherever the input is
// cut; and if it ends early, the decoder must hear what the oracle does.
func converse(t *testing.T, table []exchange) {
	for _, e := range table {
		t.Run(e.name, func(t *testing.T) {
			for rules, input := range e.inputs {
				same := func(got, want []string, how string, args ...any) {
					t.Helper()
					if !slices.Equal(got, want) {
						t.Errorf("to server: %v, %s:\n got %.300q\nwant %.300q",
							rules.Server, fmt.Sprintf(how, args...), got, want)
					}
				}
				same(oracle(&rules, input), e.want, "oracle")
				same(transcript(&rules, input), e.want, "whole")
				same(transcript(&rules, input, singly(len(input))...), e.want, "byte by byte")
				for at := 0; at < len(input); at++ {
					if at > MaxHeader && len(input) > 4096 { // then only some
						at = min(at+len(input)/16, len(input)-1)
					}
					same(transcript(&rules, input, at), e.want, "cut at %d", at)
					same(transcript(&rules, input[:at], at/2), oracle(&rules, input[:at]), "ended at %d", at)
				}
			}
		})
	}
}
