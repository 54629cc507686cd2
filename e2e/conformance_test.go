package e2e

import (
	"crypto/tls"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spoutws/spout/e2e/peers"
	"github.com/spoutws/spout/internal/conformance"
)

// check asks the server at url every case, or those of cases.
func check(t *testing.T, url string, cases []conformance.Case) []conformance.Result {
	t.Helper()
	k, err := conformance.New(conformance.Config{
		URL:     url,
		TLS:     &tls.Config{InsecureSkipVerify: true},
		Timeout: 30 * time.Second,
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
// 1009, with a limit at which all of them are echoed, and over TLS.
func TestConformance(t *testing.T) {
	spout := buildSpout(t)
	for _, v := range []struct {
		name    string
		refuses bool // messages above 1 MiB
		args    []string
	}{
		{"default", true, nil},
		{"16MiB", false, []string{"--max-message", "16MiB"}},
		{"tls", true, []string{"--tls-self-signed"}},
	} {
		t.Run(v.name, func(t *testing.T) {
			s := runSpout(t, spout, append([]string{"serve", "--addr", "127.0.0.1:0"}, v.args...)...)
			for _, r := range check(t, echoURL(s), conformance.Cases()) {
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

// The verdicts of the cases on servers that this project did not write. A difference from
// testdata/peers.golden, better or worse, fails: a case has changed its mind. The file holds
// totals only; -v prints the cases.
func TestConformancePeers(t *testing.T) {
	var got strings.Builder
	for _, p := range peers.All {
		t.Run(string(p), func(t *testing.T) {
			var total conformance.Total
			for _, r := range check(t, peers.Start(t, p), conformance.Cases()) {
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
	const golden = "testdata/peers.golden"
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("the verdicts differ from %s\ngot:\n%swant:\n%s", golden, got.String(), want)
	}
}
