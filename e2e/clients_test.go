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
	families := []conformance.Family{conformance.Handshake, conformance.Framing, conformance.Closing}
	cases := slices.DeleteFunc(conformance.ClientCases(), func(c conformance.Case) bool { return !slices.Contains(families, c.Family) })
	var got strings.Builder
	for _, p := range peers.All {
		t.Run(string(p), func(t *testing.T) {
			var total conformance.Total
			for _, r := range checkClient(t, peers.Client(t, p), cases) {
				total.Add(r.Verdict)
				if r.Verdict != conformance.Pass {
					t.Logf("%s %s: %s", r.Verdict, r.ID, r.Reason)
				}
			}
			fmt.Fprintf(&got, "%s: %v\n", p, total)
		})
	}
	if t.Failed() {
		return
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
