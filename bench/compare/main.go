// Command compare measures WebSocket servers side by side: spout's, those of
// other libraries, and one that does no more than the kernel asks for. Each server is a process of
// its own on one CPU, the client another on another, so that the CPU time of the server alone counts.
//
// Run it at the root of the repository: go run ./bench/compare
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spoutws/spout/bench/load"
	"github.com/spoutws/spout/bench/process"
	"github.com/spoutws/spout/bench/report"
	"github.com/spoutws/spout/bench/servers"
)

// What this program is started with again.
const (
	serveArgument = "serve"
	loadArgument  = "load"
)

func main() {
	err := func() error {
		if len(os.Args) == 2 {
			switch os.Args[1] {
			case serveArgument:
				return servers.RunProcess(os.Stdin, os.Stdout)
			case loadArgument:
				return load.RunProcess(os.Stdin, os.Stdout)
			}
		}
		return compare()
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func compare() error {
	var (
		pattern  = flag.String("scenario", "", "regular expression of the scenarios' names; default: all")
		names    = flag.String("servers", "", "names of servers, with commas between them; default: all")
		rounds   = flag.Int("rounds", 5, "how often each is measured, memory half as often; medians are printed")
		duration = flag.Duration("time", 500*time.Millisecond, "of one measurement, after a third of it to warm up")
		quick    = flag.Bool("quick", false, "one round of 200 ms, and half the time for connections to become idle")
		profile  = flag.String("cpuprofile", "", "write CPU samples of spout's server to this file; those of the last measurement remain")
		write    = flag.Bool("write", false, "write bench/RESULTS.md and bench/chart.svg")
	)
	flag.Parse()
	b := &bench{quiet: 3 * time.Second}
	if *quick {
		*rounds, *duration, b.quiet = 1, 200*time.Millisecond, 1500*time.Millisecond
	}
	chosen, err := regexp.Compile(*pattern)
	if err != nil {
		return err
	}
	var named []*servers.Library
	for _, name := range strings.FieldsFunc(*names, func(c rune) bool { return c == ',' }) {
		l, err := servers.Find(name)
		if err != nil {
			return err
		}
		named = append(named, l)
	}
	cpus, err := process.CPUs()
	if err != nil {
		return err
	}
	b.serverCPU, b.loadCPU = cpus[0], cpus[len(cpus)-1]
	b.duration, b.profile = *duration, *profile

	var (
		results []*result
		failed  error
		p       = place{report.Here("compare"), (*servers.Library).Version}
	)
	for _, sc := range scenarios() {
		if !chosen.MatchString(sc.name) {
			continue
		}
		libraries := named
		if libraries == nil {
			libraries = sc.libraries()
		}
		n := *rounds
		if sc.job.Kind == load.Idle {
			n = (n + 1) / 2
		}
		r := newResult(sc, libraries)
		failed = errors.Join(failed, b.rounds(r, n))
		fmt.Printf("\n%s\n\n", sc.title())
		writeDetail(os.Stdout, r)
		results = append(results, r)
	}
	if len(results) == 0 {
		return fmt.Errorf("no scenario is called %q", *pattern)
	}
	fmt.Print("\nMedians, side by side\n\n")
	writeOverview(os.Stdout, results)
	p.End()
	fmt.Printf("\n%s; load average %s before, %s after\n", p.Took, p.Before, p.After)
	if *write {
		return errors.Join(failed, writeFiles(results, p))
	}
	return failed
}

// rounds measures all libraries of a scenario, taking turns.
func (b *bench) rounds(r *result, n int) (failed error) {
	for range n {
		for _, c := range r.cells {
			if c.missing != nil || len(c.failed) == mostFailures {
				continue
			}
			s, err := b.measure(r.scenario, c.library)
			if err != nil {
				c.failed = append(c.failed, err)
				failed = errors.Join(failed, fmt.Errorf("%s, %s: %w", r.scenario.name, c.library.Name, err))
				continue
			}
			c.samples = append(c.samples, s)
		}
	}
	return failed
}
