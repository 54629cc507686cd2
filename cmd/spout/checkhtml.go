package main

import (
	"crypto/sha256"
	_ "embed" // files as strings
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spoutws/spout/internal/conformance"
)

var (
	//go:embed report/report.html
	reportHTML string
	//go:embed report/report.css
	reportStyle string
	//go:embed report/report.js
	reportScript string
	//go:embed page/colours.css
	pageColours string
	//go:embed page/icon.svg
	pageIcon string
)

// verdicts are those of a report, in its order.
var verdicts = []conformance.Verdict{conformance.Pass, conformance.Lenient, conformance.Fail, conformance.Unsupported}

// reportMarks tell verdicts and changes apart without colours.
var reportMarks = map[string]string{
	string(conformance.Fail): "✕", string(conformance.Lenient): "≈", string(conformance.Pass): "✓",
	string(conformance.Unsupported): "○",
	string(fixed):                   "↑", string(broken): "↓", string(changed): "~", string(added): "+", string(gone): "−",
}

var reportTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"mark":   func(s any) string { return reportMarks[fmt.Sprint(s)] },
	"dump":   wireDump,
	"number": number,
}).Parse(reportHTML))

// reportPage is what the template shows.
type reportPage struct {
	Style      template.CSS
	Script     template.JS
	ScriptHash string // of the only script that the page may run
	Icon       template.URL
	Logo       template.HTML

	Run      *checkRun
	Counts   []count
	Families []reportFamily
	Compared *reportComparison // nil: with nothing
}

type reportFamily struct {
	Name   conformance.Family
	Counts []count
	Cases  []reportCase
}

type reportCase struct {
	checkResult
	Difference *difference // nil: none
	Figures    []reportFigure
}

type reportFigure struct {
	conformance.Figure
	Percent   int     // of the bound, at most 100
	Before    float64 // in the older run, if HasBefore
	HasBefore bool
}

type reportComparison struct {
	Before      *checkRun
	Counts      []count
	Changes     []count
	Differences []difference
}

// countVerdicts counts each verdict that any of all has, so that counts of several lists stand in the same columns.
func countVerdicts(all, results []checkResult) []count {
	number := func(results []checkResult, v conformance.Verdict) (n int) {
		for _, r := range results {
			if r.Verdict == v {
				n++
			}
		}
		return n
	}
	var counts []count
	for _, v := range verdicts {
		if number(all, v) > 0 {
			counts = append(counts, count{string(v), number(results, v)})
		}
	}
	return counts
}

// writeHTML writes a page that needs nothing else. It compares with an older run if there is one.
func (run *checkRun) writeHTML(w io.Writer, before *checkRun) error {
	hash := sha256.Sum256([]byte(reportScript))
	page := reportPage{
		Style:      template.CSS(pageColours + reportStyle),
		Script:     template.JS(reportScript),
		ScriptHash: base64.StdEncoding.EncodeToString(hash[:]),
		Icon:       template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte(pageIcon))),
		Logo:       template.HTML(pageIcon),
		Run:        run,
		Counts:     countVerdicts(run.Results, run.Results),
	}
	different := map[string]*difference{}
	var old map[string]*checkResult
	if before != nil {
		differences := compare(run, before)
		for i, d := range differences {
			different[d.ID] = &differences[i]
		}
		old = before.byID()
		page.Compared = &reportComparison{before, countVerdicts(before.Results, before.Results), countChanges(differences), differences}
	}
	for _, name := range run.families() {
		results := slices.DeleteFunc(slices.Clone(run.Results), func(r checkResult) bool { return r.Family != name })
		f := reportFamily{Name: name, Counts: countVerdicts(run.Results, results)}
		for _, r := range results {
			f.Cases = append(f.Cases, reportCase{r, different[r.ID], reportFigures(r, old[r.ID])})
		}
		page.Families = append(page.Families, f)
	}
	return reportTemplate.Execute(w, page)
}

// reportFigures returns what a case measured, beside what it measured before if it was asked before.
func reportFigures(r checkResult, before *checkResult) []reportFigure {
	var figures []reportFigure
	for _, f := range r.Measured {
		shown := reportFigure{Figure: f}
		if f.Bound > 0 {
			shown.Percent = int(min(100, 100*f.Value/f.Bound))
		}
		if before != nil {
			for _, b := range before.Measured {
				if b.Name == f.Name && b.Unit == f.Unit {
					shown.Before, shown.HasBefore = b.Value, true
				}
			}
		}
		figures = append(figures, shown)
	}
	return figures
}

// number shows three digits, or as many as stand before the point.
func number(f float64) string {
	decimals := 2
	for limit := 10.0; decimals > 0 && math.Abs(f) >= limit; limit *= 10 {
		decimals--
	}
	s := strconv.FormatFloat(f, 'f', decimals, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// wireDump shows the bytes of a transfer without the mark of their direction, which the page draws.
func wireDump(t checkTransfer) string {
	var b strings.Builder
	for line := range strings.Lines(t.String()) {
		b.WriteString(line[min(2, len(line)):])
	}
	return b.String()
}
