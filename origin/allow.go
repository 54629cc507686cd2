package origin

import (
	"fmt"
	"net/http"
	"strings"
)

// Allow returns a check that accepts what [Same] accepts, and the listed origins. A bad entry is an
// error that names it, says what is wrong and how to write it.
//
// An entry is what a browser sends, http or https, host, and the port if it is not the default one:
// https://example.com, http://localhost:3000. With *. before the host, https://*.example.com, it
// stands for every host below it, at any depth, but not for example.com itself. Scheme and port have
// to match as well, also on a plain connection behind a proxy, and a listed http origin is accepted
// on a TLS connection too.
//
// Every listed page acts in the name of the user who looks at it. So list no wildcard under which
// strangers can have a host, such as https://*.github.io.
func Allow(origins ...string) (func(*http.Request) bool, error) {
	var list allowed
	for _, entry := range origins {
		o, err := parseEntry(entry)
		if err != nil {
			return nil, err
		}
		list = append(list, o)
	}
	return func(r *http.Request) bool {
		o, present, ok := fromRequest(r)
		return !present || ok && (o.same(r) || list.has(o))
	}, nil
}

// allowed holds the entries of a list; the host of a wildcard starts with a dot.
type allowed []origin

func (list allowed) has(o origin) bool {
	for _, entry := range list {
		wildcard := entry.host[0] == '.'
		if entry.scheme == o.scheme && entry.port == o.port &&
			(entry.host == o.host || wildcard && strings.HasSuffix(o.host, entry.host)) {
			return true
		}
	}
	return false
}

// parseEntry reads an entry of a list. Its error names the entry, what is wrong and what to write.
func parseEntry(entry string) (origin, error) {
	bad := func(format string, args ...any) (origin, error) {
		return origin{}, fmt.Errorf("origin: %q: %s", entry, fmt.Sprintf(format, args...))
	}
	scheme, rest, ok := strings.Cut(entry, "://")
	scheme = strings.ToLower(scheme)
	switch {
	case entry == "":
		return bad("empty entry; write an origin such as https://example.com")
	case entry == "*":
		return bad("an allow-list cannot have everybody on it; use origin.Any instead of the list")
	case strings.EqualFold(entry, "null"):
		return bad("null is sent by pages of any origin, such as sandboxed ones; list the origins of your own pages")
	case strings.ContainsAny(entry, ", "):
		return bad("an entry is one origin, without spaces; give each an entry of its own")
	case !ok:
		return bad("no scheme; write https://%[1]s or http://%[1]s", strings.TrimLeft(entry, "/"))
	case scheme == "ws" || scheme == "wss":
		return bad("an origin is that of the page, not of the connection; write http%s://%s", scheme[2:], rest)
	case defaultPort(scheme) == 0:
		return bad("the scheme is neither http nor https; write https://example.com, or a check of your own for other schemes")
	}
	if i := strings.IndexAny(rest, `/\?#`); i >= 0 {
		return bad("an origin ends after host and port; write %s://%s", scheme, rest[:i])
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		return bad("an origin has no user name; write %s://%s", scheme, rest[i+1:])
	}
	hostport, wildcard := strings.CutPrefix(rest, "*.")
	if rest == "*" || strings.HasPrefix(rest, "*:") {
		return bad("a wildcard needs a domain; write %s://*.example.com, or use origin.Any instead of the list", scheme)
	}
	if strings.HasSuffix(hostport, ":*") {
		return bad("a port cannot be a wildcard; list %s:3000 and so on, one entry each", strings.TrimSuffix(entry, ":*"))
	}
	if strings.Contains(hostport, "*") {
		return bad("a wildcard stands for whole labels in front of a host; write %s://*.example.com", scheme)
	}
	host, port, ok := splitHostPort(hostport, scheme)
	if !ok {
		if strings.ContainsFunc(hostport, func(r rune) bool { return r > 0x7f }) {
			return bad("the host has letters beyond ASCII; write its xn-- form, as browsers send it")
		}
		return bad("not a host and port; write %s://example.com or %s://example.com:8443", scheme, scheme)
	}
	if strings.HasSuffix(host, ".") {
		return bad("the host ends with a dot, which browsers do not take off; write %s://%s", scheme, strings.TrimSuffix(host, "."))
	}
	if wildcard {
		last := host[strings.LastIndexByte(host, '.')+1:]
		if host[0] == '[' || strings.Trim(last, "0123456789") == "" {
			return bad("an address has no subdomains; write %s://%s", scheme, hostport)
		}
		if last == host && host != "localhost" {
			return bad("the wildcard takes in a whole top-level domain; write %s://*.example.%s", scheme, host)
		}
		host = "." + host
	}
	return origin{scheme, host, port}, nil
}
