package faulttest

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/spoutws/spout/hub"
)

// Report is what Check found. Messages are counted once for each subscription that they concern.
type Report struct {
	Violations []string

	Acknowledged, Failed, Uncertain int // publishes

	Owed      int // acknowledged messages while somebody was subscribed
	Delivered int // of these
	Announced int // of these: not delivered, but told to be missing
	Lost      int // of these: neither. Owed - Delivered - Announced

	Repeated int // messages that came again on another connection, in rooms without history
}

// Check holds what was received against what was published:
//
//   - What is acknowledged comes to every subscription that was there, or its subscriber was told between
//     what it received before and after that something is missing.
//   - Nothing comes twice, or without having been published, or though its publisher was told that it failed.
//   - What comes of one publisher comes in its order, but for what was uncertain.
//   - In rooms without history, these two hold for each connection: nobody there knows what a member had on another one,
//     and another node may not have come as far. What came again is counted.
//   - In rooms with history, all receive the same messages at the same offsets, in the order of these, and
//     between two that one has received there is none that it has not.
func Check(publishes []Publish, subscriptions []Subscription) *Report {
	r := new(Report)
	rooms := map[string]*room{}
	of := func(name string) *room {
		if rooms[name] == nil {
			rooms[name] = &room{name: name, published: map[Message]Publish{}, byPublisher: map[string][]Publish{}, at: map[hub.Position]Message{}, offsets: map[string][]uint64{}}
		}
		return rooms[name]
	}
	for _, p := range publishes {
		switch p.Outcome {
		case Acknowledged:
			r.Acknowledged++
		case Failed:
			r.Failed++
		case Uncertain:
			r.Uncertain++
		}
		of(p.Room).publish(r, p)
	}
	for _, s := range subscriptions {
		of(s.Room).received(r, s)
	}
	for _, room := range rooms {
		for _, offsets := range room.offsets {
			slices.Sort(offsets)
		}
		for _, ps := range room.byPublisher {
			slices.SortFunc(ps, func(a, b Publish) int { return cmp.Compare(a.N, b.N) })
		}
	}
	for _, s := range subscriptions {
		(&reader{Subscription: s, room: of(s.Room), report: r, last: map[string]int{}, seen: map[Message]int{}}).check()
	}
	return r
}

func (r *Report) violation(format string, args ...any) {
	r.Violations = append(r.Violations, fmt.Sprintf(format, args...))
}

// room is what all logs together say of a room.
type room struct {
	name        string
	published   map[Message]Publish
	byPublisher map[string][]Publish // in their order
	at          map[hub.Position]Message
	offsets     map[string][]uint64 // of each epoch, in their order
}

func (m *room) publish(r *Report, p Publish) {
	if _, twice := m.published[p.Message]; twice {
		r.violation("room %s: the publishers' logs have %v twice", m.name, p.Message)
		return
	}
	m.published[p.Message] = p
	m.byPublisher[p.Publisher] = append(m.byPublisher[p.Publisher], p)
}

// received notes what stands where in the room's history.
func (m *room) received(r *Report, s Subscription) {
	for _, e := range s.Events {
		if e.Kind != Received || e.Position.IsZero() {
			continue
		}
		there, known := m.at[e.Position]
		if !known {
			m.at[e.Position] = e.Message
			m.offsets[e.Position.Epoch] = append(m.offsets[e.Position.Epoch], e.Position.Offset)
		} else if there != e.Message {
			r.violation("room %s: %s received %v at %v, where others received %v", m.name, s.Name, e.Message, e.Position, there)
		}
	}
}

// between returns the offsets after one and before another.
func (m *room) between(epoch string, after, before uint64) []uint64 {
	all := m.offsets[epoch]
	i, _ := slices.BinarySearch(all, after+1)
	j, _ := slices.BinarySearch(all, before)
	if i >= j {
		return nil
	}
	return all[i:j]
}

// reader goes through a subscription's log. From one notice that something may be missing to the next is
// a stretch, in which nothing may be.
type reader struct {
	Subscription
	room   *room
	report *Report
	joined bool
	first  time.Duration   // when it joined first
	last   map[string]int  // the last that came of each publisher, but for uncertain ones
	seen   map[Message]int // on which of its connections, counted from 1
	joins  int

	// Of this stretch:
	at     time.Duration    // when it began
	stands hub.Position     // where the subscriber stands
	ranges map[string]*span // of each publisher
}

// span is what came of a publisher in one stretch, but for uncertain ones.
type span struct{ first, last int }

func (s *reader) violation(format string, args ...any) {
	s.report.violation("room %s: %s %s", s.Room, s.Name, fmt.Sprintf(format, args...))
}

func (s *reader) check() {
	missing := map[Message]bool{}
	for i, e := range s.Events {
		if !s.joined && e.Kind != Joined {
			s.violation("has the event %d before it joined", i)
			return
		}
		if e.Kind == Joined {
			s.joins++
		}
		switch {
		case e.Kind == Received:
			s.receive(e)
		case e.Kind == Joined && s.joined && e.Recovered:
			s.recover(e)
		default:
			if s.joined {
				s.end(missing, false)
			} else {
				s.joined, s.first = true, e.At
			}
			if e.Position.Epoch == s.stands.Epoch && e.Position.Offset < s.stands.Offset {
				s.violation("stands at %v after it stood at %v", e.Position, s.stands)
			}
			s.at, s.stands, s.ranges = e.At, e.Position, map[string]*span{}
			if e.Kind == Joined && e.Position.IsZero() {
				clear(s.last)
			}
		}
	}
	if s.joined {
		s.end(missing, s.Ended)
		s.count(missing)
	}
}

// recover is a join that promises to go on where the one before ended.
func (s *reader) recover(e Event) {
	if e.Position.Epoch != s.stands.Epoch {
		s.violation("was recovered at %v after it stood at %v: in another epoch", e.Position, s.stands)
	}
}

func (s *reader) receive(e Event) {
	p, known := s.room.published[e.Message]
	switch {
	case !known:
		s.violation("received %v, which nobody published", e.Message)
		return
	case p.Outcome == Failed:
		s.violation("received %v, which its publisher was told had failed", e.Message)
	case s.seen[e.Message] > 0 && s.seen[e.Message] != s.joins && e.Position.IsZero():
		s.report.Repeated++
		s.seen[e.Message] = s.joins
		return
	case s.seen[e.Message] > 0:
		s.violation("received %v twice", e.Message)
		return
	}
	s.seen[e.Message] = s.joins

	if p.Outcome != Uncertain {
		if s.last[p.Publisher] > p.N {
			s.violation("received %v after %d of that publisher", e.Message, s.last[p.Publisher])
		}
		s.last[p.Publisher] = max(p.N, s.last[p.Publisher])
		if r := s.ranges[p.Publisher]; r == nil {
			s.ranges[p.Publisher] = &span{p.N, p.N}
		} else {
			r.first, r.last = min(r.first, p.N), max(r.last, p.N)
		}
	}
	s.move(e)
}

// move follows the order of the room's history.
func (s *reader) move(e Event) {
	switch {
	case e.Position.Epoch != s.stands.Epoch:
		s.violation("received %v at %v after it stood at %v: in another epoch", e.Message, e.Position, s.stands)
	case e.Position.IsZero():
		return
	case e.Position.Offset <= s.stands.Offset:
		s.violation("received %v at %v after it stood at %v", e.Message, e.Position, s.stands)
		return
	case e.Previous != 0 && e.Previous != s.stands.Offset:
		s.violation("received %v at %v, which follows %d, after it stood at %v", e.Message, e.Position, e.Previous, s.stands)
	}
	for _, offset := range s.room.between(s.stands.Epoch, s.stands.Offset, e.Position.Offset) {
		s.violation("received %v at %v after it stood at %v, without %v at %d between them",
			e.Message, e.Position, s.stands, s.room.at[hub.Position{Epoch: s.stands.Epoch, Offset: offset}], offset)
	}
	s.stands = e.Position
}

// end ends a stretch. What is acknowledged and was owed in it is missing if it did not come: from the
// first that came of its publisher, or what was begun in the stretch; up to the last that came, or the end.
func (s *reader) end(missing map[Message]bool, settled bool) {
	for publisher, all := range s.room.byPublisher {
		r := s.ranges[publisher]
		for _, p := range all {
			if r != nil && p.N > r.last && !settled || r == nil && !settled {
				break
			}
			if p.Outcome == Acknowledged && s.seen[p.Message] == 0 && !missing[p.Message] &&
				(p.Begun >= s.at || r != nil && p.N > r.first) {
				missing[p.Message] = true
				s.violation("never received %v, and was not told that it missed something", p.Message)
			}
		}
	}
	if settled {
		for _, offset := range s.room.between(s.stands.Epoch, s.stands.Offset, 1<<63) {
			s.violation("stands at %v in the end, without %d after it", s.stands, offset)
		}
	}
}

func (s *reader) count(missing map[Message]bool) {
	for _, all := range s.room.byPublisher {
		for _, p := range all {
			switch {
			case missing[p.Message]:
				s.report.Owed++
				s.report.Lost++
			case p.Outcome != Acknowledged || p.Begun < s.first || s.gone(p):
			case s.seen[p.Message] > 0:
				s.report.Owed++
				s.report.Delivered++
			default:
				s.report.Owed++
				s.report.Announced++
			}
		}
	}
}

// gone reports whether the subscriber had left before p could come.
func (s *reader) gone(p Publish) bool {
	if s.Ended || s.seen[p.Message] > 0 {
		return false
	}
	r := s.ranges[p.Publisher]
	return r == nil && p.Begun >= s.at || r != nil && p.N > r.last
}
