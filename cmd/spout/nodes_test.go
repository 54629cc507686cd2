package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
)

// startNodes starts the servers of a demo on ports of the kernel's choice.
func startNodes(t *testing.T, o demoOptions) *nodes {
	t.Helper()
	o.addr = "127.0.0.1:0"
	stderr := new(lockedBuffer)
	connect, disconnect, err := o.broker(stderr)
	if err != nil {
		t.Fatal(err)
	}
	ns, err := newNodes(t.Context(), o, connect, io.Discard, stderr)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		ns.run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-stopped
		disconnect()
		for line := range strings.Lines(stderr.String()) {
			if !strings.Contains(line, "a node is dead") { // which the others say
				t.Errorf("stderr: %s", line)
			}
		}
	})
	return ns
}

// at is a client of a node.
func (ns *nodes) at(t *testing.T, i int) *testServer {
	t.Helper()
	ns.mu.Lock()
	defer ns.mu.Unlock()
	s := &testServer{server: ns.list[i].server, t: t, transport: &http.Transport{}}
	t.Cleanup(s.transport.CloseIdleConnections)
	return s
}

// until returns the next envelope for which ok holds.
func (g *guest) until(ok func(hub.Envelope) bool) hub.Envelope {
	g.t.Helper()
	for {
		if e := g.next(); ok(e) {
			return e
		}
	}
}

func (g *guest) untilHeard(text string) {
	g.t.Helper()
	g.until(func(e hub.Envelope) bool {
		m, ok := e.Message()
		var s said
		return ok && m.Decode(&s) == nil && s.Text == text
	})
}

// TestNodes has a room on three nodes, one of which is killed: its member finds on another what it has missed.
func TestNodes(t *testing.T) {
	ns := startNodes(t, demoOptions{nodes: 3})
	var guests []*guest
	for i, name := range []string{"Ann", "Bo", "Cy"} {
		g := ns.at(t, i).enter("lobby", name, hub.Position{})
		guests = append(guests, g)
	}
	ann, bo, cy := guests[0], guests[1], guests[2]
	for _, g := range guests {
		present := map[string]string{}
		for _, m := range g.joined.Members {
			p := personOf(t, m)
			present[p.Name] = p.Node
		}
		for len(present) < 3 {
			p := personOf(t, *g.until(func(e hub.Envelope) bool { return e.Type == hub.Enter }).Member)
			present[p.Name] = p.Node
		}
		if present["Ann"] != "1" || present["Bo"] != "2" || present["Cy"] != "3" {
			t.Errorf("who is there, and on which node: %v", present)
		}
	}
	ann.say("everywhere?")
	for _, g := range guests {
		g.untilHeard("everywhere?")
	}

	watcher := ns.at(t, 0).mustDial(t, "/ws/live?position=")
	if err := watcher.SendJSON(map[string]string{"type": "kill", "node": "3"}); err != nil {
		t.Fatal(err)
	}
	for {
		m, err := readOrEnd(cy.Conn)
		if err == nil {
			t.Logf("before the end came %q", m.Data)
			continue
		}
		if closed, _ := errors.AsType[*spout.CloseError](err); closed == nil || closed.Code != spout.CloseAbnormal {
			t.Errorf("the killed node's connection ended with %v, want 1006", err)
		}
		break
	}
	up := func(want ...bool) {
		t.Helper()
		for {
			_, list := nextLive(t, watcher)
			var got []bool
			for _, n := range list.Nodes {
				got = append(got, n.Up)
			}
			if slices.Equal(got, want) {
				return
			}
		}
	}
	up(true, true, false)
	bo.until(func(e hub.Envelope) bool { return e.Type == hub.Exit && personOf(t, *e.Member).Name == "Cy" })
	bo.say("Cy?")
	bo.untilHeard("Cy?")

	back := ns.at(t, 1).enter("lobby", "Cy", cy.at)
	if !back.joined.Recovered || back.joined.Replayed != 1 {
		t.Errorf("on another node: %+v, want one message recovered", back.joined)
	}
	back.untilHeard("Cy?")

	if err := watcher.SendJSON(map[string]string{"type": "start", "node": "3"}); err != nil {
		t.Fatal(err)
	}
	up(true, true, true)
	again := ns.at(t, 2).enter("lobby", "Di", cy.at)
	if !again.joined.Recovered || again.joined.Replayed != 1 {
		t.Errorf("on the node that was started again: %+v, want one message recovered", again.joined)
	}
	again.say("hello again")
	ann.untilHeard("hello again")
	ns.kill("4")  // there is none
	ns.start("1") // it is up
}

// TestNodesPages has the page of a node connect to the others, and no other page.
func TestNodesPages(t *testing.T) {
	ns := startNodes(t, demoOptions{nodes: 2})
	first, second := ns.at(t, 0), ns.at(t, 1)
	for origin, ok := range map[string]bool{
		"http://" + second.listener.Addr().String():             true,
		"http://127.0.0.1:" + ns.list[0].cfg.ports[1]:           true,
		"http://127.0.0.1:1":                                    false,
		"http://evil.example:" + ns.list[0].cfg.ports[1]:        false,
		"https://127.0.0.1:" + ns.list[0].cfg.ports[1]:          false,
		"http://127.0.0.1:" + ns.list[0].cfg.ports[1] + "/page": true, // of which nothing but the host counts
	} {
		c, err := first.dial("/ws/echo", origin)
		if err == nil {
			c.CloseNow()
		}
		if (err == nil) != ok {
			t.Errorf("a page of %s: %v", origin, err)
		}
	}
}

// TestNodesPorts has ports that follow one another, and one of them taken.
func TestNodesPorts(t *testing.T) {
	for _, tt := range []struct {
		addr string
		i    int
		want string
	}{{"127.0.0.1:8888", 0, "127.0.0.1:8888"}, {"127.0.0.1:8888", 2, "127.0.0.1:8890"}, {"[::1]:80", 1, "[::1]:81"}, {":0", 3, ":0"}, {"127.0.0.1:http", 1, "127.0.0.1:81"}} {
		if got, err := nextAddr(tt.addr, tt.i); got != tt.want || err != nil {
			t.Errorf("nextAddr(%q, %d) = %q, %v; want %q", tt.addr, tt.i, got, err, tt.want)
		}
	}
	if got := runCommand("demo", "--nats", "nats://127.0.0.1:1", "--addr", "127.0.0.1:0"); got.status != exitError || !strings.Contains(got.stderr, "127.0.0.1:1") {
		t.Errorf("%+v, want an error that names the server", got)
	}
	busy := startServer(t, config{})
	got := runCommand("demo", "--nodes", "2", "--addr", busy.listener.Addr().String())
	if got.status != exitError {
		t.Errorf("%+v, want an error", got)
	}
}

// TestLoad has bots talk on two nodes until some have heard others, and one that reads slowly.
func TestLoad(t *testing.T) {
	ns := startNodes(t, demoOptions{nodes: 2, bots: 12})
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	var mu sync.Mutex
	heard := map[int]int{}
	load(ctx, []string{ns.list[0].url, ns.list[1].url}, 12, func(node int, delay time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		if delay < 0 || delay > patience {
			t.Errorf("a delay of %v", delay)
		}
		if heard[node]++; heard[0] > 20 && heard[1] > 20 {
			stop()
		}
	})
	if heard[0] <= 20 || heard[1] <= 20 {
		t.Errorf("the bots of the two nodes heard %v", heard)
	}
}
