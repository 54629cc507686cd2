package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spoutws/spout/bench/servers"
)

// writeOverview writes a table with a row for each metric that a scenario
// shows, and a column for each library.
func writeOverview(w io.Writer, results []*result) {
	var columns []string
	for _, l := range servers.All {
		for _, r := range results {
			if r.find(l.Name) != nil {
				columns = append(columns, l.Name)
				break
			}
		}
	}
	fmt.Fprintf(w, "| scenario | %s | spout to best whole | to best | to floor |\n", strings.Join(columns, " | "))
	fmt.Fprintf(w, "|---|%s\n", strings.Repeat("--:|", len(columns)+3))
	for _, r := range results {
		for _, m := range r.scenario.shown {
			fmt.Fprintf(w, "| %s: %s |", r.scenario.name, m)
			for _, name := range columns {
				if c := r.find(name); c != nil {
					fmt.Fprintf(w, " %s |", m.print(c.median(m)))
				} else {
					fmt.Fprint(w, " - |")
				}
			}
			for _, other := range []*cell{r.best(m, r.comparable), r.best(m, isPeer), r.find("floor")} {
				if x, ok := r.against(m, other); !ok || !m.relate {
					fmt.Fprint(w, " - |")
				} else if other.library.Name == "floor" {
					fmt.Fprintf(w, " %.2f |", x.value)
				} else {
					fmt.Fprintf(w, " %.2f %s |", x.value, other.library.Name)
				}
			}
			fmt.Fprintln(w)
		}
	}
}

// writeDetail writes the table of a scenario: a row for each library.
func writeDetail(w io.Writer, r *result) {
	first := r.scenario.shown[0]
	compressed := r.scenario.job.Setup.Compression.Compressed()
	ratios := "spout to it |"
	var variants []*cell
	for _, name := range []string{"spout-stream", "spout-release"} {
		if c := r.find(name); c != nil {
			variants = append(variants, c)
			ratios += " " + name + " to it |"
		}
	}
	ratios += " to floor |"
	fmt.Fprintf(w, "| %s | %s | least | most | %s", r.scenario.name, first, ratios)
	others := r.scenario.detail()
	for _, m := range others {
		fmt.Fprintf(w, " %s |", m)
	}
	fmt.Fprintf(w, "\n|---|%s\n", strings.Repeat("--:|", 3+strings.Count(ratios, "|")+len(others)))
	var notes []string
	for _, c := range r.cells {
		if note := c.note(); note != "" {
			notes = append(notes, c.library.Name+": "+note)
		}
		if !c.measured() {
			continue
		}
		middle, least, most := c.spread(first)
		fmt.Fprintf(w, "| %s | %s | %s | %s |", c.library.Name, first.print(middle), first.print(least), first.print(most))
		switch x, ok := r.against(first, c); {
		case !ok || servers.Ours(c.library):
			fmt.Fprint(w, " - |")
		case compressed && x.spout.library.Name != "spout":
			fmt.Fprintf(w, " %.2f %s |", x.value, x.spout.library.Name)
		default:
			fmt.Fprintf(w, " %.2f |", x.value)
		}
		for _, v := range variants {
			if servers.Ours(c.library) {
				fmt.Fprint(w, " - |")
			} else {
				fmt.Fprintf(w, " %.2f |", v.median(first)/middle)
			}
		}
		if floor := r.find("floor"); floor != nil && floor.median(first) > 0 {
			fmt.Fprintf(w, " %.2f |", middle/floor.median(first))
		} else {
			fmt.Fprint(w, " - |")
		}
		for _, m := range others {
			fmt.Fprintf(w, " %s |", m.print(c.median(m)))
		}
		fmt.Fprintln(w)
	}
	if len(notes) > 0 {
		fmt.Fprintf(w, "\n%s.\n", strings.Join(notes, "; "))
	}
}
