package conformance

import (
	"net/url"
	"time"
)

var adviceCredentials = Rule{advisory, "credentials", "Credentials go to the origin that they were given for, and to no other."}

// mostRedirects is after how many a client goes in circles.
const mostRedirects = 20

func clientRedirectCases(l *list) {
	l.family = Redirects
	for _, v := range []struct{ name, title, scheme string }{
		{"ws", "A redirect to another port, as ws://", "ws"},
		{"http", "A redirect to another port, as http://", "http"},
	} {
		l.add("other-port-"+v.name, v.title+": the client may follow, with a key of its own", ruleRedirect, func(s *session) {
			s.awaitRequest()
			key := s.client.visit.request.get("Sec-WebSocket-Key")
			v2 := s.redirect("302 Found", v.scheme)
			if v2 != nil && v2.request.get("Sec-WebSocket-Key") == key {
				s.failRule(ruleNonce, "the client followed with the key of its first handshake")
			}
			s.turnAway(v2)
		})
		l.add("credentials-"+v.name, v.title+": credentials of the URL do not go along", adviceCredentials, func(s *session) {
			if !s.connects() {
				return // it refuses such a URL, of which section 3 knows nothing
			}
			given := s.client.visit.request.get("Authorization")
			if given == "" {
				s.unsupported("the client's first handshake has no credentials")
			}
			v2 := s.redirect("302 Found", v.scheme)
			if v2 != nil && v2.request.get("Authorization") == given {
				s.fail("the client took its credentials along to another port")
			}
			s.turnAway(v2)
		}).url = withCredentials
	}
	for _, status := range []string{"301 Moved Permanently", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"} {
		l.add("status-"+status[:3], "A redirect with "+status+": the client may follow", ruleRedirect, func(s *session) {
			s.awaitRequest()
			s.turnAway(s.redirect(status, "ws"))
		})
	}
	l.add("loop", "Redirects in a circle come to an end", ruleRedirectLoop, func(s *session) {
		s.awaitRequest()
		for range mostRedirects {
			v := s.redirectTo("302 Found", s.client.check.caseURL(s.client.check.main, s.client.number).String())
			if v == nil {
				return
			}
			s.take(v)
		}
		s.lenient(ruleRedirectLoop, "the client followed %d redirects to where it came from", mostRedirects)
	})
	for _, v := range []struct{ name, title, location string }{
		{"none", "A redirect without a Location", ""},
		{"file", "A redirect to a file", "file:///etc/hostname"},
		{"garbage", "A redirect to what is no URL", "http://[::"},
		{"script", "A redirect to a URL of the scheme javascript", "javascript:alert(1)"},
	} {
		l.add("location-"+v.name, v.title+" leads nowhere", ruleNot101, func(s *session) {
			s.awaitRequest()
			if next := s.redirectTo("302 Found", v.location); next != nil {
				s.fail("the client connected once more, to %q", next.request.path)
			}
		})
	}
}

func withCredentials(u *url.URL) { u.User = url.UserPassword("spout", "secret") }

// connects waits for the client's handshake, and reports whether one came before the client ended.
func (s *session) connects() bool {
	v := s.nextVisit()
	if v == nil {
		if p := s.client.process; p != nil && p.over() {
			s.exchange.note("the client takes no URL with credentials")
			return false
		}
		s.fail("no handshake came in time")
	}
	s.take(v)
	return true
}

// redirect sends the client to the second address, and returns its connection there, or nil if
// it does not follow.
func (s *session) redirect(status, scheme string) *visit {
	u := s.client.check.caseURL(s.client.check.second, s.client.number)
	u.Scheme = scheme
	return s.redirectTo(status, u.String())
}

func (s *session) redirectTo(status, location string) *visit {
	if location == "" {
		s.send(refusal(status))
	} else {
		s.send(refusal(status, "Location: "+location))
	}
	s.halfClose()
	v := s.nextVisitUntil(time.Now().Add(s.patience / 2))
	if v == nil {
		s.noFrames()
	}
	return v
}

// turnAway refuses a client that has followed.
func (s *session) turnAway(v *visit) {
	if v == nil {
		return
	}
	s.take(v)
	s.send(refusal("403 Forbidden"))
	s.noFrames()
}
