package main

import (
	"os"
	"testing"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
)

// TestNATS has two processes over a server of NATS that runs elsewhere, and kills one: the other tells that its member
// is gone, and what that has missed.
func TestNATS(t *testing.T) {
	url, stop, err := startNATS()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	var guests []*guest
	var processes []*process
	for _, name := range []string{"Ann", "Bo"} {
		p := startProcess(t, "demo", "--addr", "127.0.0.1:0", "--nats", url)
		_, page := p.until(`http://[0-9.:]+`)
		g := &guest{Conn: dialProcess(t, page, "/ws/chat/lobby?position=&name="+name), t: t}
		g.until(func(e hub.Envelope) bool { return e.Type == hub.Joined })
		processes, guests = append(processes, p), append(guests, g)
	}
	ann, bo := guests[0], guests[1]
	ann.until(func(e hub.Envelope) bool {
		return e.Type == hub.Enter && personOf(t, *e.Member).Name == "Bo"
	})
	bo.say("hello")
	ann.untilHeard("hello")
	bo.untilHeard("hello")

	processes[1].signal(os.Kill)
	for {
		if _, err := readOrEnd(bo.Conn); err != nil {
			break
		}
	}
	ann.until(func(e hub.Envelope) bool { return e.Type == hub.Exit && personOf(t, *e.Member).Name == "Bo" })
	ann.say("Bo?")
	ann.untilHeard("Bo?")
	page := "http://" + ann.RemoteAddr().String()
	back := &guest{Conn: dialProcess(t, page, "/ws/chat/lobby?name=Bo&position="+bo.at.String()), t: t}
	if joined := back.until(func(e hub.Envelope) bool { return e.Type == hub.Joined }); !joined.Recovered || joined.Replayed != 1 {
		t.Errorf("on the other node: %+v, want one message recovered", joined)
	}
	back.untilHeard("Bo?")
	processes[0].signal(os.Interrupt)
	for _, g := range []*guest{ann, back} {
		var err error
		for err == nil {
			_, err = readOrEnd(g.Conn)
		}
		if spout.CloseCode(err) != spout.CloseServiceRestart {
			t.Errorf("closed with %v, want 1012", err)
		}
	}
	if status := processes[0].wait(); status != exitOK {
		t.Errorf("exit status %d, want 0", status)
	}
}
