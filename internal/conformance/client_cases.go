package conformance

import (
	"fmt"
	"regexp"
	"strings"
)

// The families that only clients have.
const (
	Request   Family = "request"
	Refusals  Family = "refusals"
	Redirects Family = "redirects"
	Masking   Family = "masking"
)

// ClientCases returns every case for clients, family by family. The result belongs to the caller.
func ClientCases() []Case {
	var l list
	for _, add := range []func(*list){
		clientRequestCases, clientHandshakeCases, clientRefusalCases, clientRedirectCases, clientNegotiationCases,
		clientFramingCases, clientMaskingCases, clientReservedCases, clientFragmentationCases, clientPingCases,
		clientUTF8Cases, clientCloseCases, clientLimitCases, clientTruncationCases, clientFloodCases,
		clientHalfHandshakeCases, clientHangCases, clientDeflateCases,
	} {
		add(&l)
	}
	for i := range l.cases {
		l.cases[i].number = i + 1
	}
	return l.cases
}

// Number is what stands for a client's case in the path of a URL, from 1.
func (c Case) Number() int { return c.number }

// mirror takes over the cases of a family that ask the same of a client as of a server: those with
// the names wanted.
func (l *list) mirror(add func(*list), wanted func(name string) bool) {
	m := list{family: l.family}
	add(&m)
	l.family = m.family
	for _, c := range m.cases {
		if name := strings.TrimPrefix(c.ID, string(m.family)+"/"); wanted(name) {
			l.add(name, c.Title, c.Rule, c.script).large = c.large
		}
	}
}

// only and but are the names that match, and those that do not.
func only(pattern string) func(string) bool { return regexp.MustCompile(pattern).MatchString }

func but(pattern string) func(string) bool {
	match := only(pattern)
	return func(name string) bool { return !match(name) }
}

func clientReservedCases(l *list) { l.mirror(reservedCases, only("")) }

func clientFragmentationCases(l *list) {
	l.mirror(fragmentationCases, but("^sizes$|^keys$|^one-by-one$|^unfinished"))
	l.add("sizes", "Text in fragments of 125, 126 and 30,000 bytes", ruleAnySize,
		echo(fragments(text(""), letters(125), letters(126), letters(30000))...))
}

func clientPingCases(l *list) {
	// Those cut where only a masked header has a byte.
	l.mirror(pingCases, but("^ping-cut-[3-6]$"))
}

func clientUTF8Cases(l *list) {
	// Enough of each kind; a client is started for every case.
	l.mirror(utf8Cases, but("^(invalid-.*-)?(fragment|segment)-cut-|^early-|^long|^position-"))
	for _, v := range []struct{ name, bytes string }{{"overlong", "\xe0\x80\x80"}, {"surrogate", "\xed\xa0\x80"}, {"above", "\xf4\x90\x80\x80"}, {"ascii", "\xf0\x9f\x8ex"}} {
		l.add("invalid-fragments-"+v.name, fmt.Sprintf("Text with %x in fragments of one byte", v.bytes), ruleUTF8,
			fails(1007, fragments(text(""), evenly("x"+v.bytes, 1)...)...))
	}
	l.add("long", "Text of 30,000 bytes in characters of three bytes", ruleText, echo(text(euros(30000))))
	l.add("long-invalid", "Text of 30,000 bytes whose last character is cut", ruleUTF8, fails(1007, text(euros(30000)[:29999])))
	l.add("early-in-frame", "An unfinished frame with ff fails before its end", ruleUTF8, func(s *session) {
		s.open()
		whole := s.wire(text("x\xffand more"))
		s.send(whole[:4])
		if e := s.soon(); e.kind != silence {
			s.isFailure(e, 1007)
			return
		}
		s.lenient(Rule{}, "the client noticed only when the frame was whole")
		s.send(whole[4:])
		s.failed(1007)
	})
}
