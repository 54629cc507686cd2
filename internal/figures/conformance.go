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

// build builds programs into a directory, which is to be removed.
func build(packages ...string) (dir string, err error) {
	if dir, err = os.MkdirTemp("", "figures"); err != nil {
		return "", err
	}
	args := append([]string{"build", "-o", dir + string(filepath.Separator)}, packages...)
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		os.RemoveAll(dir)
		return "", fmt.Errorf("%v: %s", err, out)
	}
	return dir, nil
}

// checked runs "spout check" and returns the figure that its report makes.
func checked(limit int, spout string, args ...string) (result, error) {
	var report struct {
		Total struct{ Pass, Lenient, Fail, Unsupported int }
	}
	out, err := exec.Command(spout, append([]string{"check", "--json", "-"}, args...)...).Output()
	// A failed case makes an exit status of 1, too, but a report all the same.
	if jsonErr := json.Unmarshal(out, &report); jsonErr != nil {
		return result{}, fmt.Errorf("spout check: %w", errors.Join(err, jsonErr))
	}
	t := report.Total
	r, err := atLeast(float64(t.Pass), float64(limit), "%d passed (at least %d), %d lenient, %d failed, %d unsupported",
		t.Pass, limit, t.Lenient, t.Fail, t.Unsupported)
	r.over = r.over || t.Lenient+t.Fail > 0
	return r, err
}

// clientCases runs "spout check --listen" against our client.
func clientCases() (result, error) {
	dir, err := build("./cmd/spout", "./e2e/echoclient")
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(dir)
	return checked(120, filepath.Join(dir, "spout"), "--listen", "127.0.0.1:0", "--exec", filepath.Join(dir, "echoclient")+" {url}")
}

// serverCases runs "spout check" against "spout serve".
func serverCases() (result, error) {
	dir, err := build("./cmd/spout")
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(dir)
	spout := filepath.Join(dir, "spout")

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
	return checked(500, spout, "--pid", strconv.Itoa(server.Process.Pid), "ws://"+addr[1]+"/ws/echo")
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
	const limit = 20 + 20 // of RFC 6455, and of compression and attacks
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
