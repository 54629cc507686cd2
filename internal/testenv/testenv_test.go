package testenv

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// leakVar makes TestMain's process leave something behind on purpose.
const leakVar = "TESTENV_LEAK"

func TestMain(m *testing.M) { Main(m) }

// TestLeak does nothing on its own; TestMainFails runs it in another process.
func TestLeak(t *testing.T) {
	switch os.Getenv(leakVar) {
	case "goroutine":
		go func() { select {} }()
	case "descriptor":
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		kept = ln
	}
}

var kept net.Listener

func TestMainFails(t *testing.T) {
	for _, what := range []struct{ leak, want string }{
		{"", "PASS"},
		{"goroutine", "testenv.TestLeak.func1"},
		{"descriptor", "socket:"},
	} {
		t.Run("leaked "+what.leak, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^TestLeak$")
			cmd.Env = append(os.Environ(), leakVar+"="+what.leak)
			out, err := cmd.CombinedOutput()
			if failed := err != nil; failed != (what.leak != "") {
				t.Errorf("process ended with %v", err)
			}
			if !strings.Contains(string(out), what.want) {
				t.Errorf("output lacks %q:\n%s", what.want, out)
			}
		})
	}
}

func TestLeaksWaits(t *testing.T) {
	before := snapshot()
	release := make(chan struct{})
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-release
		r.Close()
		w.Close()
	}()
	left := before.leaks(0)
	if !strings.Contains(left, "TestLeaksWaits") || !strings.Contains(left, "pipe:") {
		t.Errorf("a goroutine and a pipe are open, leaks = %q", left)
	}
	close(release)
	if left := before.leaks(time.Minute); left != "" {
		t.Errorf("all is closed, leaks = %q", left)
	}
}

// recorder notes how a test would have ended.
type recorder struct {
	testing.TB
	skipped, failed string
}

type ended struct{}

func (r *recorder) Helper() {}
func (r *recorder) Skip(args ...any) {
	r.skipped = args[0].(string)
	panic(ended{})
}
func (r *recorder) Fatalf(format string, args ...any) {
	r.failed = format
	panic(ended{})
}

func TestNeed(t *testing.T) {
	run := func(f func(testing.TB)) (r recorder) {
		defer func() {
			if p := recover(); p != nil && p != (ended{}) {
				panic(p)
			}
		}()
		f(&r)
		return r
	}
	missing := func(tb testing.TB) { Need(tb, "a-tool-that-nobody-has") }

	t.Setenv(requireVar, "")
	if r := run(missing); !strings.Contains(r.skipped, "a-tool-that-nobody-has is not installed") {
		t.Errorf("skipped %q, failed %q", r.skipped, r.failed)
	}
	t.Setenv(requireVar, "all")
	if r := run(missing); r.failed == "" || r.skipped != "" {
		t.Errorf("skipped %q, failed %q", r.skipped, r.failed)
	}
	var path string
	if r := run(func(tb testing.TB) { path = Need(tb, "go") }); path == "" || r.failed+r.skipped != "" {
		t.Errorf("go: path %q, skipped %q, failed %q", path, r.skipped, r.failed)
	}
}
