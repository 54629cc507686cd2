package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spoutws/spout/bench/report"
	"github.com/spoutws/spout/bench/servers"
)

// place is where and how something was measured.
type place struct {
	report.Place
	Version func(*servers.Library) string
}

// writeFiles writes the report and its chart.
func writeFiles(results []*result, p place) error {
	var text, chart bytes.Buffer
	writeReport(&text, results, p)
	writeChart(&chart, results)
	return errors.Join(report.WriteFile("RESULTS.md", text.Bytes()), report.WriteFile("chart.svg", chart.Bytes()))
}

// writeReport writes all there is, in Markdown.
func writeReport(w io.Writer, results []*result, p place) {
	fmt.Fprint(w, `# Side by side

WebSocket servers of several Go libraries, and a raw epoll byte echo as the floor. This page is
written by `+"`make bench BENCH=-write`"+`; how it is measured is in [README.md](README.md#side-by-side).

`)
	p.Write(w)
	fmt.Fprint(w, `
![CPU time of the server for a message, and memory of an idle connection](chart.svg)

## Overview

Medians. The last columns are what spout's is to the best of the whole libraries, to the best of all (for
handshakes: of those that go through net/http, as spout does, and of all), and to the floor; below 1 spout is better.
Where messages are compressed, spout is compared at the level at which it sends at most 5% more bytes than the other.

`)
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
