package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spoutws/spout/internal/conformance"
	"github.com/spoutws/spout/internal/testenv"
)

// fault breaks the library in one way.
type fault struct {
	name  string
	cases string // how the ids begin of those cases of which one must notice, all of one family: a regular expression
	sign  sign
	edits edits
}

// sign is what the verdict of a case says of a fault.
type sign int

const (
	fails   sign = iota // it fails
	lenient             // it is lenient: what is broken is advice, and no rule
	costs               // it fails by what the process was seen to use, which takes Linux
)

// edits are of shipped source, file by file: pairs of the text that stands there once and what takes
// its place.
type edits map[string][]string

// timeout is that of a case. A broken server may be silent where it should answer, so a case gets little
// time; but where it is lenient, it may be about a deadline of the server's own.
func (s sign) timeout() time.Duration {
	if s == lenient {
		return 10 * time.Second
	}
	return 4 * time.Second
}

// shows reports whether the verdict is the sign.
func (s sign) shows(v conformance.Verdict) bool {
	return v == conformance.Fail || s == lenient && v == conformance.Lenient
}

// The cases notice what is broken: for each fault one of the right family, asked of a server or a
// client that was built with it. The shipped source stays as it is (go build -overlay).
func TestConformanceNoticesFaults(t *testing.T) {
	root := sourceRoot(t)
	var caught atomic.Int32
	planted := 0
	t.Run("faults", func(t *testing.T) {
		t.Run("slow", func(t *testing.T) {
			t.Parallel()
			// Most of these wait, and do little else: all at a time.
			found := make(map[string]<-chan finding)
			var sought []fault
			for _, p := range subjects {
				for _, f := range slices.Concat(p.faults...) {
					if f.sign == lenient {
						found[f.name] = f.seek(t, root, p)
						sought = append(sought, f)
					}
				}
			}
			for _, f := range sought {
				t.Run(f.name, func(t *testing.T) { f.report(t, found[f.name], &caught) })
			}
		})
		for _, p := range subjects {
			for _, f := range slices.Concat(p.faults...) {
				planted++
				if f.sign == lenient {
					continue
				}
				t.Run(f.name, func(t *testing.T) {
					t.Parallel()
					if f.sign == costs && runtime.GOOS != "linux" {
						t.Skip("what the process uses can be seen on Linux only")
					}
					f.report(t, f.seek(t, root, p), &caught)
				})
			}
		}
	})
	t.Logf("planted faults caught: %d of %d", caught.Load(), planted)
}

// seek plants the fault and begins to ask the cases that are about it.
func (f fault) seek(t *testing.T, root string, p subject) <-chan finding {
	t.Helper()
	return firstSign(t, p.start(t, buildWith(t, root, f.edits, p.program), f.sign), f.sign, f.matches(t, p.cases()))
}

// report waits for what was found of the fault, and counts it.
func (f fault) report(t *testing.T, found <-chan finding, caught *atomic.Int32) {
	t.Helper()
	switch x := <-found; {
	case x.err != nil:
		t.Error(x.err)
	case x.result == nil:
		t.Errorf("no case of %s notices", f.cases)
	default:
		t.Logf("%s: %s", x.result.ID, x.result.Reason)
		caught.Add(1)
	}
}

// Nothing else makes the cases notice: where nothing is broken, those of all faults pass.
func TestConformanceNoticesNothing(t *testing.T) {
	root := sourceRoot(t)
	for _, p := range subjects {
		path := buildWith(t, root, nil, p.program)
		for _, s := range []sign{fails, lenient} {
			t.Run(fmt.Sprintf("%s-%v", filepath.Base(p.program), s.timeout()), func(t *testing.T) {
				t.Parallel()
				cases := slices.DeleteFunc(p.cases(), func(c conformance.Case) bool {
					return !slices.ContainsFunc(slices.Concat(p.faults...), func(f fault) bool {
						return f.narrow() && (f.sign == lenient) == (s == lenient) && f.pattern().MatchString(c.ID)
					})
				})
				x := <-firstSign(t, p.start(t, path, s), s, cases)
				if x.err != nil {
					t.Error(x.err)
				} else if x.result != nil {
					t.Errorf("%s: %s\n%s", x.result.ID, x.result.Reason, x.result.Exchange)
				}
			})
		}
	}
}

// subject is a program that is asked.
type subject struct {
	program string
	cases   func() []conformance.Case
	start   func(t *testing.T, path string, s sign) asker
	faults  [][]fault
}

var subjects = []subject{
	{"github.com/spoutws/spout/e2e/echoserver", conformance.Cases, startServer,
		[][]fault{protocolFaults, deflateFaults, hostileFaults}},
	{"github.com/spoutws/spout/e2e/echoclient", conformance.ClientCases, startClient,
		[][]fault{clientFaults}},
}

// asker asks cases, as conformance.Checker.Run does.
type asker func(context.Context, []conformance.Case, func(conformance.Result)) ([]conformance.Result, error)

func (f fault) pattern() *regexp.Regexp { return regexp.MustCompile("^(" + f.cases + ")") }

// narrow reports whether it names cases, and not a whole family, all of which another test asks.
func (f fault) narrow() bool { return f.sign != fails || !strings.HasSuffix(f.cases, "/") }

// matches returns the cases that are about f.
func (f fault) matches(t *testing.T, cases []conformance.Case) []conformance.Case {
	t.Helper()
	re := f.pattern()
	cases = slices.DeleteFunc(cases, func(c conformance.Case) bool { return !re.MatchString(c.ID) })
	for _, c := range cases {
		if c.Family != cases[0].Family {
			t.Fatalf("%s matches cases of the families %s and %s", f.cases, cases[0].Family, c.Family)
		}
	}
	if len(cases) == 0 {
		t.Fatalf("%s matches no case", f.cases)
	}
	return cases
}

// sourceRoot is where the library's source is.
func sourceRoot(t *testing.T) string {
	t.Helper()
	out, err := exec.Command(testenv.Need(t, "go"), "list", "-f", "{{.Dir}}", "github.com/spoutws/spout").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// buildWith builds a program with edits of files below root, and returns its path.
func buildWith(t *testing.T, root string, e edits, program string) string {
	t.Helper()
	dir := t.TempDir()
	replace := make(map[string]string)
	for name, pairs := range e {
		file := filepath.Join(root, name)
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := string(source)
		for i := 0; i < len(pairs); i += 2 {
			if n := strings.Count(text, pairs[i]); n != 1 {
				t.Fatalf("%s has %q %d times, not once: the fault must follow the source", name, pairs[i], n)
			}
			text = strings.Replace(text, pairs[i], pairs[i+1], 1)
		}
		replace[file] = filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
		if err := os.WriteFile(replace[file], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	overlay, path := filepath.Join(dir, "overlay.json"), filepath.Join(dir, filepath.Base(program))
	data, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(overlay, data, 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.Command(testenv.Need(t, "go"), "build", "-overlay", overlay, "-ldflags", "-s -w", "-o", path, program)
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // which links faster
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", build, err, out)
	}
	return path
}

// startServer starts the server at path.
func startServer(t *testing.T, path string, s sign) asker {
	t.Helper()
	server := runSpout(t, path)
	t.Cleanup(server.kill) // broken as it may be, it need not end well
	cfg := conformance.Config{URL: echoURL(server), Timeout: s.timeout()}
	if runtime.GOOS == "linux" {
		cfg.PID = server.cmd.Process.Pid
	}
	k, err := conformance.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return k.Run
}

// startClient has the client at path started for every case.
func startClient(t *testing.T, path string, s sign) asker {
	t.Helper()
	k, err := conformance.Listen(conformance.ClientConfig{Addr: "127.0.0.1:0", Exec: []string{path, "{url}"}, Timeout: s.timeout()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k.Run
}

// finding is the first result that shows a sign, or nil.
type finding struct {
	result *conformance.Result
	err    error // why it is not known
}

// firstSign asks cases until one shows the sign.
func firstSign(t *testing.T, ask asker, s sign, cases []conformance.Case) <-chan finding {
	found := make(chan finding, 1)
	go func() {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var x finding
		_, err := ask(ctx, cases, func(r conformance.Result) {
			if x.result == nil && s.shows(r.Verdict) {
				x.result = &r
				cancel()
			}
		})
		if x.result == nil {
			x.err = err
		}
		found <- x
	}()
	return found
}
