package proto

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// codes are the ranges of section 7.4 with the codes that IANA has registered since, 1012 to 1014.
var codes = []struct {
	from, to int
	sendable bool
}{
	{0, 999, false},      // not used
	{1000, 1003, true},   // normal, going away, protocol error, unsupported data
	{1004, 1006, false},  // reserved, no status, abnormal
	{1007, 1014, true},   // invalid data to internal error, service restart to bad gateway
	{1015, 1015, false},  // TLS handshake
	{1016, 2999, false},  // for future revisions and extensions
	{3000, 3999, true},   // registered by libraries and applications
	{4000, 4999, true},   // private
	{5000, 65535, false}, // not defined
}

func sendable(code int) bool {
	for _, r := range codes {
		if code >= r.from && code <= r.to {
			return r.sendable
		}
	}
	panic("no such code")
}

func TestSection74AllCodes(t *testing.T) {
	for code := range 1 << 16 {
		want := fmt.Sprintf(`close %d "bye"`, code)
		if !sendable(code) {
			want = "fail 1002"
		}
		body := string([]byte{byte(code >> 8), byte(code)}) + "bye"
		for _, toServer := range []bool{true, false} {
			got := transcript(&Rules{Server: toServer}, speak(toServer, frame{fin | OpClose, body}))
			if !slices.Equal(got, []string{want}) {
				t.Fatalf("code %d, to server: %v: heard %q, want %q", code, toServer, got, want)
			}
		}
		if ValidCode(uint16(code)) != sendable(code) {
			t.Errorf("ValidCode(%d) = %v", code, ValidCode(uint16(code)))
		}
	}
}

func TestSection74Constants(t *testing.T) {
	for code, want := range map[uint16]bool{
		CodeNormal: true, CodeProtocol: true, CodeNoStatus: false, CodeAbnormal: false,
		CodeInvalidText: true, CodePolicy: true, CodeTooBig: true, CodeInternal: true,
	} {
		if ValidCode(code) != want {
			t.Errorf("ValidCode(%d) = %v", code, !want)
		}
	}
}

var section551 = []exchange{
	{name: "empty", frames: []frame{{fin | OpClose, ""}}, want: []string{`close 1005 ""`}},
	{name: "one byte", frames: []frame{{fin | OpClose, "\x03"}}, want: []string{"fail 1002"}},
	{name: "code", frames: []frame{{fin | OpClose, "\x03\xe8"}}, want: []string{`close 1000 ""`}},
	{name: "reason", frames: []frame{{fin | OpClose, "\x03\xe9à bientôt"}}, want: []string{`close 1001 "à bientôt"`}},
	{name: "longest reason", frames: []frame{{fin | OpClose, "\x0f\xa0" + strings.Repeat("x", MaxReason)}},
		want: []string{fmt.Sprintf("close 4000 %q", strings.Repeat("x", MaxReason))}},
	{name: "reason too long", frames: []frame{{fin | OpClose, "\x0f\xa0" + strings.Repeat("x", MaxReason+1)}},
		want: []string{"fail 1002"}},
	{name: "bad reason", frames: []frame{{fin | OpClose, "\x03\xe8bye\xff"}}, want: []string{"fail 1007"}},
	{name: "cut reason", frames: []frame{{fin | OpClose, "\x03\xe8bye\xe2\x82"}}, want: []string{"fail 1007"}},
	{name: "surrogate in the reason", frames: []frame{{fin | OpClose, "\x03\xe8\xed\xa0\x80"}}, want: []string{"fail 1007"}},
	{name: "bad code and bad reason", frames: []frame{{fin | OpClose, "\x03\xee\xff"}}, want: []string{"fail 1002"}},
	{name: "frames after it are ignored",
		frames: []frame{{fin | OpText, "hi"}, {fin | OpClose, "\x03\xe8"}, {fin | OpText, "late"}, {fin | 7, ""}},
		want:   []string{`text "hi"`, `close 1000 ""`}},
	{name: "between fragments",
		frames: []frame{{OpText, "Hel"}, {fin | OpClose, "\x03\xe8"}, {fin | OpContinuation, "lo"}},
		want:   []string{`close 1000 ""`}},
	{name: "fragmented", frames: []frame{{OpClose, "\x03\xe8"}, {fin | OpContinuation, ""}}, want: []string{"fail 1002"}},
}

func TestSection551Close(t *testing.T) { converse(t, section551) }

func TestAppendClose(t *testing.T) {
	for _, c := range []struct {
		code         uint16
		reason, want string
	}{
		{0, "", ""},
		{1000, "", "\x03\xe8"},
		{4999, "à bientôt", "\x13\x87à bientôt"},
	} {
		if got := AppendClose([]byte("before "), c.code, c.reason); string(got) != "before "+c.want {
			t.Errorf("AppendClose(%d, %q) = %q", c.code, c.reason, got)
		}
	}
}

// A payload is either a violation, with the code that section 7.4 asks for, or comes back from
// AppendClose as it was.
func FuzzClosePayload(f *testing.F) {
	for _, e := range section551 {
		for _, frame := range e.frames {
			f.Add([]byte(frame.payload))
		}
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		code, reason, v := parseClose(p)
		var want uint16
		switch {
		case len(p) == 1, len(p) > 1 && !sendable(int(p[0])*256+int(p[1])):
			want = 1002
		case len(p) > 1 && !utf8.Valid(p[2:]):
			want = 1007
		}
		switch {
		case v == nil && want == 0 && len(p) == 0:
			if code != 1005 || len(reason) != 0 {
				t.Errorf("empty payload: %d %q", code, reason)
			}
		case v == nil && want == 0:
			if got := AppendClose(nil, code, string(reason)); string(got) != string(p) {
				t.Errorf("%x came back as %x", p, got)
			}
		case v == nil || v.Code != want:
			t.Errorf("%x: %v, want code %d", p, v, want)
		}
	})
}
