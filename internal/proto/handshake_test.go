package proto

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The tables of this file follow the sections of RFC 6455; what it takes from RFC 9110 comes first.

func TestIsToken(t *testing.T) { // RFC 9110, 5.6.2
	const special = "!#$%&'*+-.^_`|~"
	for c := range 256 {
		want := '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		for _, s := range []byte(special) {
			want = want || c == int(s)
		}
		for _, s := range []string{string([]byte{byte(c)}), "x" + string([]byte{byte(c)}), string([]byte{byte(c)}) + "x"} {
			if got := IsToken(s); got != want {
				t.Errorf("IsToken(%q) = %v, want %v", s, got, want)
			}
		}
	}
	if IsToken("") {
		t.Error("the empty string is a token")
	}
}

func TestValidHeaderValue(t *testing.T) { // RFC 9110, 5.5
	for c := range 256 {
		want := c == '\t' || c >= ' ' && c != 0x7f
		for _, s := range []string{string([]byte{byte(c)}), "a" + string([]byte{byte(c)}) + "b"} {
			if got := ValidHeaderValue(s); got != want {
				t.Errorf("ValidHeaderValue(%q) = %v, want %v", s, got, want)
			}
		}
	}
	if !ValidHeaderValue("") {
		t.Error("the empty value is refused")
	}
	if ValidHeaderValue("x\r\nSet-Cookie: a=b") {
		t.Error("a value that starts another header is accepted")
	}
}

func TestHasToken(t *testing.T) { // RFC 6455, 4.1 and 4.2.1 (3, 4); lists: RFC 9110, 5.6.1
	tests := []struct {
		values []string
		want   bool
	}{
		{nil, false},
		{[]string{""}, false},
		{[]string{"Upgrade"}, true},
		{[]string{"upgrade"}, true},
		{[]string{"UPGRADE"}, true},
		{[]string{"keep-alive, Upgrade"}, true},
		{[]string{"Upgrade,keep-alive"}, true},
		{[]string{"keep-alive", "Upgrade"}, true},
		{[]string{" \tUpgrade\t "}, true},
		{[]string{",, ,Upgrade,"}, true},
		{[]string{"keep-alive"}, false},
		{[]string{"Upgraded"}, false},
		{[]string{"Updated"}, false},
		{[]string{"an-Upgrade"}, false},
		{[]string{"keep-alive Upgrade"}, false},
		{[]string{"keep-alive; Upgrade"}, false},
		{[]string{`"Upgrade"`}, false},
		{[]string{"\u00a0Upgrade"}, false},
		{[]string{"Upgrade\n"}, false},
	}
	for _, tt := range tests {
		if got := HasToken(tt.values, "upgrade"); got != tt.want {
			t.Errorf("HasToken(%q, upgrade) = %v, want %v", tt.values, got, tt.want)
		}
	}
	if HasToken([]string{"\u212aeep-alive"}, "keep-alive") { // the Kelvin sign
		t.Error("letters beyond ASCII are folded")
	}
}

func TestValidKey(t *testing.T) { // RFC 6455, 4.1 and 4.2.1 (5)
	key := func(n int) string { return base64.StdEncoding.EncodeToString(slices.Repeat([]byte{0xfb}, n)) }
	tests := []struct {
		name, key string
		want      bool
	}{
		{"the example of 1.3", "dGhlIHNhbXBsZSBub25jZQ==", true},
		{"+ and /", key(16), true},
		{"empty", "", false},
		{"15 bytes", key(15), false},
		{"17 bytes", key(17), false},
		{"18 bytes", key(18), false},
		{"32 bytes", key(32), false},
		{"no padding", "dGhlIHNhbXBsZSBub25jZQ", false},
		{"half the padding", "dGhlIHNhbXBsZSBub25jZQ=", false},
		{"too much padding", "dGhlIHNhbXBsZSBub25jZQ===", false},
		{"stray bits", "dGhlIHNhbXBsZSBub25jZR==", false},
		{"the alphabet of URLs", strings.NewReplacer("+", "-", "/", "_").Replace(key(16)), false},
		{"not base64", "dGhlIHNhbXBsZSBub25jZ*==", false},
		{"a space at the end", "dGhlIHNhbXBsZSBub25jZQ== ", false},
		{"a line end inside", "dGhlIHNhbXBs\nZSBub25jZQ=", false},
		{"line ends beside", "dGhlIHNhbXBsZSBub25jZQ==\r\n", false},
	}
	for _, tt := range tests {
		if got := ValidKey(tt.key); got != tt.want {
			t.Errorf("%s: ValidKey(%q) = %v, want %v", tt.name, tt.key, got, tt.want)
		}
	}
}

func TestParseTokens(t *testing.T) { // RFC 6455, 4.1 (10), 4.2.1 (8), 4.3 and 11.3.4
	tests := []struct {
		values []string
		want   []string
		ok     bool
	}{
		{nil, nil, true},
		{[]string{"chat"}, []string{"chat"}, true},
		{[]string{"chat, superchat"}, []string{"chat", "superchat"}, true},
		{[]string{"b,a", "c\t,\td"}, []string{"b", "a", "c", "d"}, true},
		{[]string{"v1.chat.example.com"}, []string{"v1.chat.example.com"}, true},
		{[]string{"chat, CHAT"}, []string{"chat", "CHAT"}, true},
		{[]string{",chat,, ,b,"}, []string{"chat", "b"}, true},
		{[]string{"", "chat"}, []string{"chat"}, true},
		{[]string{""}, nil, false},
		{[]string{" , ,"}, nil, false},
		{[]string{"chat, chat"}, nil, false},
		{[]string{"chat", "b, chat"}, nil, false},
		{[]string{"chat room"}, nil, false},
		{[]string{"chat;q=1"}, nil, false},
		{[]string{`"chat"`}, nil, false},
		{[]string{"a/b"}, nil, false},
		{[]string{"chät"}, nil, false},
		{[]string{"chat", "b\x00"}, nil, false},
		{[]string{"chat\r\nX: y"}, nil, false},
	}
	for _, tt := range tests {
		got, ok := ParseTokens(tt.values)
		if ok != tt.ok || !slices.Equal(got, tt.want) {
			t.Errorf("ParseTokens(%q) = %q, %v, want %q, %v", tt.values, got, ok, tt.want, tt.ok)
		}
	}
}

func TestParseTokensBound(t *testing.T) {
	var names []string
	for i := range maxListItems + 1 {
		names = append(names, fmt.Sprint("p", i))
	}
	most := names[:maxListItems]
	if got, ok := ParseTokens([]string{strings.Join(most, ",")}); !ok || !slices.Equal(got, most) {
		t.Errorf("%d tokens: got %d, %v", len(most), len(got), ok)
	}
	if got, ok := ParseTokens(names); ok {
		t.Errorf("%d tokens: got %d, %v", len(names), len(got), ok)
	}
}

func TestAcceptKey(t *testing.T) { // RFC 6455, 1.3 and 4.2.2 (5.4)
	if got, want := AcceptKey("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="; got != want {
		t.Errorf("AcceptKey = %q, want %q", got, want)
	}
}
