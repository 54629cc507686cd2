package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

var served = regexp.MustCompile(`http://(127\.0\.0\.1:\d+)`)

// conformanceCases runs "spout check" against "spout serve".
func conformanceCases() (result, error) {
	const limit = 300
	dir, err := os.MkdirTemp("", "figures")
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(dir)
	spout := filepath.Join(dir, "spout")
	if out, err := exec.Command("go", "build", "-o", spout, "./cmd/spout").CombinedOutput(); err != nil {
		return result{}, fmt.Errorf("%v: %s", err, out)
	}

	server := exec.Command(spout, "serve", "--addr", "127.0.0.1:0", "--max-message", "16MiB")
	stdout, err := server.StdoutPipe()
	if err != nil {
		return result{}, err
	}
	if err := server.Start(); err != nil {
		return result{}, err
	}
	defer func() {
		server.Process.Kill()
		server.Wait()
	}()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return result{}, fmt.Errorf("spout serve: %w", err)
	}
	addr := served.FindStringSubmatch(line)
	if addr == nil {
		return result{}, fmt.Errorf("spout serve printed %q, which has no address", line)
	}

	var report struct {
		Total struct{ Pass, Lenient, Fail int }
	}
	check := exec.Command(spout, "check", "--json", "-", "ws://"+addr[1]+"/ws/echo")
	out, err := check.Output()
	// A failed case makes an exit status of 1, too, but a report all the same.
	if jsonErr := json.Unmarshal(out, &report); jsonErr != nil {
		return result{}, fmt.Errorf("spout check: %w", errors.Join(err, jsonErr))
	}
	t := report.Total
	r, err := atLeast(float64(t.Pass), limit, "%d passed (at least %d), %d lenient, %d failed", t.Pass, limit, t.Lenient, t.Fail)
	r.over = r.over || t.Lenient+t.Fail > 0
	return r, err
}

var rowsHeld = regexp.MustCompile(`(\d+) of (\d+) rows hold`)

// hostileRows runs what "make hostile" does, without the servers of other libraries.
func hostileRows() (result, error) {
	out, err := exec.Command("go", "run", "./e2e/hostile", "-others=false").Output()
	m := rowsHeld.FindSubmatch(out)
	if m == nil {
		return result{}, fmt.Errorf("no figure in the output of e2e/hostile: %w", errors.Join(err, errors.New(string(out))))
	}
	r, err := plain("%s of %s rows of docs/hostile.md hold (all)", m[1], m[2])
	r.over = string(m[1]) != string(m[2])
	return r, err
}

var caught = regexp.MustCompile(`planted faults caught: (\d+) of (\d+)`)

// plantedFaults runs the test that breaks the library on purpose, and counts
// the faults that a conformance case noticed.
func plantedFaults() (result, error) {
	const limit = 20
	out, err := exec.Command("go", "test", "-v", "-run", "^TestConformanceNoticesFaults$", "./e2e").CombinedOutput()
	m := caught.FindSubmatch(out)
	if m == nil {
		return result{}, fmt.Errorf("no figure in the output of the test: %w", errors.Join(err, errors.New(string(out))))
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		return result{}, err
	}
	r, err := atLeast(float64(n), limit, "%s of %s caught (at least %d)", m[1], m[2], limit)
	r.over = r.over || string(m[1]) != string(m[2])
	return r, err
}
