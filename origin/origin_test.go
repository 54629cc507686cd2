package origin_test

import (
	"crypto/tls"
	"net/http"
	"testing"

	"github.com/spoutws/spout/origin"
)

// request returns an upgrade request to host with the given Origin headers.
func request(host string, secure bool, origins ...string) *http.Request {
	r := &http.Request{Method: "GET", Host: host, Header: http.Header{}}
	for _, o := range origins {
		r.Header.Add("Origin", o)
	}
	if secure {
		r.TLS = &tls.ConnectionState{}
	}
	return r
}

func TestSame(t *testing.T) {
	type answer struct{ plain, tls bool }
	both, neither, plain := answer{true, true}, answer{}, answer{plain: true}
	tests := []struct {
		name, host, origin string
		want               answer
	}{
		{"https", "example.com", "https://example.com", both},
		{"http", "example.com", "http://example.com", plain},
		{"a port", "example.com:8443", "https://example.com:8443", both},
		{"localhost", "localhost:8888", "http://localhost:8888", plain},
		{"IPv4", "127.0.0.1:8888", "http://127.0.0.1:8888", plain},
		{"an underscore", "my_service:8888", "http://my_service:8888", plain},
		{"punycode", "xn--bcher-kva.example", "https://xn--bcher-kva.example", both},

		// Default ports.
		{"443 in the host", "example.com:443", "https://example.com", both},
		{"443 in the origin", "example.com", "https://example.com:443", both},
		{"80 in the host", "example.com:80", "http://example.com", plain},
		{"80 in the origin", "example.com", "http://example.com:80", plain},
		{"443 is not the default of http", "example.com:443", "http://example.com", neither},
		{"80 is not the default of https", "example.com:80", "https://example.com", neither},
		{"80 for https", "example.com", "https://example.com:80", neither},

		// Ports that differ.
		{"another port", "example.com:8443", "https://example.com:8444", neither},
		{"no port against one", "example.com", "https://example.com:8443", neither},
		{"one port against none", "example.com:8443", "https://example.com", neither},
		{"a longer port", "example.com:844", "https://example.com:8443", neither},
		{"port 0", "example.com:0", "https://example.com:0", neither},
		{"empty ports", "example.com:", "https://example.com:", neither},
		{"zeros before the port", "example.com:443", "https://example.com:0443", neither},
		{"a port that wraps to 443", "example.com", "https://example.com:65979", neither},
		{"a port that is a name", "example.com:https", "https://example.com:https", neither},
		{"a sign before the port", "example.com", "https://example.com:+443", neither},
		{"two ports", "example.com:443", "https://example.com:443:443", neither},

		// Case.
		{"case in the host", "Example.COM", "https://example.com", both},
		{"case in the origin", "example.com", "HTTPS://EXAMPLE.com", both},
		{"the Kelvin sign is no k", "kelvin.example", "https://\u212aelvin.example", neither},

		// IPv6.
		{"IPv6", "[::1]", "https://[::1]", both},
		{"IPv6 and port", "[2001:db8::1]:8443", "https://[2001:db8::1]:8443", both},
		{"IPv6 in other words", "[2001:DB8:0:0::1]", "https://[2001:db8::1]", both},
		{"IPv6 that holds IPv4", "[::ffff:127.0.0.1]", "https://[::ffff:7f00:1]", both},
		{"the IPv4 that it holds", "127.0.0.1", "https://[::ffff:7f00:1]", neither},
		{"another IPv6", "[::1]", "https://[::2]", neither},
		{"IPv6 without brackets", "::1", "https://::1", neither},
		{"IPv6 with a zone", "[fe80::1%25eth0]", "https://[fe80::1%25eth0]", neither},
		{"IPv4 in brackets", "[127.0.0.1]", "https://[127.0.0.1]", neither},
		{"a name in brackets", "[example.com]", "https://[example.com]", neither},
		{"a bracket not closed", "[::1", "https://[::1", neither},
		{"something after the bracket", "[::1].evil.com", "https://[::1].evil.com", neither},

		// Trailing dots: a host of its own, to browsers too.
		{"dots on both sides", "example.com.", "https://example.com.", both},
		{"a dot in the origin", "example.com", "https://example.com.", neither},
		{"a dot in the host", "example.com.", "https://example.com", neither},
		{"two dots", "example.com..", "https://example.com..", neither},

		// Hosts that look alike.
		{"a prefix", "example.com", "https://evil-example.com", neither},
		{"a suffix", "example.com", "https://example.com.evil.com", neither},
		{"a suffix without a dot", "example.com", "https://example.community", neither},
		{"a subdomain", "example.com", "https://www.example.com", neither},
		{"the parent", "www.example.com", "https://example.com", neither},
		{"a user name", "example.com", "https://example.com@evil.com", neither},
		{"a user name before the own host", "example.com", "https://evil.com@example.com", neither},
		{"a password", "example.com", "https://example.com:443@evil.com", neither},
		{"a path", "example.com", "https://evil.com/example.com", neither},
		{"a backslash", "example.com", `https://evil.com\example.com`, neither},
		{"an escaped slash", "example.com", "https://evil.com%2Fexample.com", neither},
		{"a letter escaped", "example.com", "https://%65xample.com", neither},
		{"a full-width dot", "example.com", "https://example\uff0ecom", neither},
		{"a Cyrillic letter", "example.com", "https://ex\u0430mple.com", neither},
		{"the host as a Unicode name", "b\u00fccher.example", "https://b\u00fccher.example", neither},

		// Whatever is not just scheme, host and port.
		{"null", "example.com", "null", neither},
		{"empty", "example.com", "", neither},
		{"no scheme", "example.com", "example.com", neither},
		{"no scheme but slashes", "example.com", "//example.com", neither},
		{"another scheme", "example.com", "ftp://example.com", neither},
		{"wss", "example.com", "wss://example.com", neither},
		{"a file", "", "file://", neither},
		{"no host", "", "https://", neither},
		{"only a port", ":443", "https://:443", neither},
		{"a slash at the end", "example.com", "https://example.com/", neither},
		{"a path of its own", "example.com", "https://example.com/a", neither},
		{"a query", "example.com", "https://example.com?a", neither},
		{"an empty query", "example.com", "https://example.com?", neither},
		{"a fragment", "example.com", "https://example.com#", neither},
		{"a list with spaces", "example.com", "https://example.com https://evil.com", neither},
		{"a list with a comma", "example.com", "https://example.com, https://evil.com", neither},
		{"spaces around", "example.com", " https://example.com", neither},
		{"a line end", "example.com", "https://example.com\n", neither},
		{"NUL", "example.com", "https://example.com\x00", neither},
		{"a wildcard", "*.example.com", "https://*.example.com", neither},
		{"no Host", "", "https://example.com", neither},
		{"a Host with a user name", "evil@example.com", "https://example.com", neither},
	}
	for _, tt := range tests {
		if got := (answer{origin.Same(request(tt.host, false, tt.origin)), origin.Same(request(tt.host, true, tt.origin))}); got != tt.want {
			t.Errorf("%s: host %q, origin %q: %+v, want %+v", tt.name, tt.host, tt.origin, got, tt.want)
		}
	}
}

func TestSeveralOrigins(t *testing.T) {
	allow, err := origin.Allow("https://example.org")
	if err != nil {
		t.Fatal(err)
	}
	const own, listed, evil = "https://example.com", "https://example.org", "https://evil.com"
	for _, origins := range [][]string{{own, evil}, {evil, own}, {own, own}, {own, ""}, {"", own}, {listed, evil}, {evil, listed}, {listed, listed}, {own, listed}} {
		r := request("example.com", true, origins...)
		if origin.Same(r) || allow(r) {
			t.Errorf("Origin headers %q: Same %v, Allow %v", origins, origin.Same(r), allow(r))
		}
	}
}

func TestNoOrigin(t *testing.T) {
	allow, err := origin.Allow("https://example.org")
	if err != nil {
		t.Fatal(err)
	}
	for _, secure := range []bool{false, true} {
		if r := request("example.com", secure); !origin.Same(r) || !allow(r) {
			t.Errorf("no Origin, TLS %v: Same %v, Allow %v", secure, origin.Same(r), allow(r))
		}
	}
}

func TestAny(t *testing.T) {
	for _, r := range []*http.Request{
		request("example.com", true), request("example.com", true, "null"),
		request("example.com", false, "https://evil.com"), request("", false, "a", "b"),
	} {
		if !origin.Any(r) {
			t.Errorf("Any refuses %q", r.Header["Origin"])
		}
	}
}
