// Command figures measures and prints the figures of the project, each with
// its limit where it has one. It exits with status 1 if a limit is exceeded or
// a figure cannot be measured.
//
// Run it at the root of the repository: make figures. It takes a regular
// expression that chooses figures by name.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
)

// figure is one line of the report.
type figure struct {
	name    string
	measure func() (result, error)
}

// result is a measured value with its limit.
type result struct {
	text string // the value and what it means
	over bool   // the limit is exceeded
}

// within returns a result whose value may be at most limit.
func within(value, limit float64, format string, args ...any) (result, error) {
	return result{fmt.Sprintf(format, args...), value > limit}, nil
}

// atLeast returns a result whose value must be at least limit.
func atLeast(value, limit float64, format string, args ...any) (result, error) {
	return within(limit, value, format, args...)
}

// plain returns a result without a limit.
func plain(format string, args ...any) (result, error) {
	return result{text: fmt.Sprintf(format, args...)}, nil
}

var figures = []figure{
	{"server cases", serverCases},
	{"client cases", clientCases},
	{"planted faults", plantedFaults},
	{"hostile rows", hostileRows},
	{"allocations per message", allocsPerMessage},
	{"allocations per control frame", allocsPerControlFrame},
	{"memory per idle connection", memoryPerConnection},
	{"goroutines per idle connection", goroutinesPerConnection},
	{"memory per idle wss connection", memoryPerSecureConnection},
	{"goroutines per idle wss connection", goroutinesPerSecureConnection},
	{"memory of takeover one way", memoryOneWay},
	{"memory of takeover both ways", memoryBothWays},
	{"largest file", largestFile},
	{"exported names", exportedNames},
	{"test code to code", testRatio},
	{"coverage of internal/proto", protoCoverage},
	{"coverage of internal/deflate", deflateCoverage},
	{"coverage of internal/poll", pollCoverage},
	{"CI time", ciTime},
}

func main() {
	idleServer := flag.String("idle-server", "", "be the server of a figure of memory, of this kind")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: figures [REGEXP]")
	}
	flag.Parse()
	if *idleServer != "" {
		if err := serveIdle(*idleServer, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "figures:", err)
			os.Exit(1)
		}
		return
	}
	chosen, err := regexp.Compile(flag.Arg(0))
	if err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(2)
	}
	status := 0
	for _, f := range figures {
		if !chosen.MatchString(f.name) {
			continue
		}
		fmt.Printf("%-34s ", f.name)
		r, err := f.measure()
		switch {
		case err != nil:
			fmt.Println("NOT MEASURED:", err)
			status = 1
		case r.over:
			fmt.Println(r.text, "MISSED")
			status = 1
		default:
			fmt.Println(r.text)
		}
	}
	os.Exit(status)
}
