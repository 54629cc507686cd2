package conformance

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"time"
)

// requests is the script that looks at the client's handshake, which then succeeds.
func requests(look func(s *session, r *request)) func(*session) {
	return func(s *session) {
		look(s, s.awaitRequest())
		s.send(s.answer().bytes())
		s.exchangeFrames(text("Hello"))
		s.quiet()
	}
}

func clientRequestCases(l *list) {
	l.family = Request
	l.add("line", "The handshake is a GET of HTTP/1.1", ruleMethod, requests(func(s *session, r *request) {
		if r.method != "GET" || r.proto != "HTTP/1.1" {
			s.fail("the client sent %s %s", r.method, r.proto)
		}
	}))
	l.add("path", "The resource name is that of the URL, its query included", ruleResource, requests(func(s *session, r *request) {
		want := s.client.check.caseURL(s.client.check.main, s.client.number)
		withQuery(want)
		switch {
		case r.path == want.RequestURI():
		case s.client.process == nil:
			s.unsupported("the URL of this case ends in %s, and the client was given another", want.RequestURI())
		default:
			s.fail("the client asked for %q, not for %q", r.path, want.RequestURI())
		}
	})).url = withQuery
	l.add("host", "One Host, with the address of the URL", ruleClientHost, requests(func(s *session, r *request) {
		host := s.client.check.host(s.client.check.main)
		if got := valuesOf(r.fields, "Host"); len(got) != 1 || got[0] != host && s.client.process != nil || got[0] == "" {
			s.fail("the client sent Host %q, not %q", got, host)
		}
	}))
	l.add("upgrade", "Upgrade has the keyword websocket", ruleClientUpgrade, requests(func(s *session, r *request) {
		if got := elements(r.fields, "Upgrade"); !hasFold(got, "websocket") {
			s.fail("the client sent Upgrade %q", got)
		}
	}))
	l.add("connection", "Connection has the token Upgrade", ruleClientConnection, requests(func(s *session, r *request) {
		if got := elements(r.fields, "Connection"); !hasFold(got, "upgrade") {
			s.fail("the client sent Connection %q", got)
		}
	}))
	l.add("key", "The key is 16 bytes in base64", ruleClientKey, requests(func(s *session, r *request) {
		key := r.get("Sec-WebSocket-Key")
		if nonce, err := base64.StdEncoding.Strict().DecodeString(key); err != nil || len(nonce) != 16 {
			s.fail("the client sent the key %q", key)
		}
	}))
	l.add("key-once", "There is one key", ruleOneKey, requests(func(s *session, r *request) {
		if got := valuesOf(r.fields, "Sec-WebSocket-Key"); len(got) != 1 {
			s.fail("the client sent the keys %q", got)
		}
	}))
	l.add("key-random", "The key is no other connection's, and not of one byte's value", ruleNonce, requests(func(s *session, r *request) {
		key := r.get("Sec-WebSocket-Key")
		if s.client.check.timesOf(key) > 1 {
			s.fail("the client sent the key %q more than once", key)
		}
		if nonce, _ := base64.StdEncoding.DecodeString(key); len(nonce) > 0 && len(slices.Compact(slices.Sorted(slices.Values(nonce)))) == 1 {
			s.fail("the client sent the key %q, whose bytes are all the same", key)
		}
	})).exclusive = true
	l.add("version", "The version is 13", ruleClientVersion, requests(func(s *session, r *request) {
		if got := valuesOf(r.fields, "Sec-WebSocket-Version"); len(got) != 1 || got[0] != "13" {
			s.fail("the client sent Sec-WebSocket-Version %q", got)
		}
	}))
	l.add("subprotocols", "Subprotocols that are offered are tokens, each once", ruleClientProtocols, requests(func(s *session, r *request) {
		got := elements(r.fields, "Sec-WebSocket-Protocol")
		for i, p := range got {
			if p == "" || strings.ContainsAny(p, "()<>@,;:\\\"/[]?={} \t") || slices.Contains(got[:i], p) {
				s.fail("the client offered %q", got)
			}
		}
	}))
	l.add("extensions", "Extensions that are offered are well-formed", ruleExtGrammar, requests(func(s *session, r *request) {
		offers, malformed := extensions(valuesOf(r.fields, "Sec-WebSocket-Extensions"))
		if malformed != "" {
			s.fail("the client offered %q", malformed)
		}
		for _, o := range offers {
			if o.name != deflateName {
				continue
			}
			if _, problem := parseDeflate(o, false); problem != "" {
				s.failRule(ruleDecline, "the client offered %s with %s", deflateName, problem)
			}
		}
	}))
	l.add("no-body", "The handshake has no body", ruleValidHTTP, requests(func(s *session, r *request) {
		length := r.get("Content-Length")
		if te := r.get("Transfer-Encoding"); te != "" || length != "" && length != "0" {
			s.fail("the client announced a body: Content-Length %q, Transfer-Encoding %q", length, te)
		}
	}))
	l.add("waits", "Nothing comes before the answer", ruleWait, func(s *session) {
		s.awaitRequest()
		if s.fill(time.Now().Add(300 * time.Millisecond)); len(s.in) > 0 || s.ended != "" {
			s.fail("the client did not wait for the answer: it %s", s.endedOr("sent more"))
		}
		s.send(s.answer().bytes())
		s.exchangeFrames(text("Hello"))
		s.quiet()
	})
	l.add("silent-client", "A client of which nothing is asked sends no frame but pings", ruleEstablished, func(s *session) {
		s.open()
		if e := s.nextUntil(time.Now().Add(300 * time.Millisecond)); e.kind != silence {
			s.lenient(ruleStays, "%v came though nothing had been sent: is this an echo client?", e)
		}
	})
}

// withQuery gives a URL a query with what may stand in one.
func withQuery(u *url.URL) { u.RawQuery = "spout=%C3%A9&x=1" }

func hasFold(list []string, value string) bool {
	return slices.ContainsFunc(list, func(v string) bool { return strings.EqualFold(v, value) })
}

// timesOf is how often a key has come.
func (k *ClientChecker) timesOf(key string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys[key]
}
