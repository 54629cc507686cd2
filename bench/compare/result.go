package main

import (
	"fmt"

	"github.com/spoutws/spout/bench/load"
	"github.com/spoutws/spout/bench/report"
	"github.com/spoutws/spout/bench/servers"
)

// result is what was measured in a scenario.
type result struct {
	scenario scenario
	cells    []*cell
}

// cell is what was measured with one library.
type cell struct {
	library *servers.Library
	samples []sample
	missing error // why it can't be measured
	failed  []error
}

// mostFailures is how often a library may fail in a scenario before it is measured there no more.
const mostFailures = 2

func newResult(sc scenario, libraries []*servers.Library) *result {
	r := &result{scenario: sc}
	for _, l := range libraries {
		r.cells = append(r.cells, &cell{library: l, missing: l.Can(sc.job.Setup)})
	}
	return r
}

// note returns what is to be said about a cell beside its figures, or "".
func (c *cell) note() string {
	switch {
	case c.missing != nil:
		return fmt.Sprintf("not measured, %v", c.missing)
	case len(c.failed) > 0:
		return fmt.Sprintf("failed %d of %d times, %v", len(c.failed), len(c.failed)+len(c.samples), c.failed[0])
	}
	return ""
}

// measured reports whether there are figures.
func (c *cell) measured() bool { return c.missing == nil && len(c.samples) > 0 }

// spread returns the median of a metric, its least value and its greatest.
func (c *cell) spread(m metric) (median, least, most float64) {
	var values []float64
	for _, s := range c.samples {
		values = append(values, m.get(s))
	}
	return report.Spread(values)
}

func (c *cell) median(m metric) float64 {
	v, _, _ := c.spread(m)
	return v
}

// find returns the cell of a library, or nil if it was not measured.
func (r *result) find(name string) *cell {
	for _, c := range r.cells {
		if c.library.Name == name && c.measured() {
			return c
		}
	}
	return nil
}

// best returns the measured cell with the least median of those that are wanted, or nil.
func (r *result) best(m metric, wanted func(*servers.Library) bool) (best *cell) {
	for _, c := range r.cells {
		if c.measured() && wanted(c.library) && (best == nil || c.median(m) < best.median(m)) {
			best = c
		}
	}
	return best
}

func isPeer(l *servers.Library) bool { return l.Module != "" && !servers.Ours(l) }

// comparable reports whether a library is a peer that does all that spout does in the scenario.
func (r *result) comparable(l *servers.Library) bool {
	return isPeer(l) && l.Whole && (l.Std || r.scenario.job.Kind != load.Handshakes)
}

// like returns spout as it is to be compared with another library: where
// messages are compressed, the cheapest variant that sends at most 5 % more bytes than the other.
func (r *result) like(m metric, other *cell) *cell {
	if !r.scenario.job.Setup.Compression.Compressed() {
		return r.find("spout")
	}
	limit := 1.05 * other.median(wireBytes)
	var best *cell
	for _, c := range r.cells {
		if servers.Ours(c.library) && c.measured() && c.median(wireBytes) <= limit && (best == nil || c.median(m) < best.median(m)) {
			best = c
		}
	}
	return best
}

// ratio is how spout compares with another.
type ratio struct {
	value float64
	spout *cell // which variant
	other *cell
}

// against compares spout with another, if both were measured.
func (r *result) against(m metric, other *cell) (ratio, bool) {
	if other == nil {
		return ratio{}, false
	}
	ours := r.like(m, other)
	if ours == nil || other.median(m) <= 0 {
		return ratio{}, false
	}
	return ratio{ours.median(m) / other.median(m), ours, other}, true
}
