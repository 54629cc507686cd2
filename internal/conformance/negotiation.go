package conformance

import (
	"fmt"
	"slices"
	"strings"
)

// Every answer to an offer is judged as the handshake is read (see agree), so the cases say only
// what must be declined, and what may not be.

func negotiationCases(l *list) {
	l.family = Negotiation
	legalOffers(l)
	badOffers(l)
	malformedOffers(l)
	severalOffers(l)
	unnegotiated(l)
}

// offers is the script of offers of which a server may accept one. What is agreed has to work.
func offers(values ...string) func(*session) {
	return func(s *session) {
		s.openDeflate(values...)
		for range 2 {
			s.echoSqueezed(opText, repeated(1000))
		}
		s.quiet()
	}
}

func legalOffers(l *list) {
	for _, v := range []struct {
		name, params string
		rule         Rule
	}{
		{"plain", "", ruleExtOffer},
		{"server-takeover", "; server_no_context_takeover", ruleServerTakeover},
		{"client-takeover", "; client_no_context_takeover", ruleClientTakeover},
		{"both-takeovers", "; server_no_context_takeover; client_no_context_takeover", ruleServerTakeover},
		{"client-bits", "; client_max_window_bits", ruleClientBitsValue},
		{"all-params", "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15; client_max_window_bits=15", ruleServerBits},
		{"all-params-reversed", "; client_max_window_bits; server_max_window_bits=15; client_no_context_takeover; server_no_context_takeover", ruleServerBits},
		{"small-both", "; server_max_window_bits=9; client_max_window_bits=9", ruleServerBits},
		{"server-bits-quoted", `; server_max_window_bits="15"`, ruleExtGrammar},
		{"server-bits-escaped", `; server_max_window_bits="1\5"`, ruleExtGrammar},
		{"client-bits-quoted", `; client_max_window_bits="15"`, ruleExtGrammar},
		{"spaces", " ;\tserver_no_context_takeover ; client_max_window_bits\t=  15", ruleExtGrammar},
		{"no-spaces", ";server_no_context_takeover;client_max_window_bits", ruleExtGrammar},
	} {
		l.add(v.name, fmt.Sprintf("The offer %s%s: accepted by a legal answer, or declined", deflateName, printable([]byte(v.params))), v.rule, offers(deflateName+v.params))
	}
	for bits := 8; bits <= 15; bits++ {
		for _, side := range []struct {
			name string
			rule Rule
		}{{"server", ruleServerBits}, {"client", ruleClientBitsValue}} {
			l.add(fmt.Sprintf("%s-bits-%d", side.name, bits), fmt.Sprintf("%s_max_window_bits=%d is accepted by a value that is not larger, or declined", side.name, bits),
				side.rule, offers(fmt.Sprintf("%s; %s_max_window_bits=%d", deflateName, side.name, bits)))
		}
	}
}

// badOffers are well-formed, but RFC 7692 wants them declined, whatever else is offered.
func badOffers(l *list) {
	for _, v := range []struct{ name, params string }{
		{"server-bits-none", "server_max_window_bits"},
		{"server-bits-7", "server_max_window_bits=7"},
		{"server-bits-16", "server_max_window_bits=16"},
		{"server-bits-0", "server_max_window_bits=0"},
		{"server-bits-08", "server_max_window_bits=08"},
		{"server-bits-015", "server_max_window_bits=015"},
		{"server-bits-plus", "server_max_window_bits=+9"},
		{"server-bits-minus", "server_max_window_bits=-9"},
		{"server-bits-hex", "server_max_window_bits=0xf"},
		{"server-bits-float", "server_max_window_bits=10.0"},
		{"server-bits-word", "server_max_window_bits=ten"},
		{"server-bits-wide", "server_max_window_bits=4294967306"},
		{"server-bits-quoted-7", `server_max_window_bits="7"`},
		{"client-bits-7", "client_max_window_bits=7"},
		{"client-bits-16", "client_max_window_bits=16"},
		{"client-bits-0", "client_max_window_bits=0"},
		{"client-bits-08", "client_max_window_bits=08"},
		{"client-bits-plus", "client_max_window_bits=+9"},
		{"client-bits-word", "client_max_window_bits=ten"},
		{"server-takeover-value", "server_no_context_takeover=1"},
		{"server-takeover-true", "server_no_context_takeover=true"},
		{"client-takeover-value", "client_no_context_takeover=0"},
		{"server-takeover-twice", "server_no_context_takeover; server_no_context_takeover"},
		{"client-takeover-twice", "client_no_context_takeover; client_no_context_takeover"},
		{"server-bits-twice", "server_max_window_bits=15; server_max_window_bits=15"},
		{"server-bits-both", "server_max_window_bits=15; server_max_window_bits=10"},
		{"client-bits-twice", "client_max_window_bits; client_max_window_bits=15"},
		{"unknown", "x-unknown"},
		{"unknown-value", "x-unknown=15"},
		{"unknown-later", "client_max_window_bits; x_unknown"},
		{"misspelt", "server_max_windows_bits=15"},
	} {
		offer := deflateName + "; " + v.params
		l.add("declined-"+v.name, offer+" is declined", ruleDecline, func(s *session) {
			s.declines(offer)
			s.exchangeFrames(text("Hello"))
			s.quiet()
		})
		l.add("next-"+v.name, offer+" is declined, and the next offer tried", ruleDecline, triesNext(offer))
	}
}

// declines sends offers of which none may be accepted.
func (s *session) declines(values ...string) {
	s.dial()
	r := s.request().set("Sec-WebSocket-Extensions", values...)
	s.send(r.bytes())
	a := s.response()
	if a.status != 101 {
		s.lenient(ruleDecline, "the server refused the handshake with %q, and not the offer alone", a.line)
		s.isRefusal(a)
		s.stop()
	}
	s.judgeUpgrade(r, a)
}

// good is an offer whose answer shows that it is this one which was accepted.
const good = deflateName + "; server_no_context_takeover"

// triesNext is the script of an offer that must be declined before a good one.
func triesNext(bad ...string) func(*session) {
	return func(s *session) {
		s.declines(strings.Join(append(slices.Clone(bad), good), ", "))
		if s.deflate == nil {
			s.notTaken()
		}
		s.goesOn()
	}
}

// notTaken judges that a good offer beside others was declined: a server that takes it alone is
// lenient, and one that does not, does not compress.
func (s *session) notTaken() {
	o := s.another()
	o.upgrade(o.request().set("Sec-WebSocket-Extensions", good))
	if o.deflate == nil {
		s.unsupported("the server declined %q", good)
	}
	s.lenient(ruleOffersOrder, "the server declined %q beside the other offer, and accepts it alone", good)
	s.exchangeFrames(text("Hello"))
	s.quiet()
	s.stop()
}

// malformedOffers are against the grammar. RFC 6455, section 9.1, has the connection fail; but to
// decline what can't be understood is common, and safe. What is well-formed beside it may be
// accepted.
func malformedOffers(l *list) {
	for _, v := range []struct{ name, title, offer string }{
		{"semicolon", "with a semicolon at its end", deflateName + ";"},
		{"semicolons", "with two semicolons", deflateName + ";; client_max_window_bits"},
		{"equals", "whose parameter has no value after its =", deflateName + "; server_max_window_bits="},
		{"equals-only", "with a value but no parameter's name", deflateName + "; =15"},
		{"equals-twice", "with two =", deflateName + "; server_max_window_bits==15"},
		{"empty-quotes", "with an empty quoted value", deflateName + `; server_max_window_bits=""`},
		{"open-quote", "whose quoted value does not end", deflateName + `; server_max_window_bits="15`},
		{"half-quoted", "whose value is quoted in part", deflateName + `; server_max_window_bits=1"5"`},
		{"quoted-space", "with a space in a quoted value", deflateName + `; server_max_window_bits=" 15"`},
		{"quoted-name", "whose name is quoted", `"` + deflateName + `"`},
		{"two-names", "with two names", deflateName + " client_max_window_bits"},
		{"parentheses", "with a list in parentheses", deflateName + "; (server_no_context_takeover)"},
		{"slash", "whose parameter is not a token", deflateName + "; server/no_context_takeover"},
		{"control", "with a tab within a value", deflateName + "; server_max_window_bits=1\t5"},
		{"high", "with bytes above 7f", deflateName + "; server_max_window_bits=\xc2\xb95"},
		{"quotes-8k", "with 8 KiB of quotes", deflateName + "; x=" + strings.Repeat(`"`, 8*kib)},
		{"backslashes-8k", "with 8 KiB of backslashes in an open quote", deflateName + `; x="` + strings.Repeat(`\`, 8*kib)},
		{"semicolons-8k", "with 8 KiB of semicolons", deflateName + strings.Repeat(";", 8*kib)},
	} {
		l.add("malformed-"+v.name, "An offer "+v.title+" is declined or refused", ruleExtGrammar, func(s *session) {
			s.dial()
			r := s.request().set("Sec-WebSocket-Extensions", v.offer)
			s.send(r.bytes())
			s.declinedOrRefused(r)
		})
		if strings.HasSuffix(v.name, "-8k") || strings.Count(v.offer, `"`)%2 == 1 {
			continue // a quote that does not end takes what follows with it
		}
		l.add("malformed-next-"+v.name, "After an offer "+v.title+" a good one may be accepted", ruleExtGrammar, func(s *session) {
			s.dial()
			r := s.request().set("Sec-WebSocket-Extensions", v.offer+", "+good)
			s.send(r.bytes())
			s.declinedOrRefused(r)
		})
	}
}

// declinedOrRefused reads the answer to a malformed offer: an error of the client, or a handshake
// in which it was not accepted.
func (s *session) declinedOrRefused(r *request) {
	a := s.response()
	if a.status != 101 {
		s.isRefusal(a)
		return
	}
	s.judgeUpgrade(r, a)
	s.exchangeFrames(text("Hello"))
	s.quiet()
}

func severalOffers(l *list) {
	many := func(n int, offer string) string {
		return strings.TrimSuffix(strings.Repeat(offer+", ", n), ", ")
	}
	for _, v := range []struct {
		name, title string
		values      []string
	}{
		{"fallback", "Two good offers in one field", []string{deflateName + "; server_max_window_bits=10, " + deflateName}},
		{"fallback-lines", "Two good offers in two fields", []string{deflateName + "; server_max_window_bits=10; client_max_window_bits", deflateName}},
		{"beside-unknown", "A good offer after one of an unknown extension", []string{"x-unknown; a=1, " + good}},
		{"before-unknown", "A good offer before one of an unknown extension", []string{good + ", x-unknown; a=1"}},
		{"unknown-lines", "A good offer in the third of three fields", []string{"x-one", "x-two; b", good}},
		{"similar-names", "A good offer after extensions of similar names", []string{"permessage-deflates, xpermessage-deflate, permessage_deflate, permessage-bzip2, " + good}},
		{"empty-elements", "A good offer among empty elements of the list", []string{",, " + good + " ,,"}},
		{"empty-line", "A good offer after an empty field", []string{"", good}},
		{"many-good", "240 offers that are the same, in four fields", []string{many(60, good), many(60, good), many(60, good), many(60, good)}},
		{"many-unknown", "90 unknown extensions, then a good offer", []string{many(90, "x-unknown") + ", " + good}},
	} {
		l.add(v.name, v.title+": the answer accepts one", ruleExtOffer, func(s *session) {
			s.dial()
			r := s.request().set("Sec-WebSocket-Extensions", v.values...)
			s.send(r.bytes())
			a := s.response()
			if strings.HasPrefix(v.name, "empty-") && a.status >= 400 && a.status < 500 {
				s.lenient(ruleExtGrammar, "the server refused a list with empty elements: %q", a.line)
				return
			}
			s.judgeUpgrade(r, a)
			if s.deflate == nil {
				s.notTaken()
			}
			s.goesOn()
		})
	}
	for _, v := range []struct{ name, title, offer string }{
		{"flood-bad", "300 offers that must be declined", many(300, deflateName+"; server_max_window_bits=7")},
		{"flood-unknown", "400 unknown extensions", many(400, "x-unknown; a=1")},
		{"flood-params", "An offer of 300 unknown parameters", deflateName + strings.Repeat("; x-unknown", 300)},
		{"flood-names", "An extension whose name has 6,000 bytes", strings.Repeat("x", 6000)},
		{"similar-name", "An extension whose name begins with permessage-deflate", "permessage-deflate-frame"},
		{"old-name", "The extension of an early draft", "x-webkit-deflate-frame"},
	} {
		l.add(v.name, v.title+": nothing is accepted", ruleNoExtension, func(s *session) {
			s.dial()
			r := s.request().set("Sec-WebSocket-Extensions", v.offer)
			s.send(r.bytes())
			s.declinedOrRefused(r)
		})
	}
}

// unnegotiated sends compressed messages where compression was not agreed.
func unnegotiated(l *list) {
	hello := new(blocks).fixed(0, literals("Hello")...).message()
	l.add("rsv1-unasked", "A compressed message where compression was not offered", ruleRSV, fails(1002, squeezed(opText, hello)))
	l.add("rsv1-declined", "A compressed message after an offer that had to be declined", ruleRSV, func(s *session) {
		s.declines(deflateName + "; server_max_window_bits=7")
		s.sendFrames(squeezed(opText, hello))
		s.failed(1002)
	})
	l.add("rsv1-unknown", "A compressed message after the offer of an unknown extension", ruleRSV, func(s *session) {
		s.declines("x-unknown")
		s.sendFrames(squeezed(opText, hello))
		s.failed(1002)
	})
}
