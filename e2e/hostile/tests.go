package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// tests are what the tests of a row came to.
type tests struct {
	passed, failed int      // top-level ones
	figures        []figure // in the order in which they were seen
}

// figure is something that was seen, and what it is held against.
type figure struct {
	seen, bound string // no bound: ""
	holds       bool
}

// runTests runs the tests of all threats: without the race detector, which some of them can't have,
// but those of many goroutines with it.
func runTests(ctx context.Context) (map[int]*tests, error) {
	of := make(map[int]*tests)
	for _, args := range [][]string{
		{"-run", "^TestT[0-9]", "-skip", "^TestT22"},
		{"-run", "^TestT22", "-race"},
	} {
		cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json", "-count", "1", "-tags", "long", "."}, args...)...)
		var complaints bytes.Buffer
		cmd.Stderr = &complaints
		out, err := cmd.Output()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if ran, readErr := readTests(bytes.NewReader(out), of); readErr != nil || ran == 0 {
			return nil, fmt.Errorf("%s: no test ran: %v %v\n%s%.2000s", cmd, err, readErr, &complaints, out)
		}
	}
	return of, nil
}

var (
	testName  = regexp.MustCompile(`^TestT(\d+)[A-Z]\w*$`)
	figureLog = regexp.MustCompile(`^ +\w+\.go:\d+: figure: (.+) \| (.+) \| (holds|MISSED)\n$`)
)

// readTests reads the output of go test -json and adds what it says to the rows. It returns how many
// tests there were.
func readTests(r io.Reader, of map[int]*tests) (ran int, err error) {
	for d := json.NewDecoder(r); ; {
		var e struct{ Action, Test, Output string }
		if err := d.Decode(&e); err == io.EOF {
			return ran, nil
		} else if err != nil {
			return ran, err
		}
		name, _, sub := strings.Cut(e.Test, "/")
		m := testName.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return ran, err
		}
		if of[n] == nil {
			of[n] = new(tests)
		}
		switch t := of[n]; {
		case e.Action == "output":
			if m := figureLog.FindStringSubmatch(e.Output); m != nil {
				t.figures = append(t.figures, figure{m[1], m[2], m[3] == "holds"})
			}
		case sub:
		case e.Action == "pass":
			t.passed++
			ran++
		case e.Action == "fail":
			t.failed++
			ran++
		}
	}
}
