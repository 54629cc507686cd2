//go:build linux

package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spoutws/spout/internal/testenv"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && (os.Args[1] == serverArgument || os.Args[1] == clientArgument) {
		main()
		return
	}
	os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE")) // or each child takes a second to end
	testenv.Main(m)
}

// TestHolds holds 300 connections to three servers.
func TestHolds(t *testing.T) {
	var out bytes.Buffer
	p := plan{conns: 300, each: 120, ping: 100 * time.Millisecond, hold: 200 * time.Millisecond}
	if err := p.run(&out); err != nil {
		t.Errorf("%v\n%s", err, &out)
	}
	for _, want := range []string{"to 3 servers", "300 by the servers, 300 by the clients", "300 have answered a ping", "300 with 1000"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, &out)
		}
	}
}

// TestLacking holds that nothing is begun for which the system is too small.
func TestLacking(t *testing.T) {
	var out bytes.Buffer
	err := plan{conns: 1 << 40, each: 1 << 30}.check(&out)
	if err == nil || !strings.Contains(out.String(), "LACKING") {
		t.Errorf("error %v, and\n%s", err, &out)
	}
	can, err := most()
	if err != nil {
		t.Fatal(err)
	}
	if err := (plan{conns: 1, each: can + 1}).run(io.Discard); err == nil {
		t.Errorf("one server may have more than the %d connections for which there are descriptors", can)
	}
}

// TestLost holds that a connection that ends is missed.
func TestLost(t *testing.T) {
	p := plan{conns: 3, each: 3, ping: time.Minute}
	x, err := p.start(1, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer x.stop()
	if err := x.connect(3); err != nil {
		t.Fatal(err)
	}
	pairs := []*pair{x}
	if _, err := echoes(pairs, 3, true); err != nil {
		t.Error(err)
	}
	x.server.Stop()
	if _, err := echoes(pairs, 3, false); err == nil || !strings.Contains(err.Error(), "0 of 3") {
		t.Errorf("the server is gone; error %v", err)
	}
}
