// Command rooms measures what it costs to publish in rooms: package hub and other libraries side by side on one
// node, and package hub on three nodes over NATS. As in command compare, each server is a process of its own, and
// the client another.
//
// Run it at the root of the repository: go run ./bench/rooms
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/spoutws/spout/bench/load"
	"github.com/spoutws/spout/bench/process"
	"github.com/spoutws/spout/bench/report"
	"github.com/spoutws/spout/bench/servers"
)

// What this program is started with again.
const (
	serveArgument  = "serve"
	loadArgument   = "load"
	brokerArgument = "broker"
)

func main() {
	err := func() error {
		if len(os.Args) == 2 {
			switch os.Args[1] {
			case serveArgument:
				return servers.RunProcess(os.Stdin, os.Stdout)
			case loadArgument:
				return load.RunProcess(os.Stdin, os.Stdout)
			case brokerArgument:
				return runBroker()
			}
		}
		return rooms()
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "rooms:", err)
		os.Exit(1)
	}
}

func rooms() error {
	var (
		pattern  = flag.String("scenario", "", "regular expression of the scenarios' names; default: all")
		rounds   = flag.Int("rounds", 5, "how often each is measured; medians are printed")
		duration = flag.Duration("time", time.Second, "of one measurement, after a third of it to warm up")
		shrink   = flag.Int("shrink", 1, "have so many times fewer connections, to try something")
		profile  = flag.String("cpuprofile", "", "write CPU samples of spout's server to this file; those of the last measurement remain")
		write    = flag.Bool("write", false, "write bench/RESULTS-rooms.md")
	)
	flag.Parse()
	chosen, err := regexp.Compile(*pattern)
	if err != nil {
		return err
	}
	cpus, err := process.CPUs()
	if err != nil {
		return err
	}
	b := &bench{serverCPU: cpus[0], loadCPU: cpus[len(cpus)-1], duration: *duration, profile: *profile}
	var (
		results []*result
		failed  error
		place   = report.Here("rooms")
	)
	for _, sc := range scenarios(*shrink) {
		if !chosen.MatchString(sc.name) {
			continue
		}
		r, err := b.rounds(sc, *rounds)
		failed = errors.Join(failed, err)
		r.write(os.Stdout)
		results = append(results, r)
	}
	if len(results) == 0 {
		return fmt.Errorf("no scenario is called %q", *pattern)
	}
	place.End()
	fmt.Printf("\n%s; load average %s before, %s after\n", place.Took, place.Before, place.After)
	if *write {
		return errors.Join(failed, writeReport(results, place))
	}
	return failed
}
