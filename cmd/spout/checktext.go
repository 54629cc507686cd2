package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spoutws/spout/internal/conformance"
)

// writeText writes the failures, and the table below them, where a terminal shows it. verbose: what is lenient is reported like a
// failure. before, if there is one, is an older run to compare with.
func (run *checkRun) writeText(w io.Writer, verbose bool, before *checkRun) error {
	b := bufio.NewWriter(w)
	for _, r := range run.Results {
		if r.Verdict == conformance.Fail || verbose && r.Verdict == conformance.Lenient {
			writeResult(b, r)
		}
	}
	if verbose {
		writeFigures(b, run.Results)
	}
	const row = "%-14s %6v %6v %8v %6v %12v\n"
	fmt.Fprintf(b, row, "family", "cases", "pass", "lenient", "fail", "unsupported")
	write := func(name string, t conformance.Total) {
		fmt.Fprintf(b, row, name, t.Cases(), t.Pass, t.Lenient, t.Fail, t.Unsupported)
	}
	for _, f := range run.families() {
		write(string(f), run.Families[f])
	}
	write("all", run.Total)
	if before != nil {
		writeComparison(b, run, before)
	}
	fmt.Fprintf(b, "\n%s: %v, in %.1f s\n", run.subject, run.Total, run.Seconds)
	if run.Total.Lenient > 0 && !verbose {
		fmt.Fprintln(b, "-v tells what was lenient")
	}
	return b.Flush()
}

func writeResult(w io.Writer, r checkResult) {
	fmt.Fprintf(w, "%s %s: %s\n", strings.ToUpper(string(r.Verdict)), r.ID, r.Title)
	if r.Reason != "" {
		fmt.Fprintf(w, "  %s\n", r.Reason)
	}
	for _, f := range r.Measured {
		fmt.Fprintf(w, "  %v\n", f)
	}
	for _, rule := range r.Rules() {
		fmt.Fprintf(w, "  %s: %s\n", rule.Place(), rule.Text)
	}
	for _, x := range r.Exchange {
		for line := range strings.Lines(x.String()) {
			fmt.Fprintf(w, "    %s", line)
		}
	}
	fmt.Fprintln(w)
}

// writeFigures lists what cases measured that are not reported otherwise.
func writeFigures(w io.Writer, results []checkResult) {
	any := false
	for _, r := range results {
		if r.Verdict == conformance.Pass {
			for _, f := range r.Measured {
				fmt.Fprintf(w, "%-44s %v\n", r.ID, f)
				any = true
			}
		}
	}
	if any {
		fmt.Fprintln(w)
	}
}

// writeComparison lists what is different, but not what is new: its verdicts stand in the report already.
func writeComparison(w io.Writer, run, before *checkRun) {
	fmt.Fprintf(w, "\ncompared with %s of %s, asked by spout %s: %v\n", before.subject, before.Date.Format(time.DateTime), before.Spout, before.Total)
	differences := compare(run, before)
	for _, d := range differences {
		if d.Change != added {
			fmt.Fprintf(w, "  %-8s %-20s %s\n", d.Change, d.verdicts(), d.ID)
		}
	}
	var counts []string
	for _, c := range countChanges(differences) {
		counts = append(counts, c.String())
	}
	fmt.Fprintf(w, "  %s\n", strings.Join(counts, ", "))
}
