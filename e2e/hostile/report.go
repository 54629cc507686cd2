package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// report is what was seen, by row.
type report struct {
	lines   []line
	servers []*server // the first is spout's
}

// line is a row of threats as spout meets it.
type line struct {
	row
	figures []figure
	failed  int // tests
	holds   bool
}

func newReport(of map[int]*tests, servers []*server) *report {
	rep := &report{servers: servers}
	for _, r := range rows {
		t := of[r.number]
		if t == nil {
			t = new(tests)
		}
		own := servers[0].answers[r.number]
		l := line{row: r, figures: append(t.figures[:len(t.figures):len(t.figures)], own.ofServer()...), failed: t.failed}
		l.holds = t.passed > 0 && t.failed == 0 && own.Fail == 0 && (r.ids == "" || own.run() > 0)
		if len(l.figures) == 0 {
			l.figures = []figure{{seen: "nothing"}}
		}
		for _, f := range l.figures {
			l.holds = l.holds && f.holds
		}
		rep.lines = append(rep.lines, l)
	}
	return rep
}

// held counts the rows that hold.
func (rep *report) held() (n int) {
	for _, l := range rep.lines {
		if l.holds {
			n++
		}
	}
	return n
}

// ofServer are the figures that cases have of a server from outside.
func (a *answers) ofServer() (figures []figure) {
	for _, f := range a.figures {
		what, ok := map[string]string{
			"memory":        "spout serve: memory +",
			"CPU per frame": "spout serve: CPU for a frame ",
			"refused after": "spout serve: refused after ",
			"ended after":   "spout serve: the last connection ended after ",
		}[f.Name]
		if !ok {
			continue
		}
		seen := figure{seen: fmt.Sprintf("%s%s %s", what, rounded(f.Value), f.Unit), holds: f.Bound == 0 || f.Value <= f.Bound}
		if f.Bound > 0 {
			seen.bound = fmt.Sprintf("%s %s", rounded(f.Bound), f.Unit)
		}
		figures = append(figures, seen)
	}
	return figures
}

// rounded has two decimals at most.
func rounded(v float64) string { return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64) }

// print prints everything, rows of the other servers too.
func (rep *report) print(w io.Writer, took time.Duration) {
	for _, l := range rep.lines {
		verdict := "holds"
		if !l.holds {
			verdict = "DOES NOT HOLD"
		}
		fmt.Fprintf(w, "\nT%-3d %-66s %s\n", l.number, l.attack, verdict)
		for _, f := range l.figures {
			mark := ""
			if !f.holds {
				mark = "  MISSED"
			}
			fmt.Fprintf(w, "     %-90s %s%s\n", f.seen, f.bound, mark)
		}
		if l.failed > 0 {
			fmt.Fprintf(w, "     %d tests failed: go test -tags long -run '^TestT%d[A-Z]' .\n", l.failed, l.number)
		}
		if l.ids == "" {
			continue
		}
		for _, s := range rep.servers {
			a := s.answers[l.number]
			fmt.Fprintf(w, "     %-8s %3d of %d cases passed, %d lenient, %d failed", s.name, a.Pass, a.run(), a.Lenient, a.Fail)
			for _, f := range a.figures {
				if f.Bound > 0 {
					fmt.Fprintf(w, "; %v", f)
				}
			}
			fmt.Fprintln(w)
		}
		for _, r := range rep.servers[0].answers[l.number].bad {
			fmt.Fprintf(w, "     %s: %s: %s\n", r.Verdict, r.ID, r.Reason)
		}
	}
	fmt.Fprintln(w)
	for _, s := range rep.servers {
		a := s.total()
		fmt.Fprintf(w, "%-8s %4d of %d cases passed, %d lenient, %d failed", s.name, a.Pass, a.run(), a.Lenient, a.Fail)
		if s.ended.Load() {
			fmt.Fprint(w, "; its process ended by itself")
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%d of %d rows hold; %.0f s\n", rep.held(), len(rep.lines), took.Seconds())
}

// total sums up all rows.
func (s *server) total() (sum answers) {
	for _, a := range s.answers {
		sum.Pass += a.Pass
		sum.Lenient += a.Lenient
		sum.Fail += a.Fail
		sum.Unsupported += a.Unsupported
	}
	return sum
}

// markdown is the document: spout's figures by row, and of the others totals.
func (rep *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, preface, time.Now().UTC().Format(time.DateOnly), machine())
	fmt.Fprint(&b, "| # | attack or fault | seen | bound | cases passed | holds |\n|---|---|---|---|---|---|\n")
	for _, l := range rep.lines {
		cases, verdict := "", "yes"
		if a := rep.servers[0].answers[l.number]; l.ids != "" {
			cases = fmt.Sprintf("%d of %d", a.Pass, a.run())
		}
		if !l.holds {
			verdict = "**no**"
		}
		number, attack := strconv.Itoa(l.number), l.attack
		for i, f := range l.figures {
			if i > 0 {
				number, attack, cases, verdict = "", "", "", ""
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", number, attack, cell(f.seen), cell(f.bound), cases, verdict)
		}
	}
	fmt.Fprintf(&b, "\n%d of %d rows hold.\n%s", rep.held(), len(rep.lines), others)
	for _, s := range rep.servers {
		a := s.total()
		fmt.Fprintf(&b, "| %s | %d of %d |\n", strings.TrimSpace(s.name+" "+s.version), a.Pass, a.run())
	}
	return b.String()
}

// cell is text within a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

const preface = `# A hostile world

What attacks and faults do to spout: written by ` + "`make hostile HOSTILE=-write`" + `, not by hand. Measured on %s; %s.

A figure is that of a test in the root of the repository, ` + "`TestT1...` to `TestT27...`" + `, or, where it
says "spout serve", of the process of that command while it was asked hostile cases of ` + "`spout check`" + `: the
worst of them. Times are those of a fake clock where they are whole seconds, and else of sockets on
loopback; bytes and counts are asserted by the tests, too. A row holds if all its tests pass, no case
fails, and every figure is within its bound. Rows 24 and 25 are about brokers.

`

const others = `
## Other servers

The same cases, asked of echo servers of other libraries with the limits and deadlines that these
have by default. Compression is on in all of them, and each runs in a process of its own. A case that
is about what a server does not have is not counted; one that is answered leniently has not passed.

| server | cases passed |
|---|---|
`

// machine says what was measured on.
func machine() string {
	class := fmt.Sprintf("%s/%s, %d processors, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	status, err := os.ReadFile("/proc/meminfo")
	var kilobytes float64
	if err == nil {
		if _, err := fmt.Sscanf(string(status), "MemTotal: %f kB", &kilobytes); err == nil {
			class = fmt.Sprintf("%s, %.0f GiB of memory", class, kilobytes/(1<<20))
		}
	}
	return class
}
