package origin_test

import (
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/spoutws/spout/origin"
)

// FuzzOrigin holds what is accepted against a check that shares nothing with the package.
func FuzzOrigin(f *testing.F) {
	list := []string{"https://example.com", "http://localhost:3000", "https://*.example.org:8443", "http://[::1]:81"}
	allow, err := origin.Allow(list...)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("https://example.com", "example.com", true)
	f.Add("http://[::1]:81", "[::1]:81", false)
	f.Fuzz(func(t *testing.T, o, host string, secure bool) {
		if check, err := origin.Allow(o); err == nil && !strings.Contains(o, "*") && !check(request("other.test", secure, o)) {
			t.Errorf("origin %q: listed and refused", o)
		}
		same, allowed := origin.Same(request(host, secure, o)), allow(request(host, secure, o))
		if same && !allowed {
			t.Fatalf("origin %q, host %q, TLS %v: Same accepts what Allow refuses", o, host, secure)
		}
		if !allowed {
			return
		}
		from, ok := dissect(o)
		if !ok {
			t.Fatalf("origin %q, host %q, TLS %v: accepted, but it is no origin", o, host, secure)
		}
		to, _ := dissect(from.scheme + "://" + host)
		isSame := from == to && (from.scheme == "https" || !secure)
		isListed := slices.ContainsFunc(list, func(entry string) bool { return onList(entry, from) })
		if same != isSame || !same && !isListed {
			t.Errorf("origin %q, host %q, TLS %v: Same %v, Allow true; by another check %v, %v", o, host, secure, same, isSame, isListed)
		}
		if same {
			scheme, rest, _ := strings.Cut(o, "://")
			for _, evil := range []string{o + ".evil.test", o + "@evil.test", scheme + "://evil-" + rest, scheme + "://evil." + rest, o + "/", o + "\x00", " " + o} {
				if origin.Same(request(host, secure, evil)) {
					t.Errorf("host %q, TLS %v: accepts %q", host, secure, evil)
				}
			}
			if origin.Same(request(host, secure, o, o)) {
				t.Errorf("host %q, TLS %v: accepts %q twice", host, secure, o)
			}
		}
	})
}

// parts is an origin taken apart, the host in labels.
type parts struct{ scheme, host, port string }

// dissect parses an origin with net/url and accepts it if nothing but scheme, host and port is there.
func dissect(s string) (parts, bool) {
	u, err := url.Parse(s)
	if err != nil || u.User != nil || u.Opaque != "" || u.Path != "" || u.ForceQuery || u.RawQuery != "" || strings.Contains(s, "#") {
		return parts{}, false
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	host := strings.ToLower(u.Hostname())
	if strings.Contains(host, ":") {
		host = "ip " + net.ParseIP(host).String()
	}
	return parts{u.Scheme, host, port}, host != "" && port != ""
}

// onList compares label by label from the right; a * stands for one label or more.
func onList(entry string, p parts) bool {
	scheme, rest, _ := strings.Cut(entry, "://")
	e, _ := dissect(scheme + "://" + strings.TrimPrefix(rest, "*."))
	if e.scheme != p.scheme || e.port != p.port {
		return false
	}
	if !strings.HasPrefix(rest, "*.") {
		return e.host == p.host
	}
	want, have := strings.Split(e.host, "."), strings.Split(p.host, ".")
	return len(have) > len(want) && slices.Equal(have[len(have)-len(want):], want)
}
