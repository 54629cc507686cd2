package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spoutws/spout/bench/report"
	"github.com/spoutws/spout/bench/servers"
)

// column is a figure of a table.
type column struct {
	name  string
	get   func(sample) float64
	print func(float64) string
}

var (
	cpuColumn      = column{"CPU of a delivery, us", func(s sample) float64 { return s.cpu / 1e3 }, report.Digits}
	rateColumn     = column{"deliveries/s", func(s sample) float64 { return s.rate }, report.Whole}
	p50Column      = column{"p50, ms", func(s sample) float64 { return s.p50 / 1e6 }, report.Digits}
	p99Column      = column{"p99, ms", func(s sample) float64 { return s.p99 / 1e6 }, report.Digits}
	allocsColumn   = column{"allocations of a delivery", func(s sample) float64 { return s.allocs }, report.Hundredths}
	joinColumn     = column{"CPU of connecting and joining, us", func(s sample) float64 { return s.join / 1e3 }, report.Digits}
	memoryColumn   = column{"memory of a connection, B", func(s sample) float64 { return s.memory }, report.Whole}
	firstColumn    = column{"CPU of a message: the publisher's node, us", func(s sample) float64 { return s.first / 1e3 }, report.Digits}
	otherColumn    = column{"each other node, us", func(s sample) float64 { return s.other / 1e3 }, report.Digits}
	brokerColumn   = column{"NATS, us", func(s sample) float64 { return s.broker / 1e3 }, report.Digits}
	interestColumn = column{"NATS memory of a node's room, B", func(s sample) float64 { return s.interest }, report.Whole}
	alone, spread  = []column{rateColumn, p50Column, p99Column, allocsColumn, joinColumn, memoryColumn},
		[]column{firstColumn, otherColumn, brokerColumn, rateColumn, p50Column, p99Column, allocsColumn, joinColumn, memoryColumn}
)

func (c column) spread(samples []sample) (median, least, most float64) {
	var values []float64
	for _, s := range samples {
		values = append(values, c.get(s))
	}
	return report.Spread(values)
}

// write writes the table of a scenario: a row for each library.
func (r *result) write(w io.Writer) {
	others := alone
	if r.nodes > 1 {
		others = spread
		if r.job.Conns > r.job.Members { // else there is one room
			others = append(slices.Clone(others), interestColumn)
		}
	}
	fmt.Fprintf(w, "\n## %s\n\n| %s | %s | least | most |", r.about, r.name, cpuColumn.name)
	compared := len(r.libraries) > 1
	if compared {
		fmt.Fprint(w, " spout to it |")
	}
	for _, c := range others {
		fmt.Fprintf(w, " %s |", c.name)
	}
	fmt.Fprint(w, "\n|---|")
	if compared {
		fmt.Fprint(w, "--:|")
	}
	fmt.Fprintln(w, strings.Repeat("--:|", 3+len(others)))
	for _, l := range r.libraries {
		samples := r.samples[l]
		if len(samples) == 0 {
			continue
		}
		median, least, most := cpuColumn.spread(samples)
		fmt.Fprintf(w, "| %s | %s | %s | %s |", l.Name, report.Digits(median), report.Digits(least), report.Digits(most))
		switch own := r.samples[r.libraries[0]]; {
		case !compared:
		case servers.Ours(l) || len(own) == 0:
			fmt.Fprint(w, " - |")
		default:
			ours, _, _ := cpuColumn.spread(own)
			fmt.Fprintf(w, " %.2f |", ours/median)
		}
		for _, c := range others {
			median, _, _ := c.spread(samples)
			fmt.Fprintf(w, " %s |", c.print(median))
		}
		fmt.Fprintln(w)
	}
}

// writeReport writes all there is into a file.
func writeReport(results []*result, p report.Place) error {
	var w bytes.Buffer
	fmt.Fprint(&w, `# Rooms

What it costs to publish in rooms. This page is written by `+"`make rooms ROOMS=-write`"+`; how it is measured, and what is published of
centrifuge, is in [README.md](README.md#rooms), and what follows from it for many nodes in [docs/scale.md](../docs/scale.md).

`)
	p.Write(&w)
	fmt.Fprint(&w, "\n| name | module | version | |\n|---|---|---|---|\n")
	for _, l := range servers.WithRooms {
		version := l.Version()
		if servers.Ours(l) {
			version = p.Spout
		}
		fmt.Fprintf(&w, "| %s | %s | %s | %s |\n", l.Name, l.Module, version, l.About)
	}
	for _, r := range results {
		r.write(&w)
	}
	return report.WriteFile("RESULTS-rooms.md", w.Bytes())
}
