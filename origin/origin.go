// Package origin decides which web pages may open a connection.
//
// A browser lets any page connect to any server, and sends the user's cookies along. What it adds is
// an Origin header, which scripts cannot forge, with the scheme, host and port of the page
// (RFC 6454; RFC 6455, 4.2.2 and 10.2). A server that trusts cookies has to look at it, or every page
// that its users visit acts in their name. The functions of this package fit the CheckOrigin field of
// spout.Server: [Same] is its default, [Allow] adds a list of origins, [Any] gives the check up.
//
// Programs other than browsers send what they like, or no Origin at all: this is no authentication.
package origin

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// Same reports whether r was sent by a page of the same origin, or by no page: its Origin header has
// the host and port of its Host header, or it has none.
//
// Hosts are compared without regard to the case of letters, IPv6 addresses by value, and an absent
// port is the default one of the scheme. On a TLS connection the origin has to be an https one. On a
// plain one it may be http or https, since TLS may have ended at a proxy; the proxy has to pass the
// Host header on as it came. A trailing dot is a part of the host, as it is for browsers.
//
// Two Origin headers, null, and whatever is not just scheme, host and port are refused.
func Same(r *http.Request) bool {
	o, present, ok := fromRequest(r)
	return !present || ok && o.same(r)
}

// Any accepts every request. It is safe only for a server to which a page is nobody special: one
// that does not use cookies, HTTP or TLS authentication or the client's address to know its users,
// and that is not kept from strangers by a firewall or by listening on localhost.
func Any(*http.Request) bool { return true }

// origin is the triple of RFC 6454, 4, with the host in lower case and the port always there.
type origin struct {
	scheme, host string
	port         uint16
}

// same reports whether r was sent to the host and port of o.
func (o origin) same(r *http.Request) bool {
	if r.TLS != nil && o.scheme != "https" {
		return false
	}
	host, port, ok := splitHostPort(r.Host, o.scheme)
	return ok && host == o.host && port == o.port
}

// fromRequest returns the origin that r names; present tells whether it names any, ok whether it is
// a single http or https one.
func fromRequest(r *http.Request) (o origin, present, ok bool) {
	values := r.Header["Origin"]
	if len(values) != 1 {
		return origin{}, len(values) > 0, false
	}
	o, ok = parse(values[0])
	return o, true, ok
}

// parse reads an origin as RFC 6454, 6.2 writes it: scheme://host or scheme://host:port and nothing
// else, which leaves no room for a user name, a path or a query.
func parse(s string) (o origin, ok bool) {
	scheme, hostport, ok := strings.Cut(s, "://")
	scheme = strings.ToLower(scheme)
	if !ok || defaultPort(scheme) == 0 {
		return origin{}, false
	}
	host, port, ok := splitHostPort(hostport, scheme)
	return origin{scheme, host, port}, ok
}

func defaultPort(scheme string) uint16 {
	switch scheme {
	case "http":
		return 80
	case "https":
		return 443
	}
	return 0
}

// splitHostPort takes host[:port] apart. The host comes back in the form in which it can be compared.
func splitHostPort(s, scheme string) (host string, port uint16, ok bool) {
	port = defaultPort(scheme)
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		if port, ok = parsePort(s[i+1:]); !ok {
			return "", 0, false
		}
		s = s[:i]
	}
	host, ok = parseHost(s)
	return host, port, ok
}

func parsePort(s string) (port uint16, ok bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err == nil && s[0] != '0'
}

// parseHost returns a host in lower case, or an IPv6 address in its shortest form in brackets.
// Names beyond ASCII are refused: browsers send them in their xn-- form.
func parseHost(s string) (host string, ok bool) {
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		ip, err := netip.ParseAddr(s[1 : len(s)-1])
		return "[" + ip.String() + "]", err == nil && ip.Is6() && ip.Zone() == ""
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if label == "" || strings.ContainsFunc(label, notInLabel) {
			return "", false
		}
	}
	return strings.ToLower(s), true
}

// notInLabel reports whether r may not stand in a host name. The underscore may: names that are no
// Internet host names have it.
func notInLabel(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_')
}
