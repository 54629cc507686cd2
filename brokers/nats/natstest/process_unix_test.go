//go:build unix

package natstest

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

func TestProcess(t *testing.T) {
	program, err := Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	addrs, err := FreeAddrs(1)
	if err != nil {
		t.Fatal(err)
	}
	p, err := StartProcess(program, Config{Addr: addrs[0], Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	addStream(t, p.URL, 1)

	p.Kill()
	if nc, err := nats.Connect(p.URL); err == nil {
		nc.Close()
		t.Error("a killed server takes connections")
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	wantStream(t, p.URL)

	if err := p.Pause(); err != nil {
		t.Fatal(err)
	}
	if nc, err := nats.Connect(p.URL, nats.Timeout(100*time.Millisecond)); err == nil {
		nc.Close()
		t.Error("a paused server answers")
	}
	if err := p.Resume(); err != nil {
		t.Fatal(err)
	}
	wantStream(t, p.URL)
}
