package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/spoutws/spout/bench/servers"
)

// row is what was measured in a scenario.
type row struct {
	scenario scenario
	cells    []cell
}

// cell is what was measured with one library.
type cell struct {
	library *servers.Library
	samples []sample
}

func newRow(sc scenario, libraries []*servers.Library) *row {
	r := &row{scenario: sc}
	for _, l := range libraries {
		if l.Can(sc.job.Setup) == nil {
			r.cells = append(r.cells, cell{library: l})
		}
	}
	return r
}

// median returns the middle of what get returns for the samples, and the least and the greatest.
func (c cell) median(get func(sample) float64) (middle, least, most float64) {
	var values []float64
	for _, s := range c.samples {
		values = append(values, get(s))
	}
	slices.Sort(values)
	return values[len(values)/2], values[0], values[len(values)-1]
}

func cpu(s sample) float64 { return s.cpu }

func (r *row) print(w io.Writer) {
	fmt.Fprintf(w, "\n%s (%s)\n", r.scenario.name, r.scenario.about)
	fmt.Fprintf(w, "%-14s %9s %9s %9s %8s %10s %8s %8s %8s %7s %9s\n", "", "cpu ns", "least", "most", "/first", "msg/s", "p50 us", "p99", "p99.9", "allocs", "bytes")
	first, _, _ := r.cells[0].median(cpu)
	for _, c := range r.cells {
		m := func(get func(sample) float64) float64 { v, _, _ := c.median(get); return v }
		mid, least, most := c.median(cpu)
		fmt.Fprintf(w, "%-14s %9.0f %9.0f %9.0f %8.2f %10.0f %8.1f %8.1f %8.1f %7.2f %9.0f\n", c.library.Name, mid, least, most, mid/first,
			m(func(s sample) float64 { return s.rate }), m(func(s sample) float64 { return s.p50 / 1e3 }), m(func(s sample) float64 { return s.p99 / 1e3 }),
			m(func(s sample) float64 { return s.p999 / 1e3 }), m(func(s sample) float64 { return s.allocs }), m(func(s sample) float64 { return s.bytes }))
	}
}
