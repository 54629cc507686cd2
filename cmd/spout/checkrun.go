package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spoutws/spout/internal/conformance"
)

// checkRun is what became of the cases that one server or client was asked. Every report is made of it. Its JSON is what --json
// writes and --compare reads; names in it stay, and new ones may come.
type checkRun struct {
	subject
	Spout    string                                   `json:"spout"` // the version that asked
	Date     time.Time                                `json:"date"`  // when it began
	Seconds  float64                                  `json:"seconds"`
	Total    conformance.Total                        `json:"total"`
	Families map[conformance.Family]conformance.Total `json:"families"`
	Results  []checkResult                            `json:"results"` // in the order of the suite
}

// subject is who was asked.
type subject struct {
	Role    string `json:"role"`              // roleServer or roleClient
	URL     string `json:"url"`               // of the server, or where the clients connected
	Command string `json:"command,omitempty"` // what started the client of a case
}

const (
	roleServer = "server"
	roleClient = "client"
)

func (s subject) String() string {
	switch {
	case s.Role != roleClient:
		return s.URL
	case s.Command != "":
		return s.Command
	}
	return "clients of " + s.URL
}

type checkResult struct {
	ID       string               `json:"id"`
	Family   conformance.Family   `json:"family"`
	Title    string               `json:"title"`
	Verdict  conformance.Verdict  `json:"verdict"`
	Reason   string               `json:"reason,omitempty"`
	Rule     conformance.Rule     `json:"rule"`
	Broken   *conformance.Rule    `json:"broken,omitempty"` // where it is another than Rule
	Measured []conformance.Figure `json:"measured,omitempty"`
	Seconds  float64              `json:"seconds"`
	Exchange []checkTransfer      `json:"exchange"`
}

// Rules returns the case's own, and the one that was broken if it is another.
func (r checkResult) Rules() []conformance.Rule {
	var rules []conformance.Rule
	if r.Rule.Text != "" {
		rules = append(rules, r.Rule)
	}
	if r.Broken != nil {
		rules = append(rules, *r.Broken)
	}
	return rules
}

type checkTransfer struct {
	Direction conformance.Direction `json:"direction"`
	Length    int                   `json:"length,omitempty"`
	Data      hexBytes              `json:"hex,omitempty"` // the first bytes of Length
	Text      string                `json:"note,omitempty"`
}

func (t checkTransfer) String() string {
	return conformance.Transfer{Direction: t.Direction, Length: t.Length, Data: t.Data, Text: t.Text}.String()
}

// hexBytes are written in hex, which people can read.
type hexBytes []byte

func (b hexBytes) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, b), nil }

func (b *hexBytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.AppendDecode(nil, text)
	return err
}

// newCheckRun records results that took until now.
func newCheckRun(s subject, start time.Time, results []conformance.Result) *checkRun {
	run := &checkRun{
		subject: s, Spout: version(), Date: start.UTC().Truncate(time.Second), Seconds: time.Since(start).Seconds(),
		Results: []checkResult{},
	}
	for _, r := range results {
		c := checkResult{
			ID: r.ID, Family: r.Family, Title: r.Title, Verdict: r.Verdict, Reason: r.Reason,
			Rule: r.Rule, Measured: r.Measured, Seconds: r.Duration.Seconds(), Exchange: []checkTransfer{},
		}
		if r.Broken.Text != "" && r.Broken != r.Rule {
			c.Broken = &r.Broken
		}
		for _, x := range r.Exchange {
			c.Exchange = append(c.Exchange, checkTransfer{x.Direction, x.Length, x.Data, x.Text})
		}
		run.Results = append(run.Results, c)
	}
	run.Total, run.Families = totals(run.Results)
	return run
}

// totals counts the verdicts of all, and of each family.
func totals(results []checkResult) (all conformance.Total, families map[conformance.Family]conformance.Total) {
	families = map[conformance.Family]conformance.Total{}
	for _, r := range results {
		all.Add(r.Verdict)
		f := families[r.Family]
		f.Add(r.Verdict)
		families[r.Family] = f
	}
	return all, families
}

// families returns those that were asked, in the order of the suite.
func (run *checkRun) families() []conformance.Family {
	var names []conformance.Family
	seen := map[conformance.Family]bool{}
	for _, r := range run.Results {
		if !seen[r.Family] {
			seen[r.Family] = true
			names = append(names, r.Family)
		}
	}
	return names
}

func (run *checkRun) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(run)
}

// readCheckRun reads what writeJSON wrote to a file.
func readCheckRun(path string) (*checkRun, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var run checkRun
	if err := json.Unmarshal(data, &run); err != nil {
		return nil, fmt.Errorf("%s is not what --json writes: %w", path, err)
	}
	if run.Role == "" || run.Results == nil {
		return nil, fmt.Errorf("%s is not what --json writes: it has no role or no results", path)
	}
	return &run, nil
}
