package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spoutws/spout/internal/conformance"
)

// writeRun writes the JSON of a run to a file and returns its name.
func writeRun(t *testing.T, run *checkRun) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "run.json")
	if err := writeFile(name, run.writeJSON); err != nil {
		t.Fatal(err)
	}
	return name
}

// aRun returns the run of a server with these verdicts, given as "id verdict".
func aRun(cases ...string) *checkRun {
	run := &checkRun{
		subject: subject{Role: roleServer, URL: "ws://old.example/"}, Spout: "v1",
		Date: time.Date(2026, 7, 1, 12, 30, 0, 0, time.UTC), Seconds: 1.5,
	}
	for _, c := range cases {
		id, verdict, _ := strings.Cut(c, " ")
		family, _, _ := strings.Cut(id, "/")
		r := checkResult{ID: id, Family: conformance.Family(family), Title: "Title of " + id, Verdict: conformance.Verdict(verdict), Exchange: []checkTransfer{}}
		if r.Verdict != conformance.Pass {
			r.Reason = "reason of " + id
		}
		run.Results = append(run.Results, r)
	}
	run.Total, run.Families = totals(run.Results)
	return run
}

func TestCompare(t *testing.T) {
	now := aRun("a/same pass", "a/fixed pass", "a/half-fixed lenient", "a/broken fail", "b/worse fail", "b/changed lenient", "b/lost unsupported", "b/new pass", "b/bad fail")
	before := aRun("b/bad fail", "a/gone fail", "a/same pass", "a/fixed fail", "a/half-fixed fail", "a/broken pass", "b/worse lenient", "b/changed pass", "b/lost pass")
	var got []string
	for _, d := range compare(now, before) {
		got = append(got, strings.Join([]string{d.ID, string(d.Change), d.verdicts()}, ": "))
	}
	want := []string{
		"a/broken: broken: pass -> fail", "b/worse: broken: lenient -> fail",
		"a/fixed: fixed: fail -> pass", "a/half-fixed: fixed: fail -> lenient", "b/changed: changed: pass -> lenient", "b/lost: changed: pass -> unsupported",
		"b/new: new: pass", "a/gone: gone: fail",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	if d := compare(now, now); d != nil {
		t.Errorf("a run differs from itself: %v", d)
	}
}

// What is written by --json is what --compare reads.
func TestCheckRunFile(t *testing.T) {
	url := echoServer(t, almostEcho)
	name := filepath.Join(t.TempDir(), "run.json")
	got := check(url, "--json", name, "--run", "^(framing/example|framing/text-1|fragmentation/.*)$")
	if got.status != exitError || got.stderr != "" || !strings.HasPrefix(got.stdout, "FAIL framing/example") {
		t.Fatalf("%+v", got)
	}
	run, err := readCheckRun(name)
	if err != nil {
		t.Fatal(err)
	}
	again, err := readCheckRun(writeRun(t, run))
	if err != nil || !reflect.DeepEqual(again, run) {
		t.Errorf("%v, %+v\nwant %+v", err, again, run)
	}
	if age := time.Since(run.Date); run.Role != roleServer || run.URL != url || run.Spout != version() || age < 0 || age > time.Hour || run.Seconds <= 0 {
		t.Errorf("%+v", run)
	}
}

// Programs rely on the names in the JSON. Add to them, but change none.
func TestCheckRunNames(t *testing.T) {
	run := aRun("a/b fail")
	run.Command = "client {url}"
	r := &run.Results[0]
	r.Rule = conformance.Rule{Source: "RFC 6455", Section: "5.1", Text: "A rule."}
	r.Broken = &r.Rule
	r.Measured = []conformance.Figure{{Name: "memory", Value: 1, Unit: "MiB", Bound: 2}}
	r.Exchange = []checkTransfer{{Direction: conformance.Sent, Length: 2, Data: hexBytes{0x81, 0x7f}}, {Direction: conformance.Note, Text: "over"}}
	total := `{"pass": 0, "lenient": 0, "fail": 1, "unsupported": 0}`
	rule := `{"source": "RFC 6455", "section": "5.1", "text": "A rule."}`
	want := `{
		"role": "server", "url": "ws://old.example/", "command": "client {url}", "spout": "v1", "date": "2026-07-01T12:30:00Z", "seconds": 1.5,
		"total": ` + total + `, "families": {"a": ` + total + `},
		"results": [{
			"id": "a/b", "family": "a", "title": "Title of a/b", "verdict": "fail", "reason": "reason of a/b", "rule": ` + rule + `, "broken": ` + rule + `,
			"measured": [{"name": "memory", "value": 1, "unit": "MiB", "bound": 2}], "seconds": 0,
			"exchange": [{"direction": "sent", "length": 2, "hex": "817f"}, {"direction": "note", "note": "over"}]
		}]
	}`
	got, err := os.ReadFile(writeRun(t, run))
	if err != nil {
		t.Fatal(err)
	}
	var gotValue, wantValue any
	if err := errors.Join(json.Unmarshal(got, &gotValue), json.Unmarshal([]byte(want), &wantValue)); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(gotValue, wantValue) {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// Cases that were not asked this time are not gone.
func TestCheckCompare(t *testing.T) {
	old := aRun("framing/example pass", "framing/text-1 fail", "framing/nothing pass", "close/1000 pass")
	got := check(echoServer(t, almostEcho), "--compare", writeRun(t, old), "--run", "^framing/(example|text-1|text-125|nothing)$")
	want := `
compared with ws://old.example/ of 2026-07-01 12:30:00, asked by spout v1: 2 passed, 0 lenient, 1 failed, 0 unsupported
  broken   pass -> fail         framing/example
  fixed    fail -> pass         framing/text-1
  gone     pass                 framing/nothing
  1 broken, 1 fixed, 0 changed, 1 new, 1 gone

`
	if got.status != exitError || got.stderr != "" || !strings.Contains(got.stdout, want) {
		t.Errorf("%+v\nwant %s", got, want)
	}
}

func TestCheckCompareRefusals(t *testing.T) {
	client := aRun("a/b pass")
	client.Role = roleClient
	empty := filepath.Join(t.TempDir(), "empty.json")
	if err := os.WriteFile(empty, []byte("{}"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct{ name, file, want string }{
		{"nothing", filepath.Join(t.TempDir(), "nothing.json"), "no such file"},
		{"no JSON", "check.go", "is not what --json writes"},
		{"another JSON", empty, "no role or no results"},
		{"a client's", writeRun(t, client), "wants the run of a server"},
	} {
		t.Run(v.name, func(t *testing.T) {
			got := check("ws://127.0.0.1", "--compare", v.file)
			if got.status != exitUnjudged || got.stdout != "" || strings.Count(got.stderr, "\n") != 1 || !strings.Contains(got.stderr, v.want) {
				t.Errorf("%+v, want %q", got, v.want)
			}
		})
	}
	if got := check("ws://127.0.0.1", "--html", "-"); got.status != exitUnjudged || !strings.Contains(got.stderr, "the name of a file") {
		t.Errorf("%+v", got)
	}
}

// The file of a report is left alone if there is none to write, and what is in the way is told.
func TestCheckReportFiles(t *testing.T) {
	dir := t.TempDir()
	for _, flag := range []string{"--html", "--json"} {
		got := check(echoServer(t, sendBack), "--run", "^framing/example$", flag, dir)
		if got.status != exitUnjudged || got.stdout != "" || !strings.Contains(got.stderr, "the report could not be written: open "+dir) {
			t.Errorf("%s: %+v", flag, got)
		}
	}
}
