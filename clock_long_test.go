//go:build long

package spout_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spoutws/spout/internal/testenv"
)

// Deadlines rest on the monotonic clock: a wall clock that is set forward or back neither ends a connection
// nor keeps a dead one. Nothing but a system's administrator can set its clock, so a package time is built
// whose wall clock jumps by up to five hours whenever it is read, while the monotonic clock goes on as it
// is; the tests of clock_jump_test.go run on that. That they would notice is shown by running them again
// with a library that reckons by the wall clock.
func TestClockThatJumps(t *testing.T) {
	goTool := testenv.Need(t, "go")
	goroot, err := exec.Command(goTool, "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	clock := filepath.Join(strings.TrimSpace(string(goroot)), "src", "time", "time.go")
	jumping := map[string]string{clock: edited(t, clock,
		"\tmono -= startNano\n\tsec += unixToInternal - minWall\n",
		"\tsec += int64(uint64(mono)*0x9E3779B97F4A7C15>>48)%36000 - 18000\n\tmono -= startNano\n\tsec += unixToInternal - minWall\n")}
	run := func(overlay map[string]string) (out string, err error) {
		b, err := json.Marshal(map[string]any{"Replace": overlay})
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "overlay.json")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(goTool, "test", "-count=1", "-v", "-timeout=2m", "-tags=clockjump", "-overlay="+file, "-run=^TestClockJumps", ".")
		all, err := cmd.CombinedOutput()
		return string(all), err
	}
	out, err := run(jumping)
	if err != nil {
		t.Errorf("with a clock that jumps: %v", err)
	}
	t.Log(out)

	source, err := filepath.Abs("keepalive.go")
	if err != nil {
		t.Fatal(err)
	}
	jumping[source] = edited(t, source, "epoch = time.Now()", "epoch = time.Now().Round(0)")
	if out, err := run(jumping); err == nil || !strings.Contains(out, "--- FAIL: TestClockJumpsEndNothing") {
		t.Errorf("a library that reckons by the wall clock is not noticed: %v\n%s", err, out)
	}
}

// edited returns the path of a copy of a source file in which one text is replaced.
func edited(t *testing.T, file, old, new string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(b), old) != 1 {
		t.Fatalf("%s does not contain once:\n%s", file, old)
	}
	name := filepath.Join(t.TempDir(), filepath.Base(file))
	if err := os.WriteFile(name, []byte(strings.Replace(string(b), old, new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
