package main

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"sync"

	"github.com/spoutws/spout/internal/conformance"
)

// answers are what became of the cases of a row.
type answers struct {
	conformance.Total
	figures []conformance.Figure // the worst of each name
	bad     []conformance.Result // what is lenient or has failed
}

// add takes in a result.
func (a *answers) add(r conformance.Result) {
	a.Add(r.Verdict)
	if r.Verdict == conformance.Lenient || r.Verdict == conformance.Fail {
		a.bad = append(a.bad, r)
	}
	for _, f := range r.Measured {
		i := slices.IndexFunc(a.figures, func(g conformance.Figure) bool { return g.Name == f.Name })
		switch {
		case i < 0:
			a.figures = append(a.figures, f)
		case worse(f, a.figures[i]):
			a.figures[i] = f
		}
	}
}

// worse reports whether f is nearer to its bound than g, or where there is none, larger.
func worse(f, g conformance.Figure) bool {
	if f.Bound > 0 && g.Bound > 0 {
		return f.Value/f.Bound > g.Value/g.Bound
	}
	return f.Value > g.Value
}

// run is the number of cases that were about something that the server has.
func (a *answers) run() int { return a.Cases() - a.Unsupported }

// measured are the families whose cases look at the server's process. These are asked one after the
// other, of a process for each row.
var measured = []conformance.Family{conformance.Lengths, conformance.Floods, conformance.Truncation, conformance.Effort, conformance.Bombs}

// warm are cases that a fresh process is asked first, so that what it needs once is not measured.
var warm = regexp.MustCompile(`^(framing/(text|binary)-|limits/(text|binary)-(128|256)KiB$|deflate/between-)`)

// askAll asks every server the cases of every row: first, side by side, those that mostly wait; then
// those that measure, of spout's own server alone, and of the others side by side.
func askAll(ctx context.Context, servers []*server) error {
	all := conformance.Cases()
	isMeasured := func(c conformance.Case) bool { return slices.Contains(measured, c.Family) }
	waits, measures := casesOf(all), casesOf(all)
	for n := range waits {
		waits[n] = slices.DeleteFunc(slices.Clone(waits[n]), isMeasured)
		measures[n] = slices.DeleteFunc(slices.Clone(measures[n]), func(c conformance.Case) bool { return !isMeasured(c) })
	}
	warming := slices.DeleteFunc(slices.Clone(all), func(c conformance.Case) bool { return !warm.MatchString(c.ID) })
	measure := func(s *server, lanes int) error {
		return sideBySide(rows, lanes, func(r row) error {
			if len(measures[r.number]) == 0 {
				return nil
			}
			return s.ask(ctx, warming, map[int][]conformance.Case{r.number: measures[r.number]})
		})
	}
	progress("cases that wait, of all servers")
	if err := sideBySide(servers, len(servers), func(s *server) error { return s.ask(ctx, nil, waits) }); err != nil {
		return err
	}
	progress("cases that measure, of spout serve")
	if err := measure(servers[0], 1); err != nil || len(servers) == 1 {
		return err
	}
	progress("cases that measure, of the others")
	return sideBySide(servers[1:], len(servers), func(s *server) error { return measure(s, 2) })
}

// sideBySide calls do for each item, for so many at a time as there are lanes, and returns the first
// error.
func sideBySide[T any](items []T, lanes int, do func(T) error) error {
	errs := make([]error, len(items))
	free := make(chan struct{}, lanes)
	var wg sync.WaitGroup
	for i, item := range items {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			errs[i] = do(item)
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// ask starts the server, asks it the cases, after those for warming up, and notes the results by row.
func (s *server) ask(ctx context.Context, warming []conformance.Case, of map[int][]conformance.Case) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", s.name, err)
		}
	}()
	p, err := s.start()
	if err != nil {
		return err
	}
	defer p.stop()
	k, err := conformance.New(conformance.Config{URL: p.url, PID: p.pid})
	if err != nil {
		return err
	}
	if err := k.Probe(ctx); err != nil {
		return err
	}
	if _, err := k.Run(ctx, warming, nil); err != nil {
		return err
	}
	var cases []conformance.Case
	row := make(map[string]int) // by case
	for n, c := range of {
		cases = append(cases, c...)
		for _, c := range c {
			row[c.ID] = n
		}
	}
	results, err := k.Run(ctx, cases, nil)
	if err != nil {
		return err
	}
	for _, r := range results {
		s.answers[row[r.ID]].add(r)
	}
	if p.stop() {
		s.ended.Store(true)
	}
	return nil
}
