package origin_test

import (
	"strings"
	"testing"

	"github.com/spoutws/spout/origin"
)

func TestAllow(t *testing.T) {
	tests := []struct {
		name, entry, origin string
		want                bool
	}{
		{"as listed", "https://example.com", "https://example.com", true},
		{"with its port", "http://localhost:3000", "http://localhost:3000", true},
		{"default port in the origin", "https://example.com", "https://example.com:443", true},
		{"default port in the entry", "https://example.com:443", "https://example.com", true},
		{"case of the entry", "HTTPS://Example.COM", "https://example.com", true},
		{"case of the origin", "https://example.com", "HTTPS://EXAMPLE.COM", true},
		{"IPv4", "http://127.0.0.1:3000", "http://127.0.0.1:3000", true},
		{"IPv6", "http://[::1]:3000", "http://[0:0::1]:3000", true},
		{"punycode", "https://xn--bcher-kva.example", "https://xn--bcher-kva.example", true},

		{"other scheme", "https://example.com", "http://example.com", false},
		{"other scheme, its port", "https://example.com", "http://example.com:443", false},
		{"http listed, https sent", "http://example.com", "https://example.com", false},
		{"other port", "https://example.com", "https://example.com:8443", false},
		{"port forgotten", "https://example.com:8443", "https://example.com", false},
		{"prefix", "https://example.com", "https://evil-example.com", false},
		{"suffix", "https://example.com", "https://example.com.evil.com", false},
		{"user name", "https://example.com", "https://example.com@evil.com", false},
		{"subdomain of what is listed", "https://example.com", "https://www.example.com", false},
		{"dot at the end", "https://example.com", "https://example.com.", false},
		{"slash at the end", "https://example.com", "https://example.com/", false},
		{"null", "https://example.com", "null", false},
		{"the name that punycode stands for", "https://xn--bcher-kva.example", "https://b\u00fccher.example", false},
		{"dots are no pattern", "https://www.example.com", "https://wwwxexample.com", false},

		{"below a wildcard", "https://*.example.com", "https://www.example.com", true},
		{"far below a wildcard", "https://*.example.com", "https://a.b.c.example.com", true},
		{"below a wildcard, with port", "http://*.localhost:3000", "http://a.localhost:3000", true},
		{"case below a wildcard", "https://*.Example.com", "https://WWW.eXample.com", true},
		{"default port below a wildcard", "https://*.example.com:443", "https://www.example.com", true},
		{"punycode below a wildcard", "https://*.example.com", "https://xn--bcher-kva.example.com", true},
		{"what evil- may be below a wildcard", "https://*.example.com", "https://evil-example.example.com", true},

		{"the wildcard's own domain", "https://*.example.com", "https://example.com", false},
		{"an empty label", "https://*.example.com", "https://.example.com", false},
		{"an empty label inside", "https://*.example.com", "https://a..example.com", false},
		{"the wildcard itself", "https://*.example.com", "https://*.example.com", false},
		{"not at a label boundary", "https://*.example.com", "https://evil-example.com", false},
		{"not at a label boundary, deeper", "https://*.example.com", "https://www.evil-example.com", false},
		{"wildcard and suffix", "https://*.example.com", "https://www.example.com.evil.com", false},
		{"wildcard and user name", "https://*.example.com", "https://www.example.com@evil.com", false},
		{"wildcard and user name before", "https://*.example.com", "https://evil.com@www.example.com", false},
		{"wildcard and path", "https://*.example.com", "https://evil.com/.example.com", false},
		{"wildcard and query", "https://*.example.com", "https://evil.com?.example.com", false},
		{"wildcard and fragment", "https://*.example.com", "https://evil.com#.example.com", false},
		{"wildcard and backslash", "https://*.example.com", `https://evil.com\.example.com`, false},
		{"wildcard and colon", "https://*.example.com", "https://evil.com:.example.com", false},
		{"wildcard and space", "https://*.example.com", "https://evil.com .example.com", false},
		{"wildcard and NUL", "https://*.example.com", "https://evil.com\x00.example.com", false},
		{"wildcard and other scheme", "https://*.example.com", "http://www.example.com", false},
		{"wildcard and other port", "https://*.example.com", "https://www.example.com:8443", false},
		{"wildcard and dot at the end", "https://*.example.com", "https://www.example.com.", false},
		{"wildcard and full-width dot", "https://*.example.com", "https://www\uff0eexample.com", false},
		{"wildcard and brackets", "https://*.example.com", "https://[::1.example.com]", false},
	}
	for _, tt := range tests {
		allow, err := origin.Allow("https://other.example", tt.entry)
		if err != nil {
			t.Errorf("%s: Allow(%q): %v", tt.name, tt.entry, err)
			continue
		}
		for _, secure := range []bool{false, true} {
			if got := allow(request("api.example.net", secure, tt.origin)); got != tt.want {
				t.Errorf("%s: %q on the list, origin %q, TLS %v: %v, want %v", tt.name, tt.entry, tt.origin, secure, got, tt.want)
			}
		}
	}
}

func TestAllowSame(t *testing.T) {
	for _, list := range [][]string{nil, {"https://other.example"}} {
		allow, err := origin.Allow(list...)
		if err != nil {
			t.Fatal(err)
		}
		tests := []struct {
			origin string
			secure bool
			want   bool
		}{
			{"https://example.com", true, true},
			{"https://example.com", false, true},
			{"http://example.com", false, true},
			{"http://example.com", true, false},
			{"https://evil.com", true, false},
		}
		for _, tt := range tests {
			if got := allow(request("example.com", tt.secure, tt.origin)); got != tt.want {
				t.Errorf("Allow(%q): origin %q, TLS %v: %v, want %v", list, tt.origin, tt.secure, got, tt.want)
			}
		}
	}
}

func TestAllowBadEntry(t *testing.T) {
	tests := []struct {
		entry string
		say   string // what the error has to tell besides the entry
	}{
		{"", "https://example.com"},
		{"*", "origin.Any"},
		{"https://*", "origin.Any"},
		{"https://*:8443", "origin.Any"},
		{"null", "sandboxed"},
		{"example.com", "write https://example.com or http://example.com"},
		{"*.example.com", "write https://*.example.com or"},
		{"//example.com", "write https://example.com or"},
		{"localhost:3000", "or http://localhost:3000"},
		{"wss://example.com", "write https://example.com"},
		{"ws://localhost:3000", "write http://localhost:3000"},
		{"ftp://example.com", "neither http nor https"},
		{"chrome-extension://abcdef", "a check of your own"},
		{"*://example.com", "neither http nor https"},
		{"https://example.com/", "write https://example.com"},
		{"https://example.com/chat", "write https://example.com"},
		{"https://example.com?a", "write https://example.com"},
		{"https://example.com#a", "write https://example.com"},
		{`https://example.com\a`, "write https://example.com"},
		{"https://user@example.com", "write https://example.com"},
		{"https://user:password@example.com", "write https://example.com"},
		{"https://www.*.example.com", "write https://*.example.com"},
		{"https://a*.example.com", "write https://*.example.com"},
		{"https://*example.com", "write https://*.example.com"},
		{"https://example.*", "write https://*.example.com"},
		{"https://*.*.example.com", "write https://*.example.com"},
		{"http://localhost:*", "list http://localhost:3000"},
		{"https://*.com", "write https://*.example.com"},
		{"https://*.", "not a host"},
		{"https://*.127.0.0.1", "write https://127.0.0.1"},
		{"https://*.[::1]", "write https://[::1]"},
		{"https://example.com.", "write https://example.com"},
		{"https://b\u00fccher.example", "xn--"},
		{"https://", "not a host and port"},
		{"https://:443", "not a host and port"},
		{"https://example.com:", "not a host and port"},
		{"https://example.com:https", "not a host and port"},
		{"https://example.com:65536", "not a host and port"},
		{"https://exa_mple.com!", "not a host and port"},
		{"https://.example.com", "not a host and port"},
		{"https://example.com, https://example.org", "an entry of its own"},
		{"https://example.com https://example.org", "an entry of its own"},
		{" https://example.com", "without spaces"},
		{"https://::1", "not a host and port"},
	}
	for _, tt := range tests {
		allow, err := origin.Allow("https://good.example", tt.entry)
		if err == nil {
			t.Errorf("Allow(%q): no error", tt.entry)
			continue
		}
		if allow != nil {
			t.Errorf("Allow(%q): a check beside the error", tt.entry)
		}
		msg := err.Error()
		if !strings.HasPrefix(msg, "origin: ") || !strings.Contains(msg, `"`+strings.ReplaceAll(tt.entry, `\`, `\\`)+`"`) || !strings.Contains(msg, tt.say) {
			t.Errorf("Allow(%q): %q does not name the entry or does not say %q", tt.entry, msg, tt.say)
		}
		if strings.Contains(msg, "good.example") {
			t.Errorf("Allow(%q): %q names the good entry", tt.entry, msg)
		}
	}
}
