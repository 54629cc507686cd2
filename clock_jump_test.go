//go:build clockjump

// These tests are for a Go in which the wall clock jumps each time that it is read, by up to five hours in
// either direction; TestClockThatJumps builds it and runs them.

package spout_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// The clock does jump: otherwise the others show nothing.
func TestClockJumps(t *testing.T) {
	var least, most time.Time
	for i := range 1000 {
		now := time.Now().Round(0) // the wall clock alone
		if i == 0 || now.Before(least) {
			least = now
		}
		if i == 0 || now.After(most) {
			most = now
		}
	}
	t.Logf("a thousand readings differ by %v", most.Sub(least))
	if most.Sub(least) < time.Hour {
		t.Error("the wall clock does not jump")
	}
}

// Nothing comes early: with deadlines of an hour, which the jumps would pass, a connection lives, sends and
// is closed in good order, and its round-trip time is no five hours.
func TestClockJumpsEndNothing(t *testing.T) {
	o := spout.Options{
		PingInterval: 20 * time.Millisecond, PingTimeout: time.Hour, FrameTimeout: time.Hour, WriteTimeout: time.Hour,
		CloseTimeout: time.Hour, SendLimit: 4 << 20, Logger: silent,
	}
	addr := serveTCP(t, echoServer(o))
	d := spout.Dialer{Options: o}
	c, err := d.Dial(t.Context(), "ws://"+addr)
	if err != nil {
		t.Fatal(err)
	}
	data := bytes.Repeat([]byte("x"), 1<<20)
	for n := 0; n < 300 || c.RTT() == 0; n++ {
		if err := c.Write(t.Context(), spout.Binary(data)); err != nil {
			t.Fatal(err)
		}
		if m, err := c.Read(t.Context()); err != nil || len(m.Data) != len(data) {
			t.Fatalf("message %d: %d bytes, %v", n, len(m.Data), err)
		}
	}
	if rtt := c.RTT(); rtt < 0 || rtt > time.Hour {
		t.Errorf("the round-trip time is %v", rtt)
	}
	c.Close(spout.CloseNormal, "")
	if end := await(c); end.Err != nil {
		t.Error(end)
	}
}

// Nothing is put off: a deadline of a tenth of a second comes, though the clock goes back by hours.
func TestClockJumpsDelayNothing(t *testing.T) {
	const timeout = time.Second / 10
	off := spout.Options{PingInterval: -1, FrameTimeout: -1, WriteTimeout: -1, CloseTimeout: -1}
	for name, c := range map[string]struct {
		set  func(o *spout.Options)
		lack func(c *spout.Conn, p *peer) // what the peer fails to do in time
	}{
		"FrameTimeout": {func(o *spout.Options) { o.FrameTimeout = timeout }, func(_ *spout.Conn, p *peer) { p.send([]byte{0x81}) }},
		"PingTimeout":  {func(o *spout.Options) { o.PingInterval, o.PingTimeout = timeout, timeout }, func(*spout.Conn, *peer) {}},
		"WriteTimeout": {func(o *spout.Options) { o.WriteTimeout = timeout }, func(c *spout.Conn, _ *peer) { c.Send(spout.Binary(make([]byte, 64<<20))) }},
		"CloseTimeout": {func(o *spout.Options) { o.CloseTimeout = timeout }, func(c *spout.Conn, _ *peer) { c.Close(4000, "") }},
	} {
		t.Run(name, func(t *testing.T) {
			o := off
			c.set(&o)
			conn, p := socketPair(t, false, o)
			start := time.Now()
			c.lack(conn, p)
			end := await(conn)
			t.Logf("after %v: %v", time.Since(start).Round(time.Millisecond), end)
			if !strings.Contains(end.Error(), "Options."+name) {
				t.Errorf("ended with %v", end)
			}
		})
	}
}
