package main

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spoutws/spout/internal/conformance"
)

// page returns the HTML of a run.
func page(t *testing.T, run, before *checkRun) string {
	t.Helper()
	var b bytes.Buffer
	if err := run.writeHTML(&b, before); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Whatever a server sends, and whatever else stands in a run, is text in the page.
func TestReportEscapes(t *testing.T) {
	const attack = `</pre></style></script><script>alert(1)</script><img src=x onerror=alert(2)>"'{{.}}`
	run := aRun("a/b fail")
	run.URL = "ws://" + attack
	run.Spout = attack
	r := &run.Results[0]
	r.ID, r.Family, r.Title, r.Reason, r.Verdict = attack, attack, attack, attack, attack
	r.Rule = conformance.Rule{Source: attack, Section: attack, Text: attack}
	r.Broken = &conformance.Rule{Source: attack, Section: attack, Text: attack + "!"}
	r.Exchange = []checkTransfer{
		{Direction: conformance.Received, Length: 999, Data: hexBytes("HTTP/1.1 101 " + attack)},
		{Direction: conformance.Received, Length: 999, Data: hexBytes("\x82" + attack)},
		{Direction: conformance.Note, Text: attack},
		{Direction: attack, Text: attack},
	}
	before := aRun("a/b pass")
	before.Command, before.URL, before.Spout = attack, attack, attack
	before.Results[0].Reason = attack
	before.Results = append(before.Results, *r)

	got := page(t, run, before)
	if n := strings.Count(got, "<script"); n != 1 {
		t.Errorf("%d scripts", n)
	}
	head, rest, _ := strings.Cut(got, "<style>")
	_, body, _ := strings.Cut(rest, "</style>")
	body = body[:strings.LastIndex(body, "<script>")]
	tags := regexp.MustCompile(`"[^"]*"`).ReplaceAllString(head+body, "") // within quotes everything is a value
	if found := regexp.MustCompile(`<(?:img|/?script|/?style)|<[^>]*\son[a-z]+=`).FindString(tags); found != "" {
		t.Errorf("a tag of the server's making: %s", found)
	}
	if n := strings.Count(got, "&lt;script&gt;alert(1)&lt;/script&gt;"); n < 10 {
		t.Errorf("the attack is shown %d times", n)
	}
}

// A tag that a browser fetches something for.
var fetching = regexp.MustCompile(`(?i)<(?:script|img|link|iframe|object|source|a)\s[^>]*(?:src|href)="([^"]*)"|@import|url\(`)

// The page is one file: it asks for nothing else, and its policy would refuse.
func TestReportIsSelfContained(t *testing.T) {
	got := page(t, aRun("a/b pass", "a/c fail"), aRun("a/b fail"))
	for _, match := range fetching.FindAllStringSubmatch(got, -1) {
		if !strings.HasPrefix(match[1], "#") && !strings.HasPrefix(match[1], "data:") {
			t.Errorf("the page fetches %s", match[0])
		}
	}
	for _, want := range []string{"default-src 'none'", "script-src 'sha256-", "base-uri 'none'"} {
		if !strings.Contains(got, want) {
			t.Errorf("its policy lacks %s", want)
		}
	}
}

// What a reader without scripts finds in the page.
func TestReportPage(t *testing.T) {
	run, err := readCheckRun(writeRun(t, aRun("framing/a pass", "framing/b lenient", "framing/c fail", "utf8/d unsupported")))
	if err != nil {
		t.Fatal(err)
	}
	run.Results[2].Rule = conformance.Rule{Source: "RFC 6455", Section: "5.1", Text: "A rule."}
	run.Results[2].Exchange = []checkTransfer{
		{Direction: conformance.Sent, Length: 3, Data: hexBytes{0x81, 0x01, 'x'}},
		{Direction: conformance.Received, Length: 4, Data: hexBytes("HTTP")},
		{Direction: conformance.Note, Text: "the server closed the connection"},
	}
	got := page(t, run, nil)
	for _, want := range []string{
		`<h1 id="subject">ws://old.example/</h1>`, "spout v1", "1 July 2026, 12:30 UTC", "4 cases in 1.5 s",
		`<li class="case" id="framing/c" data-verdict="fail">`, "Title of framing/c", "reason of framing/c", "A rule.", "RFC 6455, 5.1",
		"<pre>0000  81 01 78 ", "<pre>HTTP\n</pre>", "the server closed the connection",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(got, `id="compared"`) {
		t.Error("the page compares with nothing")
	}
}

func TestReportComparison(t *testing.T) {
	run, before := aRun("a/b fail", "a/c pass", "a/n pass"), aRun("a/b lenient", "a/c fail", "a/g pass")
	got := page(t, run, before)
	for _, want := range []string{
		`id="compared"`, `<a class="name" href="#a%2fb">a/b</a>`, `<span class="name">a/g</span>`,
		`<li class="case" id="a/b" data-verdict="fail" data-change="broken">`, `<li class="case" id="a/c" data-verdict="pass" data-change="fixed">`,
		`<li class="case" id="a/n" data-verdict="pass" data-change="new">`, "in the run before: reason of a/b",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(got, `id="a/g"`) {
		t.Error("a case that is gone stands among those of the run")
	}
}

// What a case measured stands beside its bound, and beside what it was before.
func TestReportFigures(t *testing.T) {
	run, before := aRun("floods/a pass"), aRun("floods/a pass")
	run.Results[0].Measured = []conformance.Figure{{Name: "memory", Value: 1.5, Unit: "MiB", Bound: 2}, {Name: "CPU", Value: 9, Unit: "ns", Bound: 3}, {Name: "frames", Value: 7, Unit: ""}}
	before.Results[0].Measured = []conformance.Figure{{Name: "memory", Value: 0.25, Unit: "MiB", Bound: 2}, {Name: "CPU", Value: 9, Unit: "s"}}
	got := page(t, run, before)
	for _, want := range []string{
		`<i data-kind="pass" style="flex:0 0 75%"></i></span><span>1.5 MiB</span><span class="about">at most 2, before 0.25</span>`,
		`<i data-kind="fail" style="flex:0 0 100%"></i></span><span>9 ns</span><span class="about">at most 3</span>`,
		`<dt>frames</dt><dd><span>7 </span><span class="about"></span></dd>`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	var text bytes.Buffer
	if err := run.writeText(&text, true, nil); err != nil {
		t.Fatal(err)
	}
	if want := "floods/a                                     memory 1.5 MiB (at most 2)\n"; !strings.Contains(text.String(), want) {
		t.Errorf("%s\nlacks %s", &text, want)
	}
}

func TestReportNumber(t *testing.T) {
	for f, want := range map[float64]string{0: "0", 0.125: "0.12", 2: "2", 9.876: "9.88", 12.34: "12.3", 100: "100", 16384: "16384", 1234567.8: "1234568", -30: "-30"} {
		if got := number(f); got != want {
			t.Errorf("%v: %s, want %s", f, got, want)
		}
	}
}

// Every verdict and every change has a mark of its own, so that colours only help.
func TestReportMarks(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range []conformance.Verdict{conformance.Pass, conformance.Lenient, conformance.Fail, conformance.Unsupported} {
		if m := reportMarks[string(v)]; m == "" || seen[m] || !slices.Contains(verdicts, v) {
			t.Errorf("the mark of %s is %q", v, m)
		} else {
			seen[m] = true
		}
	}
	for _, c := range changes {
		if m := reportMarks[string(c)]; m == "" || seen[m] {
			t.Errorf("the mark of %s is %q", c, m)
		} else {
			seen[m] = true
		}
	}
}
