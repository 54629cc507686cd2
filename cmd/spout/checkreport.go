package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spoutws/spout/internal/conformance"
)

// checkReport is what spout check has to say.
type checkReport struct {
	url      string
	results  []conformance.Result
	duration time.Duration
	verbose  bool // report what is lenient like a failure
}

// total counts the verdicts of a family, or of all of them for "".
func (r *checkReport) total(f conformance.Family) conformance.Total {
	var t conformance.Total
	for _, res := range r.results {
		if f == "" || res.Family == f {
			t.Add(res.Verdict)
		}
	}
	return t
}

// writeText writes the failures, and the table below them, where a terminal shows it.
func (r *checkReport) writeText(w io.Writer) error {
	b := bufio.NewWriter(w)
	for _, res := range r.results {
		if res.Verdict == conformance.Fail || r.verbose && res.Verdict == conformance.Lenient {
			writeResult(b, res)
		}
	}
	const row = "%-14s %6v %6v %8v %6v\n"
	fmt.Fprintf(b, row, "family", "cases", "pass", "lenient", "fail")
	write := func(name string, t conformance.Total) {
		if n := t.Pass + t.Lenient + t.Fail; n > 0 {
			fmt.Fprintf(b, row, name, n, t.Pass, t.Lenient, t.Fail)
		}
	}
	for _, f := range conformance.Families {
		write(string(f), r.total(f))
	}
	all := r.total("")
	write("all", all)
	fmt.Fprintf(b, "\n%s: %v, in %.1f s\n", r.url, all, r.duration.Seconds())
	if all.Lenient > 0 && !r.verbose {
		fmt.Fprintln(b, "-v tells what was lenient")
	}
	return b.Flush()
}

func writeResult(w io.Writer, r conformance.Result) {
	fmt.Fprintf(w, "%s %s: %s\n", strings.ToUpper(string(r.Verdict)), r.ID, r.Title)
	if r.Reason != "" {
		fmt.Fprintf(w, "  %s\n", r.Reason)
	}
	rules := []conformance.Rule{r.Rule, r.Broken}
	for i, rule := range rules {
		if rule.Text != "" && (i == 0 || rule != r.Rule) {
			fmt.Fprintf(w, "  RFC 6455, %s: %s\n", rule.Section, rule.Text)
		}
	}
	for _, x := range r.Exchange {
		for line := range strings.Lines(x.String()) {
			fmt.Fprintf(w, "    %s", line)
		}
	}
	fmt.Fprintln(w)
}

// The JSON of a report.
type (
	jsonReport struct {
		URL      string                                   `json:"url"`
		Seconds  float64                                  `json:"seconds"`
		Total    conformance.Total                        `json:"total"`
		Families map[conformance.Family]conformance.Total `json:"families"`
		Results  []jsonResult                             `json:"results"`
	}
	jsonResult struct {
		ID       string              `json:"id"`
		Family   conformance.Family  `json:"family"`
		Title    string              `json:"title"`
		Verdict  conformance.Verdict `json:"verdict"`
		Reason   string              `json:"reason,omitempty"`
		Rule     conformance.Rule    `json:"rule"`
		Broken   *conformance.Rule   `json:"broken,omitempty"` // where it is another than Rule
		Seconds  float64             `json:"seconds"`
		Exchange []jsonTransfer      `json:"exchange"`
	}
	jsonTransfer struct {
		Direction conformance.Direction `json:"direction"`
		Length    int                   `json:"length,omitempty"`
		Hex       string                `json:"hex,omitempty"` // the first bytes of Length
		Note      string                `json:"note,omitempty"`
	}
)

func (r *checkReport) writeJSON(w io.Writer) error {
	out := jsonReport{URL: r.url, Seconds: r.duration.Seconds(), Total: r.total(""), Families: map[conformance.Family]conformance.Total{}}
	for _, res := range r.results {
		out.Families[res.Family] = r.total(res.Family)
		j := jsonResult{
			ID: res.ID, Family: res.Family, Title: res.Title, Verdict: res.Verdict, Reason: res.Reason,
			Rule: res.Rule, Seconds: res.Duration.Seconds(), Exchange: []jsonTransfer{},
		}
		if res.Broken.Text != "" {
			j.Broken = &res.Broken
		}
		for _, x := range res.Exchange {
			j.Exchange = append(j.Exchange, jsonTransfer{x.Direction, x.Length, hex.EncodeToString(x.Data), x.Text})
		}
		out.Results = append(out.Results, j)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(out)
}
