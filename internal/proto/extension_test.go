package proto

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// RFC 6455, 4.3 and 9.1

func param(name string) Param          { return Param{Name: name} }
func paramEq(name, value string) Param { return Param{Name: name, Value: value, HasValue: true} }

func extension(name string, params ...Param) Extension {
	return Extension{Name: name, Params: params}
}

func TestParseExtensions(t *testing.T) {
	tests := []struct {
		values []string
		want   []Extension
	}{
		{nil, nil},
		// The examples of 9.1.
		{[]string{"foo", "bar; baz=2"}, []Extension{extension("foo"), extension("bar", paramEq("baz", "2"))}},
		{[]string{"foo, bar; baz=2"}, []Extension{extension("foo"), extension("bar", paramEq("baz", "2"))}},
		{[]string{"deflate-stream"}, []Extension{extension("deflate-stream")}},
		{[]string{"mux; max-channels=4; flow-control,          deflate-stream"},
			[]Extension{extension("mux", paramEq("max-channels", "4"), param("flow-control")), extension("deflate-stream")}},
		// RFC 7692, 7.1.3: an offer with a fallback.
		{[]string{"permessage-deflate; client_max_window_bits; server_max_window_bits=10, permessage-deflate"},
			[]Extension{extension("permessage-deflate", param("client_max_window_bits"), paramEq("server_max_window_bits", "10")),
				extension("permessage-deflate")}},
		// Whitespace between any two parts (RFC 2616, 2.1).
		{[]string{"\t a ;b\t=\tc ; d = \"e\" \t,f"}, []Extension{extension("a", paramEq("b", "c"), paramEq("d", "e")), extension("f")}},
		{[]string{"a;b=c;d"}, []Extension{extension("a", paramEq("b", "c"), param("d"))}},
		// Quoted strings, their escapes removed, are tokens.
		{[]string{`a; b="c"`}, []Extension{extension("a", paramEq("b", "c"))}},
		{[]string{`a; b="\c\1"`}, []Extension{extension("a", paramEq("b", "c1"))}},
		{[]string{`a; b="c", d`}, []Extension{extension("a", paramEq("b", "c")), extension("d")}},
		// A repeated name is left to the extension.
		{[]string{"a; b; b=1"}, []Extension{extension("a", param("b"), paramEq("b", "1"))}},
		// Empty elements (RFC 9110, 5.6.1.2).
		{[]string{",, a,\t,", "", "b"}, []Extension{extension("a"), extension("b")}},
	}
	for _, tt := range tests {
		got, err := ParseExtensions(tt.values)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("ParseExtensions(%q) = %+v, %v, want %+v", tt.values, got, err, tt.want)
		}
	}
}

func TestParseExtensionsMalformed(t *testing.T) {
	z := []Extension{extension("z")}
	tests := []struct {
		values []string
		want   []Extension // what is left
	}{
		{[]string{""}, nil},
		{[]string{" ,, "}, nil},
		{[]string{";a, z"}, z},
		{[]string{"=a, z"}, z},
		{[]string{"a b, z"}, z},
		{[]string{"a=b, z"}, z},
		{[]string{"a;, z"}, z},
		{[]string{"a;;b, z"}, z},
		{[]string{"a; b c, z"}, z},
		{[]string{"a; b=, z"}, z},
		{[]string{"a; =b, z"}, z},
		{[]string{"a; b=c=d, z"}, z},
		{[]string{"a; b=c d, z"}, z},
		{[]string{"a/b, z"}, z},
		{[]string{"a; b/c, z"}, z},
		{[]string{"a; b=(c), z"}, z},
		{[]string{"ä, z"}, z},
		{[]string{"a\x00, z"}, z},
		{[]string{`"a", z`}, z},
		{[]string{`a; "b", z`}, z},
		{[]string{`a; b="", z`}, z},
		{[]string{`a; b="c d", z`}, z},
		{[]string{`a; b="c\"", z`}, z},
		{[]string{`a; b="c\\", z`}, z},
		{[]string{`a; b="c"d, z`}, z},
		{[]string{`a; b="c""d", z`}, z},
		{[]string{`a; b=c"d", z`}, z},
		// A comma in quotes ends no element, nor does a quote that is escaped.
		{[]string{`a; b="1, permessage-deflate", z`}, z},
		{[]string{`a; b="\", permessage-deflate", z`}, z},
		// A string that does not end takes its own header value along, and no other.
		{[]string{`y, a; b="c, x`, "z"}, []Extension{extension("y"), extension("z")}},
		{[]string{`a; b="c\`, "z"}, z},
		{[]string{`a; b="`, "z"}, z},
		// Order is kept, and one bad element spoils no other.
		{[]string{"x, a b, y; p=1, c;, z"}, []Extension{extension("x"), extension("y", paramEq("p", "1")), extension("z")}},
	}
	for _, tt := range tests {
		got, err := ParseExtensions(tt.values)
		if err == nil {
			t.Errorf("ParseExtensions(%q): no error", tt.values)
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("ParseExtensions(%q) = %+v, want %+v", tt.values, got, tt.want)
		}
	}
}

func TestParseExtensionsError(t *testing.T) {
	_, err := ParseExtensions([]string{"x, bad offer, worse;"})
	if err == nil || !strings.Contains(err.Error(), `"bad offer"`) {
		t.Errorf("the error %v does not name the first malformed element", err)
	}
	_, err = ParseExtensions([]string{"a " + strings.Repeat("b", 1<<20)})
	if err == nil || len(err.Error()) > 200 {
		t.Errorf("the error repeats a long element: %.80v", err)
	}
}

func TestParseExtensionsBound(t *testing.T) {
	tests := []struct {
		name   string
		header string
		want   int // extensions
		ok     bool
	}{
		{"as many extensions as may be", strings.Repeat("a,", maxListItems), maxListItems, true},
		{"one more", strings.Repeat("a,", maxListItems+1), maxListItems, false},
		{"as many parameters as may be", "a" + strings.Repeat(";b", maxListItems-1), 1, true},
		{"one more with its extension", "a" + strings.Repeat(";b", maxListItems), 0, false},
		{"too many in one element", "a" + strings.Repeat(";b", maxListItems+1) + ", z", 1, false},
		{"a flood after a good offer", "z" + strings.Repeat(", a;b", 1<<16), maxListItems / 2, false},
	}
	for _, tt := range tests {
		got, err := ParseExtensions([]string{tt.header})
		if len(got) != tt.want || (err == nil) != tt.ok {
			t.Errorf("%s: %d extensions, error %v, want %d, ok %v", tt.name, len(got), err, tt.want, tt.ok)
		}
	}
}

// 8 KiB must cost linear work. At 512 KiB, work that grows with the square would outlast the
// time that go test gives; and what is malformed must not cost memory either.
func TestParseExtensionsLinear(t *testing.T) {
	for _, unit := range []string{`"`, `\`, `"\`, `\"`, `"",`, `a;b="`, `a;b="",`, `a;b="\"`, `,`, ` `, `;`, `=`, `a;b=c;`, `a; b= "c`, "\x00", `a `} {
		header := strings.Repeat(unit, 512<<10/len(unit))
		for _, h := range []string{header, `a; b="` + header, `"` + header + `", a`} {
			got, _ := ParseExtensions([]string{h})
			items := len(got)
			for _, e := range got {
				items += len(e.Params)
			}
			if items > maxListItems {
				t.Errorf("%q repeated: %d extensions and parameters", unit, items)
			}
		}
	}
	header := []string{strings.Repeat(`a;b="`, 8<<10/5)}
	if n := testing.AllocsPerRun(10, func() { ParseExtensions(header) }); n > 10 {
		t.Errorf("8 KiB of quotes: %v allocations", n)
	}
}

// formatExtensions writes a list in one of the many ways that the grammar has for it: style picks
// the spaces, the quotes and the escapes.
func formatExtensions(list []Extension, style uint64) string {
	var b strings.Builder
	next := func() bool { style = style*6364136223846793005 + 1442695040888963407; return style>>63 == 1 }
	space := func() {
		if next() {
			b.WriteString(" \t")
		}
	}
	for i, e := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		space()
		b.WriteString(e.Name)
		for _, p := range e.Params {
			space()
			b.WriteByte(';')
			space()
			b.WriteString(p.Name)
			if !p.HasValue {
				continue
			}
			space()
			b.WriteByte('=')
			space()
			if !next() {
				b.WriteString(p.Value)
				continue
			}
			b.WriteByte('"')
			for _, c := range []byte(p.Value) {
				if next() {
					b.WriteByte('\\')
				}
				b.WriteByte(c)
			}
			b.WriteByte('"')
		}
		space()
	}
	return b.String()
}

// FuzzHandshake gives the same header, its lines being its values, to everything that reads one.
func FuzzHandshake(f *testing.F) {
	f.Add([]byte("permessage-deflate; client_max_window_bits, foo; a=\"b\\c\""), uint64(1))
	f.Add([]byte("keep-alive, Upgrade"), uint64(2))
	f.Add([]byte("dGhlIHNhbXBsZSBub25jZQ=="), uint64(3))
	f.Fuzz(func(t *testing.T, header []byte, style uint64) {
		var values []string
		for line := range bytes.SplitSeq(header, []byte("\n")) {
			values = append(values, string(line))
		}

		tokens, ok := ParseTokens(values)
		if ok != (tokens != nil) || len(tokens) > maxListItems {
			t.Errorf("ParseTokens: %d tokens, %v", len(tokens), ok)
		}
		for i, token := range tokens {
			if !IsToken(token) || slices.Contains(tokens[:i], token) {
				t.Errorf("ParseTokens returned %q at %d", token, i)
			}
			if !HasToken(values, strings.ToUpper(token)) {
				t.Errorf("HasToken does not find %q", token)
			}
		}
		if again, ok2 := ParseTokens([]string{strings.Join(tokens, ", ")}); ok && (!ok2 || !slices.Equal(again, tokens)) {
			t.Errorf("%q, written out and read again: %q, %v", tokens, again, ok2)
		}

		list, err := ParseExtensions(values)
		items := 0
		for _, e := range list {
			items += 1 + len(e.Params)
			if !IsToken(e.Name) {
				t.Errorf("extension name %q is not a token", e.Name)
			}
			for _, p := range e.Params {
				if !IsToken(p.Name) || p.HasValue != IsToken(p.Value) || !p.HasValue && p.Value != "" {
					t.Errorf("parameter %+v", p)
				}
			}
		}
		if items > maxListItems {
			t.Errorf("%d extensions and parameters", items)
		}
		if len(list) == 0 && err == nil {
			t.Error("a header without an extension is no error")
		}
		if len(list) > 0 {
			written := formatExtensions(list, style)
			if again, err := ParseExtensions([]string{written}); err != nil || !reflect.DeepEqual(again, list) {
				t.Errorf("%+v, written as %q and read again: %+v, %v", list, written, again, err)
			}
			// A malformed element between others is reported, and they are read all the same.
			again, err := ParseExtensions([]string{written, `a; b="`, written})
			if err == nil || items*2 <= maxListItems && !reflect.DeepEqual(again, append(slices.Clone(list), list...)) {
				t.Errorf("%q twice with a malformed element between: %+v, %v", written, again, err)
			}
		}

		s := string(header)
		if ValidKey(s) && len(s) != 24 {
			t.Errorf("a key of %d characters", len(s))
		}
		if len(AcceptKey(s)) != 28 {
			t.Errorf("AcceptKey(%q) = %q", s, AcceptKey(s))
		}
		if ValidHeaderValue(s) != !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			t.Errorf("ValidHeaderValue(%q) = %v", s, ValidHeaderValue(s))
		}
	})
}
