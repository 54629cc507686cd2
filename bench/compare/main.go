// Command compare measures WebSocket servers side by side: what spout's costs,
// what those of other libraries cost, and what the kernel alone does.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spoutws/spout/bench/load"
	"github.com/spoutws/spout/bench/process"
	"github.com/spoutws/spout/bench/servers"
)

// What this program is started with again.
const (
	serveArgument = "serve"
	loadArgument  = "load"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) == 2 {
		switch os.Args[1] {
		case serveArgument:
			return servers.RunProcess(os.Stdin, os.Stdout)
		case loadArgument:
			return load.RunProcess(os.Stdin, os.Stdout)
		}
	}
	var (
		pattern  = flag.String("scenario", "", "regular expression of the scenarios' names")
		names    = flag.String("servers", "", "names of servers, with commas between them; default: all")
		rounds   = flag.Int("rounds", 5, "how often each is measured; medians are printed")
		duration = flag.Duration("time", 500*time.Millisecond, "of one measurement")
		profile  = flag.String("cpuprofile", "", "write CPU samples of spout's server to this file; those of the last measurement remain")
	)
	flag.Parse()
	chosen, err := regexp.Compile(*pattern)
	if err != nil {
		return err
	}
	libraries := servers.All
	if *names != "" {
		libraries = nil
		for _, name := range strings.Split(*names, ",") {
			l, err := servers.Find(name)
			if err != nil {
				return err
			}
			libraries = append(libraries, l)
		}
	}
	cpus, err := process.CPUs()
	if err != nil {
		return err
	}
	b := &bench{serverCPU: cpus[0], loadCPU: cpus[len(cpus)-1], duration: *duration, profile: *profile}
	for _, sc := range scenarios() {
		if !chosen.MatchString(sc.name) {
			continue
		}
		row := newRow(sc, libraries)
		for range *rounds {
			for i := range row.cells {
				c := &row.cells[i]
				s, err := b.measure(sc, c.library)
				if err != nil {
					return err
				}
				c.samples = append(c.samples, s)
			}
		}
		row.print(os.Stdout)
	}
	return nil
}
