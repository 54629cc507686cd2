//go:build long && unix

package main

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestFaults is make faults, smaller.
func TestFaults(t *testing.T) {
	p := small
	p.seed = rand.Uint64N(1 << 32)
	t.Logf("seed %d", p.seed)
	r, err := p.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var printed strings.Builder
	r.print(&printed)
	t.Log(printed.String())
	if n := r.violations(); n > 0 {
		t.Errorf("%d violations", n)
	}
	for kind, rooms := range r.rooms {
		if rooms.Delivered == 0 {
			t.Errorf("rooms %s: nothing was delivered", kind)
		}
	}
}

// TestFaultsNotices has nodes that lose a message now and then, without a word.
func TestFaultsNotices(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	p := plan{clients: 100, injections: 1, quick: true, only: "node killed in a burst", seed: 1, burst: 2000, lossy: true}
	r, err := p.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if lost := r.rooms[live].Lost; lost == 0 {
		t.Errorf("of %d messages, a hundredth of which was not published, %d were found to be lost", r.rooms[live].Acknowledged, lost)
	}
}
