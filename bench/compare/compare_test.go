package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spoutws/spout/bench/load"
	"github.com/spoutws/spout/bench/report"
	"github.com/spoutws/spout/bench/servers"
	"github.com/spoutws/spout/internal/testenv"
)

var update = flag.Bool("update", false, "write the files in testdata")

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && (os.Args[1] == serveArgument || os.Args[1] == loadArgument) {
		main()
		return
	}
	os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE")) // or each child takes a second to end
	testenv.Main(m)
}

// made returns results as if they had been measured.
func made(t *testing.T) (results []*result) {
	t.Helper()
	costs := map[string]float64{"spout": 3000, "spout-stream": 2500, "spout-release": 2000, "spout-level3": 3300, "gobwas": 6000, "gobwas-raw": 4000, "gws": 5000, "nbio": 4500, "floor": 2700}
	for _, sc := range scenarios() {
		switch sc.name {
		case "1x128", "1000x1K", "16x64K", "takeover", "handshake", "idle":
		default:
			continue
		}
		r := newResult(sc, sc.libraries())
		for _, c := range r.cells {
			cost, known := costs[c.library.Name]
			if !known {
				c.missing = errors.New("has no such server")
			}
			if c.missing != nil {
				continue
			}
			if c.library.Name == "nbio" {
				c.failed = append(c.failed, errors.New("the connection is gone"))
			}
			for _, by := range []float64{1.5, 1, 0.5} {
				s := sample{CPU: by * cost, Rate: 1e9 / cost, P50: cost, P99: 2 * cost, P999: 30 * cost, Allocs: by, Bytes: 1024, Wire: 1000}
				switch {
				case sc.job.Kind == load.Idle:
					s = sample{Memory: by * cost, Goroutines: 1}
				case c.library.Name == "gws":
					s.Wire = 900
				case c.library.Name == "spout-level3":
					s.Wire = 940
				}
				c.samples = append(c.samples, s)
			}
		}
		results = append(results, r)
	}
	return results
}

// TestGolden holds what the report and the chart look like.
func TestGolden(t *testing.T) {
	p := place{report.Place{Date: "2026-11-01", Machine: "a machine", Go: "go1.26", Spout: "0123abc", Command: "go run ./bench/compare", Took: "1m", Before: "0.1", After: "0.2"},
		func(*servers.Library) string { return "v1.2.3" }}
	var text, chart bytes.Buffer
	writeReport(&text, made(t), p)
	writeChart(&chart, made(t))
	for name, got := range map[string][]byte{"report.md": text.Bytes(), "chart.svg": chart.Bytes()} {
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is now:\n%s\nIf that is right: go test ./bench/compare -update", file, got)
		}
	}
	for d := xml.NewDecoder(&chart); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("the chart is no XML: %v", err)
		}
	}
}

// TestAgainst holds with whom spout is compared.
func TestAgainst(t *testing.T) {
	for _, x := range []struct {
		scenario    string
		whole, best string
		ours        string // compared with the best
		ratio       float64
	}{
		{"1000x1K", "nbio", "gobwas-raw", "spout", 0.75},
		{"handshake", "gws", "gobwas-raw", "spout", 0.75},
		{"takeover", "gws", "gws", "spout-level3", 0.66},
		{"idle", "nbio", "gobwas-raw", "spout", 0.75},
	} {
		for _, r := range made(t) {
			if r.scenario.name != x.scenario {
				continue
			}
			m := r.scenario.shown[0]
			whole, best := r.best(m, r.comparable), r.best(m, isPeer)
			got, ok := r.against(m, best)
			if whole.library.Name != x.whole || best.library.Name != x.best || !ok || got.spout.library.Name != x.ours || math.Abs(got.value-x.ratio) > 1e-9 {
				t.Errorf("%s: best whole %s, best %s, %+v %t", x.scenario, whole.library.Name, best.library.Name, got, ok)
			}
		}
	}
}

// TestMeasure holds that a measurement of each kind has figures.
func TestMeasure(t *testing.T) {
	b := &bench{serverCPU: -1, loadCPU: -1, duration: 30 * time.Millisecond, quiet: time.Millisecond, profile: filepath.Join(t.TempDir(), "cpu")}
	for _, sc := range scenarios() {
		switch sc.name {
		case "100x128", "handshake", "idle", "broadcast":
		default:
			continue
		}
		sc.job.Conns = min(sc.job.Conns, 100)
		r := newResult(sc, servers.All[:1])
		if err := b.rounds(r, 2); err != nil {
			t.Fatal(err)
		}
		for _, s := range r.cells[0].samples {
			if idle := sc.job.Kind == load.Idle; !idle && (s.CPU <= 0 || s.Rate <= 0 || s.P50 <= 0) {
				t.Errorf("%s: %+v", sc.name, s)
			}
		}
		if n := len(r.cells[0].samples); n != 2 {
			t.Errorf("%s: %d samples", sc.name, n)
		}
	}
	if info, err := os.Stat(b.profile); err != nil || info.Size() == 0 {
		t.Errorf("profile: %v, %v", info, err)
	}
}

// TestFailure holds that a library that fails is told, and the others are measured.
func TestFailure(t *testing.T) {
	b := &bench{serverCPU: 1 << 9, loadCPU: -1} // there is no such CPU
	r := newResult(scenarios()[0], servers.All[:1])
	if err := b.rounds(r, 3); err == nil || len(r.cells[0].failed) != mostFailures || r.cells[0].measured() || r.cells[0].note() == "" {
		t.Errorf("%v, %+v", err, r.cells[0])
	}
}
