package main

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/spoutws/spout/internal/testenv"
)

// An attack on what is not on loopback takes a flag, and nothing is sent without it.
func TestCheckHostileNeedsLoopback(t *testing.T) {
	const url = "ws://192.0.2.1:8888/ws/echo" // of a network for documentation
	got := check(url, "--run", "^floods/")
	if got.status != exitUnjudged || got.stdout != "" || strings.Count(got.stderr, "\n") != 1 ||
		!strings.Contains(got.stderr, "not on loopback") || !strings.Contains(got.stderr, "--remote") {
		t.Errorf("%+v", got)
	}
}

// With the server's process, what a case costs it stands in the report.
func TestCheckPID(t *testing.T) {
	if runtime.GOOS != "linux" {
		testenv.Missing(t, "the use of a process is read from /proc, which is Linux's")
	}
	url := echoServer(t, sendBack)
	got := check(url, "--pid", fmt.Sprint(os.Getpid()), "-v", "--run", "^lengths/top-bit-8000000000000000$")
	if got.status != exitOK || got.stderr != "" || !regexp.MustCompile(`memory +[0-9.e+-]+ MiB \(at most 4\)`).MatchString(got.stdout) {
		t.Errorf("%+v", got)
	}
	for _, pid := range []string{"1073741824", "-1", "x"} {
		if got := check(url, "--pid", pid); got.status != exitUnjudged || got.stdout != "" || !strings.Contains(got.stderr, "p") {
			t.Errorf("%s: %+v", pid, got)
		}
	}
}
