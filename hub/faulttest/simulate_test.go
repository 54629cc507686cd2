package faulttest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/spoutws/spout/hub"
)

// A simulation is a room with publishers and subscribers among faults, and a broker that tells whatever
// it loses. Each step is a tick of the clock.
type simulation struct {
	random  *rand.Rand
	history bool
	now     time.Duration
	count   map[string]int
	logged  []entry // the room's history, of all that was published
	offset  uint64

	publishes []Publish
	members   []*simulated
}

type entry struct {
	m        Message
	position hub.Position
	previous uint64
}

// simulated is a subscriber.
type simulated struct {
	Subscription
	connected bool
	next      int                // in logged, with history
	pending   map[string][]entry // of each publisher, without
}

// simulate returns true logs.
func simulate(seed uint64, history bool) ([]Publish, []Subscription) {
	s := &simulation{random: rand.New(rand.NewPCG(seed, 1)), history: history, count: map[string]int{}}
	for i := range 4 {
		s.members = append(s.members, &simulated{Subscription: Subscription{Name: fmt.Sprint("subscriber ", i), Room: "room", Ended: true}})
	}
	for range 400 {
		s.now++
		m := s.members[s.random.IntN(len(s.members))]
		switch n := s.random.IntN(100); {
		case n < 45:
			s.publish()
		case n < 90:
			for range s.random.IntN(8) {
				s.deliver(m)
			}
		case n < 92:
			m.connected = false
		case n < 98:
			s.join(m)
		default:
			s.gap(m)
		}
	}
	var subscriptions []Subscription
	for i, m := range s.members {
		s.now++
		s.join(m)
		s.publish()
		if i == 0 { // one has left
			m.Ended = false
			m.connected = false
		}
	}
	for _, m := range s.members {
		for m.connected && s.deliver(m) {
			s.now++
		}
		subscriptions = append(subscriptions, m.Subscription)
	}
	return s.publishes, subscriptions
}

func (s *simulation) publish() {
	publisher := fmt.Sprint("publisher ", s.random.IntN(3))
	s.count[publisher]++
	p := Publish{Message: Message{publisher, s.count[publisher]}, Room: "room", Begun: s.now, Outcome: Acknowledged}
	switch s.random.IntN(12) {
	case 0:
		p.Outcome = Failed
	case 1, 2:
		p.Outcome = Uncertain
	}
	s.publishes = append(s.publishes, p)
	if p.Outcome == Failed || p.Outcome == Uncertain && s.random.IntN(2) == 0 {
		return
	}
	e := entry{m: p.Message}
	if s.history {
		previous := s.offset
		s.offset += 1 + s.random.Uint64N(3)
		e.position, e.previous = hub.Position{Epoch: "e", Offset: s.offset}, previous
	}
	s.logged = append(s.logged, e)
	for _, m := range s.members {
		if m.connected {
			m.pending[publisher] = append(m.pending[publisher], e)
		}
	}
}

// deliver has one message come, if there is one.
func (s *simulation) deliver(m *simulated) bool {
	if !m.connected {
		return false
	}
	var e entry
	switch {
	case s.history && m.next == len(s.logged):
		return false
	case s.history:
		e = s.logged[m.next]
		m.next++
	default:
		var from []string
		for publisher, pending := range m.pending {
			if len(pending) > 0 {
				from = append(from, publisher)
			}
		}
		if len(from) == 0 {
			return false
		}
		slices.Sort(from)
		publisher := from[s.random.IntN(len(from))]
		e, m.pending[publisher] = m.pending[publisher][0], m.pending[publisher][1:]
	}
	m.Events = append(m.Events, Event{Kind: Received, At: s.now, Message: e.m, Position: e.position, Previous: e.previous})
	return true
}

func (s *simulation) top() hub.Position {
	if !s.history {
		return hub.Position{}
	}
	return hub.Position{Epoch: "e", Offset: s.offset}
}

func (s *simulation) join(m *simulated) {
	if m.connected {
		return
	}
	m.connected = true
	e := Event{Kind: Joined, At: s.now, Position: s.top()}
	if s.history && len(m.Events) > 0 && s.random.IntN(3) > 0 {
		e.Recovered = true
		if m.next < len(s.logged) {
			e.Position.Offset = s.logged[m.next].previous
		}
	} else {
		m.next = len(s.logged)
	}
	m.pending = map[string][]entry{}
	m.Events = append(m.Events, e)
}

// gap has what is under way lost.
func (s *simulation) gap(m *simulated) {
	if m.connected {
		m.pending = map[string][]entry{}
		m.next = len(s.logged)
		m.Events = append(m.Events, Event{Kind: Gap, At: s.now, Position: s.top()})
	}
}
