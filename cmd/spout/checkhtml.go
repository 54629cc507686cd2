package main

import (
	"crypto/sha256"
	_ "embed" // files as strings
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
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

// verdicts are those of a report, the worst first.
var verdicts = []conformance.Verdict{conformance.Fail, conformance.Lenient, conformance.Pass, conformance.Unsupported}

// reportMarks tell verdicts and changes apart without colours.
var reportMarks = map[string]string{
	string(conformance.Fail): "✕", string(conformance.Lenient): "≈", string(conformance.Pass): "✓",
	string(conformance.Unsupported): "○",
	string(fixed):                   "↑", string(broken): "↓", string(changed): "~", string(added): "+", string(gone): "−",
}

var reportTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"mark": func(s any) string { return reportMarks[fmt.Sprint(s)] },
	"dump": wireDump,
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
}

type reportComparison struct {
	Before      *checkRun
	Counts      []count
	Changes     []count
	Differences []difference
}

func countVerdicts(results []checkResult) []count {
	var counts []count
	for _, v := range verdicts {
		counts = append(counts, count{string(v), 0})
		for _, r := range results {
			if r.Verdict == v {
				counts[len(counts)-1].N++
			}
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
		Counts:     countVerdicts(run.Results),
	}
	different := map[string]*difference{}
	if before != nil {
		differences := compare(run, before)
		for i, d := range differences {
			different[d.ID] = &differences[i]
		}
		page.Compared = &reportComparison{before, countVerdicts(before.Results), countChanges(differences), differences}
	}
	for _, name := range run.families() {
		results := slices.DeleteFunc(slices.Clone(run.Results), func(r checkResult) bool { return r.Family != name })
		f := reportFamily{Name: name, Counts: countVerdicts(results)}
		for _, r := range results {
			f.Cases = append(f.Cases, reportCase{r, different[r.ID]})
		}
		page.Families = append(page.Families, f)
	}
	return reportTemplate.Execute(w, page)
}

// wireDump shows the bytes of a transfer without the mark of their direction, which the page draws.
func wireDump(t checkTransfer) string {
	var b strings.Builder
	for line := range strings.Lines(t.String()) {
		b.WriteString(line[min(2, len(line)):])
	}
	return b.String()
}
