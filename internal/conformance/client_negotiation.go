package conformance

import (
	"fmt"
	"slices"
	"strings"
)

func clientNegotiationCases(l *list) {
	l.family = Negotiation
	const unknown = "x-unknown.spout.example"
	l.add("subprotocol-unsolicited", "A subprotocol that was not offered", ruleStrangeProtocol, mustRefuse(func(a *answer) { a.set("Sec-WebSocket-Protocol", unknown) }))
	l.add("subprotocol-empty", "An empty subprotocol", ruleEmptyProtocol, mustRefuse(func(a *answer) { a.set("Sec-WebSocket-Protocol", "") }))
	l.add("subprotocol-two", "Two subprotocols in one field", ruleStrangeProtocol, mustRefuse(func(a *answer) { a.set("Sec-WebSocket-Protocol", unknown+", x-other") }))
	l.add("subprotocol-two-fields", "Two fields with a subprotocol", ruleOneProtocol, mustRefuse(func(a *answer) { a.set("Sec-WebSocket-Protocol", unknown, "x-other") }))
	l.add("subprotocol-twice", "The same subprotocol in two fields", ruleOneProtocol, mustRefuse(func(a *answer) { a.set("Sec-WebSocket-Protocol", unknown, unknown) }))
	for _, v := range []struct{ name, title, value string }{
		{"unknown", "An extension that was not offered", unknown},
		{"unknown-param", "An extension that was not offered, with a parameter", unknown + "; a=1"},
		{"old", "x-webkit-deflate-frame, which permessage-deflate has replaced", "x-webkit-deflate-frame"},
		{"case", "PERMESSAGE-DEFLATE-2, which does not exist", "PERMESSAGE-DEFLATE-2"},
	} {
		l.add("extension-"+v.name, v.title, ruleStrangeExtension, mustRefuse(func(a *answer) { a.set("Sec-WebSocket-Extensions", v.value) }))
	}
	l.add("extension-behind", "permessage-deflate and an extension that was not offered", ruleStrangeExtension,
		refusesDeflate(func(good string) []string { return []string{good + ", " + unknown} }))
	for _, v := range []struct{ name, title, value string }{
		{"quote", "An extension whose quoted string does not end", deflateName + `; server_max_window_bits="10`},
		{"param", "An extension with an empty parameter", deflateName + "; ; server_no_context_takeover"},
		{"name", "A parameter without an extension", "; server_no_context_takeover"},
		{"value", "A parameter with nothing after its =", deflateName + "; server_max_window_bits="},
		{"token", "An extension whose name is no token", "permessage deflate"},
		{"semicolon", "A semicolon at the end of an extension", deflateName + ";"},
		{"equals", "A parameter with two =", deflateName + "; server_max_window_bits==10"},
	} {
		l.add("malformed-"+v.name, v.title, ruleExtGrammar, mustRefuse(func(a *answer) { a.set("Sec-WebSocket-Extensions", v.value) }))
	}
	l.add("malformed-behind", "permessage-deflate, and behind it a parameter without an extension", ruleExtGrammar,
		refusesDeflate(func(good string) []string { return []string{good + ", ; a=1"} }))
	deflateAnswers(l)
}

// refusesDeflate is the script of an answer about permessage-deflate that a client must refuse, given
// one that is good in its parameters.
func refusesDeflate(bad func(good string) []string) func(*session) {
	return func(s *session) {
		offer, _ := deflateOffer(s.awaitRequest())
		good := deflateName + deflateParams{}.within(offer).String()
		s.send(s.baited(s.answer().set("Sec-WebSocket-Extensions", bad(good)...).bytes()))
		s.isRefused()
	}
}

// deflateAnswers are answers about permessage-deflate. A client that did not offer it refuses all
// of them.
func deflateAnswers(l *list) {
	for _, v := range []struct{ name, params string }{
		{"unknown", "x-unknown"},
		{"unknown-value", "x-unknown=1"},
		{"server-takeover-twice", "server_no_context_takeover; server_no_context_takeover"},
		{"client-takeover-twice", "client_no_context_takeover; client_no_context_takeover"},
		{"server-bits-twice", "server_max_window_bits=10; server_max_window_bits=10"},
		{"server-takeover-value", "server_no_context_takeover=1"},
		{"client-takeover-value", "client_no_context_takeover=true"},
		{"server-bits-none", "server_max_window_bits"},
		{"server-bits-7", "server_max_window_bits=7"},
		{"server-bits-16", "server_max_window_bits=16"},
		{"server-bits-0", "server_max_window_bits=0"},
		{"server-bits-zero-led", "server_max_window_bits=010"},
		{"server-bits-negative", "server_max_window_bits=-10"},
		{"server-bits-word", "server_max_window_bits=ten"},
		{"server-bits-huge", "server_max_window_bits=4294967306"},
		{"client-bits-none", "client_max_window_bits"},
		{"client-bits-7", "client_max_window_bits=7"},
		{"client-bits-16", "client_max_window_bits=16"},
		{"client-bits-word", "client_max_window_bits=all"},
	} {
		l.add("deflate-"+v.name, deflateName+"; "+v.params, ruleDeflateAnswer, refusesDeflate(func(good string) []string {
			name, _, _ := strings.Cut(v.params, "=")
			name, _, _ = strings.Cut(name, ";")
			kept := slices.DeleteFunc(strings.Split(good, "; "), func(p string) bool { return strings.HasPrefix(p, name) })
			return []string{strings.Join(append(kept, v.params), "; ")}
		}))
	}
	l.add("deflate-two", "permessage-deflate accepted twice", ruleDeflateAnswer,
		refusesDeflate(func(good string) []string { return []string{good + ", " + good} }))
	l.add("deflate-two-fields", "permessage-deflate accepted in two fields", ruleOneExtensions,
		refusesDeflate(func(good string) []string { return []string{good, good} }))
	l.add("deflate-server-bits-above", "No server_max_window_bits, which was offered, or a larger one", ruleServerBits, func(s *session) {
		offers, _ := extensions(valuesOf(s.awaitRequest().fields, "Sec-WebSocket-Extensions"))
		for _, e := range offers {
			offer, problem := parseDeflate(e, false)
			if e.name == deflateName && problem == "" && offer.serverBits == 0 && !offer.serverNoTakeover {
				s.unsupported("the client offers to take any window")
			}
		}
		s.send(s.baited(s.answer().set("Sec-WebSocket-Extensions", deflateName).bytes()))
		s.isRefused()
	})
	l.add("deflate-client-bits-unasked", "client_max_window_bits, unless it was offered", ruleClientBits, func(s *session) {
		r := s.awaitRequest()
		offer, offered := deflateOffer(r)
		if offered && offer.clientBits != 0 {
			s.unsupported("the client offers client_max_window_bits")
		}
		s.send(s.baited(s.answer().set("Sec-WebSocket-Extensions", deflateName+"; client_max_window_bits=10").bytes()))
		s.isRefused()
	})
	for _, v := range []struct {
		name  string
		least deflateParams
	}{
		{"plain", deflateParams{}},
		{"server-takeover", deflateParams{serverNoTakeover: true}},
		{"client-takeover", deflateParams{clientNoTakeover: true}},
		{"both-takeovers", deflateParams{serverNoTakeover: true, clientNoTakeover: true}},
		{"server-bits-8", deflateParams{serverBits: 8}},
		{"server-bits-10", deflateParams{serverBits: 10}},
		{"client-bits-9", deflateParams{clientBits: 9}},
		{"client-bits-12", deflateParams{clientBits: 12}},
	} {
		l.add("deflate-good-"+v.name, deflateName+v.least.String()+", and what the client asks for: taken if it was offered, else refused",
			ruleStrangeExtension, deflateTaken(v.least))
	}
}

// deflateTaken is the script of an answer that is right where it was offered.
func deflateTaken(least deflateParams) func(*session) {
	return func(s *session) {
		offer, offered := deflateOffer(s.awaitRequest())
		if offered && least.clientBits > 0 && offer.clientBits == 0 {
			s.unsupported("the client does not offer client_max_window_bits")
		}
		agreed := least.within(offer)
		s.send(s.answer().set("Sec-WebSocket-Extensions", deflateName+agreed.String()).bytes())
		if !offered {
			s.sendFrames(text("bait"))
			s.isRefused()
			return
		}
		s.compressing(agreed)
		for range 3 {
			s.echoSqueezed(opText, repeated(1000))
		}
		s.alikeApart(min(window(agreed.clientBits), 4*kib))
		s.goesOn()
	}
}

// within is the answer with p to an offer, of which it keeps what that asks of the server.
func (p deflateParams) within(offer deflateParams) deflateParams {
	p.serverNoTakeover = p.serverNoTakeover || offer.serverNoTakeover
	if offer.serverBits > 0 && (p.serverBits == 0 || p.serverBits > offer.serverBits) {
		p.serverBits = offer.serverBits
	}
	if offer.clientBits > 0 {
		p.clientBits = min(p.clientBits, offer.clientBits)
	}
	return p
}

// String is the parameters as an answer has them.
func (p deflateParams) String() string {
	var b strings.Builder
	if p.serverNoTakeover {
		b.WriteString("; server_no_context_takeover")
	}
	if p.clientNoTakeover {
		b.WriteString("; client_no_context_takeover")
	}
	if p.serverBits > 0 {
		fmt.Fprintf(&b, "; server_max_window_bits=%d", p.serverBits)
	}
	if p.clientBits > 0 {
		fmt.Fprintf(&b, "; client_max_window_bits=%d", p.clientBits)
	}
	return b.String()
}

// deflateOffer is the client's first good offer of permessage-deflate.
func deflateOffer(r *request) (offer deflateParams, offered bool) {
	list, _ := extensions(valuesOf(r.fields, "Sec-WebSocket-Extensions"))
	for _, e := range list {
		if p, problem := parseDeflate(e, false); e.name == deflateName && problem == "" {
			return p, true
		}
	}
	return offer, false
}

// compressing goes on with what was agreed, as the server. A session knows only the peer, for which
// it has the names of the server's parameters.
func (s *session) compressing(agreed deflateParams) {
	p := deflateParams{
		serverNoTakeover: agreed.clientNoTakeover, serverBits: agreed.clientBits,
		clientNoTakeover: agreed.serverNoTakeover, clientBits: agreed.serverBits,
	}
	s.deflate = &deflation{
		deflateParams: p,
		in:            inflater{window: window(p.serverBits), forgets: p.serverNoTakeover},
		out:           deflater{window: window(p.clientBits), forgets: p.clientNoTakeover},
	}
}

// welcomeDeflate opens the connection with compression, if the client offered it.
func (s *session) welcomeDeflate() {
	offer, offered := deflateOffer(s.awaitRequest())
	if !offered {
		s.unsupported("the client offers no compression")
	}
	agreed := deflateParams{}.within(offer)
	s.send(s.answer().set("Sec-WebSocket-Extensions", deflateName+agreed.String()).bytes())
	s.compressing(agreed)
}
