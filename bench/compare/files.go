package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spoutws/spout/bench/servers"
)

// place is where and how something was measured.
type place struct {
	Date    string
	Machine string
	Go      string
	Spout   string // its revision
	Version func(*servers.Library) string
	Command string
	Took    string
	Before  string // load average
	After   string
}

// here describes this machine and a run that begins now. What is known at its end remains open.
func here() place {
	p := place{
		Date:    time.Now().UTC().Format("2006-01-02"),
		Go:      runtime.Version(),
		Spout:   "?",
		Version: (*servers.Library).Version,
		Command: strings.Join(append([]string{"go run ./bench/compare"}, os.Args[1:]...), " "),
		Before:  loadAverage(),
	}
	if out, err := exec.Command("git", "describe", "--always", "--dirty", "--exclude=*").Output(); err == nil {
		p.Spout = strings.TrimSpace(string(out))
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	p.Machine = fmt.Sprintf("%s, %d CPUs, %s/%s, Linux %s", field("/proc/cpuinfo", "model name"), runtime.NumCPU(),
		runtime.GOOS, runtime.GOARCH, strings.TrimSpace(string(kernel)))
	return p
}

// field returns the first value of a name in a file of lines "name: value".
func field(file, name string) string {
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown CPU"
}

// loadAverage returns how many processes have wanted to run during the last minute.
func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// writeFiles writes the report and its chart into the directory of the module bench.
func writeFiles(results []*result, p place) error {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/spoutws/spout/bench").Output()
	if err != nil {
		return fmt.Errorf("looking for the module bench: %w", err)
	}
	dir := strings.TrimSpace(string(out))
	var report, chart bytes.Buffer
	writeReport(&report, results, p)
	writeChart(&chart, results)
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "RESULTS.md"), report.Bytes(), 0o644),
		os.WriteFile(filepath.Join(dir, "chart.svg"), chart.Bytes(), 0o644),
	)
}

// writeReport writes all there is, in Markdown.
func writeReport(w io.Writer, results []*result, p place) {
	fmt.Fprintf(w, `# Side by side

WebSocket servers of several Go libraries, and a raw epoll byte echo as the floor. This page is
written by `+"`make bench BENCH=-write`"+`; how it is measured is in [README.md](README.md#side-by-side).

| | |
|---|---|
| date | %s |
| machine | %s |
| Go | %s |
| spout | %s |
| command | `+"`%s`"+` |
| took | %s |
| load average | %s before, %s after |

![CPU time of the server for a message, and memory of an idle connection](chart.svg)

## Overview

Medians. The last columns are what spout's is to the best of the whole libraries, to the best of all (for
handshakes: of those that go through net/http, as spout does, and of all), and to the floor; below 1 spout is better.
Where messages are compressed, spout is compared at the level at which it sends at most 5%% more bytes than the other.

`, p.Date, p.Machine, p.Go, p.Spout, p.Command, p.Took, p.Before, p.After)
	writeOverview(w, results)
	fmt.Fprint(w, "\n## What is compared\n\n| name | module | version | |\n|---|---|---|---|\n")
	for _, l := range servers.All {
		module, version, about := l.Module, p.Version(l), l.About
		switch {
		case module == "":
			module = "-"
			version = "-"
		case servers.Ours(l):
			version = p.Spout
		}
		if !l.Std && module != "-" {
			about = strings.TrimSpace(about + " (not through net/http)")
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", l.Name, module, version, about)
	}
	for _, r := range results {
		fmt.Fprintf(w, "\n## %s\n\n", r.scenario.title())
		writeDetail(w, r)
	}
}
