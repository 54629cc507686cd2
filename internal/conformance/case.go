package conformance

import (
	"fmt"
	"net/url"
	"slices"
	"time"
)

// Family is a group of cases, and the first part of their ids.
type Family string

// The families, in the order of a report.
const (
	Handshake     Family = "handshake"
	Framing       Family = "framing"
	Reserved      Family = "reserved"
	Fragmentation Family = "fragmentation"
	Pings         Family = "pings"
	UTF8          Family = "utf8"
	Closing       Family = "close"
	Limits        Family = "limits"
	Negotiation   Family = "negotiation"
	Deflate       Family = "deflate"
)

// The hostile families: what they send asks for more than an answer by the standard.
const (
	Smuggling     Family = "smuggling"
	Lengths       Family = "lengths"
	Floods        Family = "floods"
	Pace          Family = "pace"
	HalfHandshake Family = "half-handshake"
	Hangs         Family = "hangs"
	Truncation    Family = "truncation"
	Effort        Family = "effort"
	Bombs         Family = "bombs"
)

// Families lists every family in the order of a report.
var Families = []Family{Handshake, Framing, Reserved, Fragmentation, Pings, UTF8, Closing, Limits,
	Negotiation, Deflate,
	Smuggling, Lengths, Floods, Pace, HalfHandshake, Hangs, Truncation, Effort, Bombs,
	Request, Refusals, Redirects, Masking}

// Hostile reports whether the cases of a family are attacks, which only the owner of a server may
// try: each is followed by a check that the server is as it was before.
func (f Family) Hostile() bool { return slices.Contains(hostile, f) }

var hostile = []Family{Smuggling, Lengths, Floods, Pace, HalfHandshake, Hangs, Truncation, Effort, Bombs}

// Verdict is the judgement of a case.
type Verdict string

// The verdicts, from best to worst; Unsupported is neither good nor bad.
const (
	Pass        Verdict = "pass"
	Lenient     Verdict = "lenient"
	Fail        Verdict = "fail"
	Unsupported Verdict = "unsupported" // the case asks for what the server need not have, and it has not
)

// Rule is a sentence of a standard.
type Rule struct {
	Source  string `json:"source"` // such as "RFC 6455"
	Section string `json:"section"`
	Text    string `json:"text"`
}

// Place names the source and the section.
func (r Rule) Place() string { return r.Source + ", " + r.Section }

// Case is one question to a server.
type Case struct {
	ID     string // unique, as in "framing/text-125"
	Family Family
	Title  string // what is sent and what is expected, in a few words
	Rule   Rule   // what the expectation rests on

	script    func(*session)
	large     bool   // moves megabytes: runs without another such
	waits     bool   // does little but wait: runs beside all others
	exclusive bool   // runs after all others, and alone: the server's process is looked at, or what other clients sent
	bounds    bounds // on what it may cost that process
	timeouts  int    // how many times Config.Timeout it may take; 1 if 0

	number int            // of a client's case, from 1
	url    func(*url.URL) // of a client's case: changes the URL that the client is given
}

// Result is what became of a case.
type Result struct {
	Case
	Verdict  Verdict
	Reason   string // why it is not a pass
	Broken   Rule   // the rule that was broken, where it is another than the case's own
	Exchange []Transfer
	Measured []Figure
	Duration time.Duration
}

// Cases returns every case, family by family. The result belongs to the caller.
func Cases() []Case {
	var l list
	for _, add := range []func(*list){
		handshakeCases, framingCases, reservedCases, fragmentationCases,
		pingCases, utf8Cases, closeCases, limitCases,
		smugglingCases, lengthCases, floodCases, paceCases, halfHandshakeCases, hangCases, truncationCases, effortCases,
		negotiationCases, deflateCases, bombCases,
	} {
		add(&l)
	}
	return l.cases
}

// list collects the cases of one family after the other.
type list struct {
	family Family
	cases  []Case
}

// add appends a case of the family at hand, whose name is unique there.
func (l *list) add(name, title string, rule Rule, script func(*session)) *Case {
	id := string(l.family) + "/" + name
	for i := range l.cases {
		if l.cases[i].ID == id {
			panic("conformance: two cases " + id)
		}
	}
	l.cases = append(l.cases, Case{ID: id, Family: l.family, Title: title, Rule: rule, script: script})
	return &l.cases[len(l.cases)-1]
}

// Total counts verdicts.
type Total struct {
	Pass        int `json:"pass"`
	Lenient     int `json:"lenient"`
	Fail        int `json:"fail"`
	Unsupported int `json:"unsupported"`
}

// Cases is the number of verdicts.
func (t Total) Cases() int { return t.Pass + t.Lenient + t.Fail + t.Unsupported }

// Add counts v.
func (t *Total) Add(v Verdict) {
	switch v {
	case Pass:
		t.Pass++
	case Lenient:
		t.Lenient++
	case Fail:
		t.Fail++
	case Unsupported:
		t.Unsupported++
	}
}

// String is the form of the golden files.
func (t Total) String() string {
	return fmt.Sprintf("%d passed, %d lenient, %d failed, %d unsupported", t.Pass, t.Lenient, t.Fail, t.Unsupported)
}
