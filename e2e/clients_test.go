package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spoutws/spout/e2e/peers"
	"github.com/spoutws/spout/internal/conformance"
	"github.com/spoutws/spout/internal/testenv"
)

// checkClient asks the clients that a command starts every case.
func checkClient(t *testing.T, command []string, cases []conformance.Case) []conformance.Result {
	t.Helper()
	k, err := conformance.Listen(conformance.ClientConfig{Addr: "127.0.0.1:0", Exec: command, Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	results, err := k.Run(t.Context(), cases, nil)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// Our client passes every case strictly. It offers to keep to any window, so that one case has
// nothing to ask.
func TestClientConformance(t *testing.T) {
	t.Parallel()
	client := filepath.Join(t.TempDir(), "echoclient")
	if out, err := exec.Command(testenv.Need(t, "go"), "build", "-o", client, "./echoclient").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, r := range checkClient(t, []string{client, "{url}"}, conformance.ClientCases()) {
		if r.Verdict != conformance.Pass && r.ID != "negotiation/deflate-client-bits-unasked" {
			t.Errorf("%s %s: %s\n%s", r.Verdict, r.ID, r.Reason, r.Exchange)
		}
	}
}

// The verdicts of some families on clients that this project did not write, with the defaults of their
// libraries; all families would take the most of an hour, for each case starts a client anew. A
// difference from testdata/clients.golden, better or worse, fails: a case has changed its mind. The file
// holds totals only; -v prints the cases.
func TestClientConformancePeers(t *testing.T) {
	t.Parallel()
	families := []conformance.Family{conformance.Handshake, conformance.Framing, conformance.Closing}
	cases := slices.DeleteFunc(conformance.ClientCases(), func(c conformance.Case) bool { return !slices.Contains(families, c.Family) })
	totals := make([]conformance.Total, len(peers.All))
	t.Run("peers", func(t *testing.T) {
		for i, p := range peers.All {
			t.Run(string(p), func(t *testing.T) {
				t.Parallel()
				for _, r := range checkClient(t, peers.Client(t, p), cases) {
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
	const golden = "testdata/clients.golden"
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("the verdicts differ from %s\ngot:\n%swant:\n%s", golden, got.String(), want)
	}
}
