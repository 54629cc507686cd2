package natsbroker

import (
	"net/url"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/spoutws/spout/hub"
)

func FuzzToken(f *testing.F) {
	for _, room := range []string{"lobby", ">", "*", "a.b", "a b", ".", "$SYS", "%41", "A", "日本", "\x00", "a%2Eb"} {
		f.Add(room)
	}
	f.Fuzz(func(t *testing.T, room string) {
		if hub.CheckRoom(room) != nil {
			t.Skip()
		}
		tok := token(room)
		if strings.Contains(tok, ".") || !server.IsValidLiteralSubject(tok) || strings.ContainsAny(tok, " \t\r\n\x00") {
			t.Fatalf("%q became %q, which is not one literal token", room, tok)
		}
		if back, err := url.PathUnescape(tok); err != nil || back != room {
			t.Fatalf("%q became %q, which means %q (%v)", room, tok, back, err)
		}
	})
}

func TestToken(t *testing.T) {
	for room, want := range map[string]string{"lobby": "lobby", "a-b_C9": "a-b_C9", ">": "%3E", "a.b": "a%2Eb", "%": "%25", "é": "%C3%A9"} {
		if got := token(room); got != want {
			t.Errorf("token(%q) = %q, want %q", room, got, want)
		}
	}
}

func TestPrefix(t *testing.T) {
	for prefix, good := range map[string]bool{"spout": true, "a_b-1": true, "": false, "a.b": false, ">": false, "a b": false, "ä": false, strings.Repeat("x", 65): false} {
		if err := checkPrefix(prefix); (err == nil) != good {
			t.Errorf("checkPrefix(%q): %v", prefix, err)
		}
	}
}
