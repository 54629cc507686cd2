// Command gotest runs "go test" and reports it so that nothing is overlooked.
//
// It passes its arguments on, prints one line for each package, the whole
// output of each test that failed, and at the end the names of these and of all
// that were skipped, with the reason. The output of all tests, as with -v, is
// appended to out/test.log, and behind it which packages and tests took longest.
// With SPOUT_REQUIRE=all in the environment a skipped test counts as failed.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const logFile = "out/test.log"

func main() {
	status, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		status = 1
	}
	os.Exit(status)
}

// run runs go test with args and returns the exit status.
func run(args []string) (status int, err error) {
	if err := os.MkdirAll(filepath.Dir(logFile), 0o755); err != nil {
		return 0, err
	}
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return 0, err
	}
	defer log.Close()

	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	r := newReport(os.Stdout, log)
	if err := r.read(stdout); err != nil {
		return 0, err
	}
	failed := cmd.Wait() != nil
	r.summary()
	if failed || len(r.failed) > 0 {
		return 1, nil
	}
	if len(r.skipped) > 0 && os.Getenv("SPOUT_REQUIRE") == "all" {
		fmt.Println("FAIL: SPOUT_REQUIRE=all forbids to skip")
		return 1, nil
	}
	return 0, nil
}

// event is one line of "go test -json", as "go doc test2json" describes it.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64 // seconds, of what has ended
}

// report collects the events of a run.
type report struct {
	out, log io.Writer
	pending  map[string]*bytes.Buffer // output of tests that have not ended, by package and name
	passed   int
	failed   []string
	skipped  []string // with the reason
	took     []took
}

// took is how long a package or a test took.
type took struct {
	name    string
	seconds float64
}

// newReport returns a report that prints to out and writes all output to log.
func newReport(out, log io.Writer) *report {
	return &report{out: out, log: log, pending: make(map[string]*bytes.Buffer)}
}

// read takes in events until r ends.
func (rep *report) read(r io.Reader) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var ev event
			if json.Unmarshal(line, &ev) != nil {
				ev = event{Action: "output", Output: string(line)}
			}
			rep.add(ev)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// add takes in one event.
func (rep *report) add(ev event) {
	io.WriteString(rep.log, ev.Output)
	if ev.Test == "" {
		rep.addPackage(ev)
		return
	}
	key := ev.Package + " " + ev.Test
	if ev.Elapsed > 0 {
		rep.took = append(rep.took, took{key, ev.Elapsed})
	}
	if rep.pending[key] == nil {
		rep.pending[key] = new(bytes.Buffer)
	}
	output := rep.pending[key]
	switch ev.Action {
	case "output":
		output.WriteString(ev.Output)
		return
	case "pass":
		rep.passed++
	case "fail":
		rep.failed = append(rep.failed, key)
		rep.out.Write(output.Bytes())
	case "skip":
		rep.skipped = append(rep.skipped, key+": "+reason(output.String()))
	default:
		return
	}
	delete(rep.pending, key)
}

// addPackage takes in an event of a package or of its build.
func (rep *report) addPackage(ev event) {
	if ev.Elapsed > 0 {
		rep.took = append(rep.took, took{ev.Package, ev.Elapsed})
	}
	switch ev.Action {
	case "output", "build-output":
		if ev.Output != "PASS\n" {
			io.WriteString(rep.out, ev.Output)
		}
	case "fail":
		// What a panic or a timeout interrupted has no end of its own.
		for key, output := range rep.pending {
			if strings.HasPrefix(key, ev.Package+" ") {
				rep.out.Write(output.Bytes())
				delete(rep.pending, key)
			}
		}
	}
}

// longest is how many of the packages and tests that took longest the log names.
const longest = 20

// summary prints the closing lines, and those of the log.
func (rep *report) summary() {
	fmt.Fprintf(rep.out, "\n%d tests passed, %d failed, %d skipped; all output is in %s\n",
		rep.passed, len(rep.failed), len(rep.skipped), logFile)
	for _, s := range rep.failed {
		fmt.Fprintln(rep.out, "FAILED", s)
	}
	for _, s := range rep.skipped {
		fmt.Fprintln(rep.out, "SKIPPED", s)
	}
	slices.SortFunc(rep.took, func(a, b took) int { return cmp.Compare(b.seconds, a.seconds) })
	fmt.Fprintln(rep.log, "\nWhat took longest, in seconds:")
	for _, t := range rep.took[:min(longest, len(rep.took))] {
		fmt.Fprintf(rep.log, "%8.1f %s\n", t.seconds, t.name)
	}
}

// reason returns why a test was skipped, given its output: the line before
// the one that says so, without its file and line.
func reason(output string) string {
	why := "no reason given"
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if _, after, ok := strings.Cut(line, ".go:"); ok {
			if _, text, ok := strings.Cut(after, ": "); ok {
				why = text
			}
		}
	}
	return why
}
