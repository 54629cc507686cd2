package wire

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/spoutws/spout/hub"
	"github.com/spoutws/spout/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func FuzzToken(f *testing.F) {
	for _, room := range []string{"lobby", ">", "*", "a.b", "a b", ".", "$SYS", "%41", "A", "日本", "\x00", "a%2Eb"} {
		f.Add(room)
	}
	f.Fuzz(func(t *testing.T, room string) {
		if hub.CheckRoom(room) != nil {
			t.Skip()
		}
		tok := Token(room)
		if tok == "" || strings.Trim(tok, "%-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") != "" {
			t.Fatalf("%q became %q, which is not one literal token", room, tok)
		}
		if back, err := url.PathUnescape(tok); err != nil || back != room {
			t.Fatalf("%q became %q, which means %q (%v)", room, tok, back, err)
		}
	})
}

func TestToken(t *testing.T) {
	for room, want := range map[string]string{"lobby": "lobby", "a-b_C9": "a-b_C9", ">": "%3E", "a.b": "a%2Eb", "%": "%25", "é": "%C3%A9"} {
		if got := Token(room); got != want {
			t.Errorf("Token(%q) = %q, want %q", room, got, want)
		}
	}
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte("x"), false, uint64(1), uint64(1), uint64(1), int64(0))
	f.Add([]byte{}, true, ^uint64(0), ^uint64(0), ^uint64(0), int64(1)<<50)
	f.Fuzz(func(t *testing.T, data []byte, mark bool, node, incarnation, number uint64, millis int64) {
		Cut(data) // whatever it is, it is only refused
		want := Frame{Mark: mark, Node: node, Incarnation: incarnation, Number: number, Age: time.Duration(max(0, millis)%maxAge) * time.Millisecond}
		b := want.AppendTo(nil)
		if len(b) > MaxFrame {
			t.Errorf("%+v takes %d bytes", want, len(b))
		}
		got, rest, err := Cut(append(b, data...))
		if err != nil || got != want || string(rest) != string(data) {
			t.Errorf("%+v became %+v (%v), and %q %q", want, got, err, data, rest)
		}
		for n := range b {
			if _, _, err := Cut(b[:n]); err == nil {
				t.Errorf("%+v is accepted cut to %d bytes", want, n)
			}
		}
	})
}
