//go:build unix

package main

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
	"github.com/spoutws/spout/hub/client"
	"github.com/spoutws/spout/hub/faulttest"
)

// Kinds of rooms.
const (
	live   = "live"   // without history
	logged = "logged" // with
)

var kinds = []string{live, logged}

// member stays in a room and logs what comes.
type member struct {
	name, kind, room string
	dialer           *spout.Dialer
	began            time.Time // of all logs

	mu         sync.Mutex
	events     []faulttest.Event
	times      int // it has joined
	joined     bool
	lost       time.Duration // when the connection ended
	reconnects []reconnect
	paused     chan struct{} // while it does not read
}

type reconnect struct {
	lost time.Duration // when
	took time.Duration
	code spout.Code // with which the connection ended
}

// run stays in the room until ctx ends: with package client, or in a way of its own, which leaves out nothing
// that came twice.
func (m *member) run(ctx context.Context, plain bool) {
	url := "ws://nodes/" + m.kind + "/" + m.room
	if plain {
		m.runPlain(ctx, url)
		return
	}
	c := &client.Client{URL: url, Dialer: m.dialer, MaxWait: 2 * time.Second}
	for e, err := range c.Events(ctx) {
		if err != nil {
			if ctx.Err() == nil {
				progress("%s: %v", m.name, err)
			}
			return
		}
		switch e.Type {
		case client.Disconnected:
			m.disconnected(spout.CloseCode(e.Err))
		case hub.Joined, hub.Message, hub.Gap:
			m.log(e.Type, e.Recovered, e.Position, e.Message.String())
		}
	}
}

func (m *member) runPlain(ctx context.Context, url string) {
	var last hub.Position
	for failures := 0; ctx.Err() == nil; failures++ {
		if failures > 0 {
			sleep(ctx, rand.N(min(2*time.Second, 250*time.Millisecond<<min(failures, 10))))
		}
		bound, cancel := context.WithTimeout(ctx, 10*time.Second)
		c, err := m.dialer.Dial(bound, url+"?position="+last.String())
		cancel()
		if err != nil {
			continue
		}
		for message, readErr := range c.Messages(ctx) {
			if err = readErr; err != nil {
				break
			}
			m.mu.Lock()
			paused := m.paused
			m.mu.Unlock()
			if paused != nil {
				select {
				case <-paused:
				case <-ctx.Done():
				}
			}
			var e hub.Envelope
			if message.Decode(&e) != nil {
				continue
			}
			switch {
			case e.Type == hub.Joined:
				failures = 0
				if !e.Recovered || e.Replayed == 0 {
					last = e.Position
				}
			case e.Type == hub.Message || e.Type == hub.Gap:
				last = e.Position
			}
			text, _ := e.Message()
			m.log(e.Type, e.Recovered, e.Position, text.String())
		}
		c.CloseNow()
		m.disconnected(spout.CloseCode(err))
	}
}

func (m *member) log(t hub.EnvelopeType, recovered bool, p hub.Position, text string) {
	e := faulttest.Event{At: time.Since(m.began), Recovered: recovered, Position: p}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch t {
	case hub.Joined:
		e.Kind = faulttest.Joined
		if m.times++; m.times > 1 {
			m.reconnects[len(m.reconnects)-1].took = e.At - m.lost
		}
		m.joined = true
	case hub.Message:
		e.Kind = faulttest.Received
		id, _, _ := strings.Cut(text, " ") // of a long message, more follows
		publisher, n, _ := strings.Cut(id, "/")
		e.Message.N, _ = strconv.Atoi(n)
		e.Message.Publisher = strings.Clone(publisher)
	case hub.Gap:
		e.Kind = faulttest.Gap
	default:
		return
	}
	m.events = append(m.events, e)
}

func (m *member) disconnected(code spout.Code) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.joined {
		m.joined, m.lost = false, time.Since(m.began)
		m.reconnects = append(m.reconnects, reconnect{lost: m.lost, code: code})
	}
}

func (m *member) isJoined() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.joined
}

// pause has it read nothing until the function that it returns is called.
func (m *member) pause() (resume func()) {
	paused := make(chan struct{})
	m.mu.Lock()
	m.paused = paused
	m.mu.Unlock()
	return func() {
		m.mu.Lock()
		m.paused = nil
		m.mu.Unlock()
		close(paused)
	}
}

// newDialer connects to nodes by a balancer.
func newDialer(c *cluster) *spout.Dialer {
	return &spout.Dialer{Client: &http.Client{Transport: &http.Transport{DialContext: c.dial}}}
}
