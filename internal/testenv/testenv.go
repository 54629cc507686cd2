// Package testenv is what the tests of this repository share: finding the
// tools that a test needs, and the check that a package's tests leave no
// goroutine and no open file behind.
//
// A package takes part with three lines:
//
//	func TestMain(m *testing.M) { testenv.Main(m) }
//
// A test that needs a tool asks for it first:
//
//	chromium := testenv.Need(t, "chromium")
//
// If the tool is missing the test is skipped and says why. Where
// SPOUT_REQUIRE=all is set, as in CI, it fails instead.
package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// requireVar names the environment variable that turns a missing tool from a
// reason to skip into a failure.
const requireVar = "SPOUT_REQUIRE"

// Missing skips t because something outside the repository is missing, or
// fails it where SPOUT_REQUIRE=all is set. The format says what is missing and
// how to get it.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	reason := fmt.Sprintf(format, args...)
	if os.Getenv(requireVar) == "all" {
		t.Fatalf("%s, and %s=all forbids to skip", reason, requireVar)
	}
	t.Skip(reason)
}

// programs gives the file names under which a tool may be installed, where
// they differ from the tool's own name.
var programs = map[string][]string{
	"chromium": {"chromium", "chromium-browser", "google-chrome"},
	"haproxy":  {"haproxy", "/usr/sbin/haproxy"}, // not on everybody's PATH
	"nginx":    {"nginx", "/usr/sbin/nginx"},
	"python3":  {"/usr/bin/python3", "python3"}, // Debian's modules are seen by Debian's interpreter only
}

// Need returns the path of an installed tool, such as "chromium", "node" or
// "openssl". Without it the test ends as described at [Missing].
func Need(t testing.TB, tool string) string {
	t.Helper()
	names := programs[tool]
	if names == nil {
		names = []string{tool}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	Missing(t, "%s is not installed (make deps installs it on Debian)", tool)
	return ""
}

// NeedPython returns the path of a Python interpreter that can import all of
// modules, such as "tornado" and "websockets". Without one the test ends as
// described at [Missing].
func NeedPython(t testing.TB, modules ...string) string {
	t.Helper()
	python := Need(t, "python3")
	for _, module := range modules {
		if out, err := exec.Command(python, "-c", "import "+module).CombinedOutput(); err != nil {
			Missing(t, "%s cannot import %s (make deps installs it on Debian): %s", python, module, lastLine(out))
		}
	}
	return python
}

// lastLine returns the last line of a program's output.
func lastLine(out []byte) string {
	s := strings.TrimSpace(string(out))
	return s[strings.LastIndexByte(s, '\n')+1:]
}
