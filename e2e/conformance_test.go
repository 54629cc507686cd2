package e2e

import (
	"crypto/tls"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spoutws/spout/e2e/peers"
	"github.com/spoutws/spout/internal/conformance"
)

// check asks the server at url every case, with the given time for each. pid is its process, or 0 if
// what it costs is not judged.
func check(t *testing.T, url string, pid int, timeout time.Duration, cases []conformance.Case) []conformance.Result {
	t.Helper()
	k, err := conformance.New(conformance.Config{
		URL:     url,
		TLS:     &tls.Config{InsecureSkipVerify: true},
		Timeout: timeout,
		PID:     pid,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	results, err := k.Run(t.Context(), cases, nil)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// The server passes every case strictly: with its default limits, where messages above 1 MiB get
// 1009, with a limit at which all of them are echoed, and over TLS. What cases cost is judged of the
// program as it is shipped: the race detector would add its own.
func TestConformance(t *testing.T) {
	t.Parallel()
	spout := buildSpout(t)
	shipped := buildWith(t, sourceRoot(t), nil, "github.com/spoutws/spout/cmd/spout")
	for _, v := range []struct {
		name     string
		measured bool
		refuses  bool // messages above 1 MiB
		args     []string
	}{
		{"default", true, true, nil},
		{"16MiB", false, false, []string{"--max-message", "16MiB"}},
		{"tls", false, true, []string{"--tls-self-signed"}},
	} {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel() // they wait for deadlines
			program, pid := spout, 0
			if v.measured {
				program = shipped
			}
			s := runSpout(t, program, append([]string{"serve", "--addr", "127.0.0.1:0"}, v.args...)...)
			if v.measured && runtime.GOOS == "linux" {
				pid = s.cmd.Process.Pid
			}
			for _, r := range check(t, echoURL(s), pid, 30*time.Second, conformance.Cases()) {
				if r.Verdict != conformance.Pass {
					t.Errorf("%s %s: %s\n%s", r.Verdict, r.ID, r.Reason, r.Exchange)
				}
				if r.ID == "limits/binary-16MiB" && echoed(r) == v.refuses {
					t.Errorf("%s: echoed is %v", r.ID, echoed(r))
				}
			}
		})
	}
}

// echoURL is where s echoes what it gets.
func echoURL(s *server) string {
	return "ws" + strings.TrimPrefix(s.url.JoinPath("ws/echo").String(), "http")
}

// echoed reports whether the server sent back as much as a message of 16 MiB.
func echoed(r conformance.Result) bool {
	received := 0
	for _, x := range r.Exchange {
		if x.Direction == conformance.Received {
			received += x.Length
		}
	}
	return received > 16<<20
}

// The verdicts of the cases on servers that this project did not write, but for the hostile families,
// whose verdicts may depend on how busy the machine is. A difference from testdata/peers.golden, better
// or worse, fails: a case has changed its mind. The file holds totals only; -v prints the cases.
func TestConformancePeers(t *testing.T) {
	t.Parallel()
	cases := slices.DeleteFunc(conformance.Cases(), func(c conformance.Case) bool { return c.Family.Hostile() })
	totals := make([]conformance.Total, len(peers.All))
	t.Run("peers", func(t *testing.T) {
		for i, p := range peers.All {
			t.Run(string(p), func(t *testing.T) {
				t.Parallel() // some wait for deadlines that never come
				for _, r := range check(t, peers.Start(t, p), 0, 15*time.Second, cases) {
					totals[i].Add(r.Verdict)
					if r.Verdict != conformance.Pass {
						t.Logf("%s %s: %s", r.Verdict, r.ID, r.Reason)
					}
				}
			})
		}
	})
	if t.Failed() {
		return
	}
	var got strings.Builder
	for i, p := range peers.All {
		fmt.Fprintf(&got, "%s: %v\n", p, totals[i])
	}
	const golden = "testdata/peers.golden"
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("the verdicts differ from %s\ngot:\n%swant:\n%s", golden, got.String(), want)
	}
}
