package main

import (
	"fmt"
	"slices"

	"github.com/spoutws/spout/internal/conformance"
)

// change is how a case of two runs differs from one to the other.
type change string

const (
	broken  change = "broken"  // it fails now
	fixed   change = "fixed"   // it fails no more
	changed change = "changed" // the verdict is another, and neither is fail
	added   change = "new"     // the older run has no such case
	gone    change = "gone"    // the newer run has no such case
)

var changes = []change{broken, fixed, changed, added, gone}

// count is a number of verdicts or changes.
type count struct {
	Kind string
	N    int
}

func (c count) String() string { return fmt.Sprintf("%d %s", c.N, c.Kind) }

// difference is a case that two runs don't agree upon.
type difference struct {
	ID          string
	Change      change
	Now, Before *checkResult // nil in the run that doesn't have the case
}

// verdicts tells both, as in "fail -> pass".
func (d difference) verdicts() string {
	switch d.Change {
	case added:
		return string(d.Now.Verdict)
	case gone:
		return string(d.Before.Verdict)
	}
	return fmt.Sprintf("%s -> %s", d.Before.Verdict, d.Now.Verdict)
}

// compare returns the cases with another verdict in run than in before: what is broken first, and so on.
func compare(run, before *checkRun) []difference {
	old := before.byID()
	var differences []difference
	for i := range run.Results {
		now := &run.Results[i]
		was, known := old[now.ID]
		delete(old, now.ID)
		d := difference{ID: now.ID, Now: now, Before: was}
		switch {
		case !known:
			d.Change = added
		case now.Verdict == was.Verdict:
			continue
		case was.Verdict == conformance.Fail:
			d.Change = fixed
		case now.Verdict == conformance.Fail:
			d.Change = broken
		default:
			d.Change = changed
		}
		differences = append(differences, d)
	}
	for i, r := range before.Results {
		if old[r.ID] != nil {
			differences = append(differences, difference{ID: r.ID, Change: gone, Before: &before.Results[i]})
		}
	}
	slices.SortStableFunc(differences, func(a, b difference) int {
		return slices.Index(changes, a.Change) - slices.Index(changes, b.Change)
	})
	return differences
}

func (run *checkRun) byID() map[string]*checkResult {
	results := map[string]*checkResult{}
	for i, r := range run.Results {
		results[r.ID] = &run.Results[i]
	}
	return results
}

// countChanges tells how many there are of each.
func countChanges(differences []difference) []count {
	var counts []count
	for _, c := range changes {
		counts = append(counts, count{string(c), 0})
		for _, d := range differences {
			if d.Change == c {
				counts[len(counts)-1].N++
			}
		}
	}
	return counts
}

// only drops the results that keep does not want, as if they had not been asked.
func (run *checkRun) only(keep func(id string) bool) {
	run.Results = slices.DeleteFunc(run.Results, func(r checkResult) bool { return !keep(r.ID) })
	run.Total, run.Families = totals(run.Results)
}
