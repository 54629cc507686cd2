package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/internal/testenv"
)

func TestMain(m *testing.M) {
	// The load starts its own executable as the server, which here is the test's.
	if len(os.Args) == 2 && os.Args[1] == "-server" {
		if err := serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	testenv.Main(m)
}

// A short run, with every kind of client but the one that takes a minute to be given up, finds nothing.
func TestShortRun(t *testing.T) {
	l := &load{duration: 3 * time.Second, clients: 25}
	for id := range l.clients {
		if kindOf(id).stuck {
			t.Fatal("a client that takes a minute is among them")
		}
	}
	var out bytes.Buffer
	err := l.run(&out)
	t.Log(out.String())
	if err != nil || !strings.Contains(out.String(), "nothing was lost") {
		t.Errorf("it ended with %v", err)
	}
}

// What must never happen to the echoes of a connection is noticed.
func TestAccountNotices(t *testing.T) {
	for _, c := range []struct {
		name     string
		echoes   []int // of three messages that were sent
		last     int   // what the server says on the next connection
		exactly  int
		noticed  bool
		resumeAt int
	}{
		{"all came", []int{1, 2, 3}, 3, 3, false, 3},
		{"the end is not known", []int{1}, 3, -1, false, 3},
		{"nothing is known", nil, 0, -1, false, 0},
		{"one was dropped", []int{1, 3}, 0, 0, true, 0},
		{"one was doubled", []int{1, 1}, 0, 0, true, 0},
		{"two were swapped", []int{2, 1}, 0, 0, true, 0},
		{"one was made up", []int{1, 2, 3, 4}, 0, 0, true, 0},
		{"an acknowledged one was lost", []int{1, 2}, 1, -1, true, 0},
		{"one was lost that was sent in good order", []int{1, 2}, 2, 3, true, 0},
		{"the server has one that was not sent", []int{1, 2, 3}, 4, -1, true, 0},
	} {
		a := account{sent: 3}
		var err error
		for _, n := range c.echoes {
			if err == nil {
				err = a.echoed(n)
			}
		}
		if err == nil {
			err = a.resumed(c.last, c.exactly)
		}
		if noticed := err != nil; noticed != c.noticed {
			t.Errorf("%s: %v", c.name, err)
		}
		if err == nil && (a.sent != c.resumeAt || a.acked != c.resumeAt) {
			t.Errorf("%s: goes on with %+v", c.name, a)
		}
	}
}

// An echo that is not what was sent is noticed, and so are ticks that come twice.
func TestTakeNotices(t *testing.T) {
	sent := message(1, 1, spout.TextMessage, 2000)
	changed := bytes.Clone(sent.Data)
	changed[len(changed)-1] ^= 1
	for name, c := range map[string]struct {
		messages []spout.Message
		noticed  bool
	}{
		"right":                {[]spout.Message{spout.Text("tick 3"), spout.Text("last 0"), sent, spout.Text("tick 4")}, false},
		"no greeting":          {[]spout.Message{sent}, true},
		"changed":              {[]spout.Message{spout.Text("last 0"), {Type: spout.TextMessage, Data: changed}}, true},
		"cut short":            {[]spout.Message{spout.Text("last 0"), {Type: spout.TextMessage, Data: sent.Data[:3]}}, true},
		"of the other type":    {[]spout.Message{spout.Text("last 0"), spout.Binary(sent.Data)}, true},
		"a tick twice":         {[]spout.Message{spout.Text("tick 3"), spout.Text("tick 3")}, true},
		"of another client":    {[]spout.Message{spout.Text("last 0"), message(2, 1, spout.TextMessage, 2000)}, true},
		"nothing that is said": {[]spout.Message{spout.Text("last 0"), spout.Text("what?")}, true},
	} {
		cl := &client{kind: kinds[0], id: 1, tally: new(tally), greeted: make(chan struct{}), window: make(chan struct{}, 10)}
		var err error
		for _, m := range c.messages {
			if err == nil {
				err = cl.take(m)
			}
			cl.account.sent = 1
		}
		if noticed := err != nil; noticed != c.noticed {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Memory that grows is noticed; a little more is not.
func TestFlatNotices(t *testing.T) {
	series := func(first, last int) (us []usage) {
		for i := range 30 {
			u := usage{Heap: first, Resident: first}
			if i >= 20 {
				u.Heap = last
			}
			us = append(us, u)
		}
		return us
	}
	for _, c := range []struct {
		first, last int
		grown       bool
	}{
		{100 << 20, 100 << 20, false},
		{100 << 20, 150 << 20, false},
		{100 << 20, 160 << 20, true},
		{4 << 20, 20 << 20, true},
	} {
		got := flat(series(c.first, c.last))
		if got[0].grown != c.grown || got[1].grown {
			t.Errorf("from %s to %s MiB: %v", mib(c.first), mib(c.last), got)
		}
	}
}
