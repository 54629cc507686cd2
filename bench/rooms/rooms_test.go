package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spoutws/spout/bench/servers"
	"github.com/spoutws/spout/internal/testenv"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && slices.Contains([]string{serveArgument, loadArgument, brokerArgument}, os.Args[1]) {
		main()
		return
	}
	os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE")) // or each child takes a second to end
	testenv.Main(m)
}

// TestMeasure holds that each scenario has figures of each library, and that they are printed.
func TestMeasure(t *testing.T) {
	b := &bench{serverCPU: -1, loadCPU: -1, duration: 30 * time.Millisecond, profile: filepath.Join(t.TempDir(), "cpu")}
	for _, sc := range scenarios(100) {
		r, err := b.rounds(sc, 1)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		r.write(&text)
		for _, l := range sc.libraries {
			for _, s := range r.samples[l] {
				if s.cpu <= 0 || s.rate <= 0 || s.p50 <= 0 || s.first <= 0 || sc.nodes > 1 && (s.other <= 0 || s.broker <= 0) {
					t.Errorf("%s, %s: %+v", sc.name, l.Name, s)
				}
			}
			if len(r.samples[l]) != 1 || !strings.Contains(text.String(), "\n| "+l.Name+" | ") {
				t.Errorf("%s: %d samples of %s in\n%s", sc.name, len(r.samples[l]), l.Name, &text)
			}
		}
	}
	if info, err := os.Stat(b.profile); err != nil || info.Size() == 0 {
		t.Errorf("profile: %v, %v", info, err)
	}
}

// TestFailure holds that a library that fails is told, and measured no more.
func TestFailure(t *testing.T) {
	b := &bench{serverCPU: 1 << 9, loadCPU: -1} // there is no such CPU
	sc := scenarios(100)[0]
	r, err := b.rounds(sc, 3)
	if err == nil || strings.Count(err.Error(), "\n")+1 != len(servers.WithRooms) || len(r.samples) != 0 {
		t.Errorf("%v, %+v", err, r)
	}
}
