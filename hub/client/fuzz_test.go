package client

import (
	"slices"
	"strconv"
	"testing"

	"github.com/spoutws/spout/hub"
)

// model is a server with a room, its history, and a connection, which does what a fuzzer says: all that a server
// may do, and some of what it may not.
type model struct {
	t      *testing.T
	client Client
	events []string // what the loop got: the numbers of messages, and "gap"

	epoch     int
	log       []logged // of this epoch
	kept      int      // of the log, from its end
	published int

	next  int // index in the log of what the connection is sent next
	leave bool
}

// logged is a message: its number counts what was published, its offset may leave some out.
type logged struct {
	number int
	offset uint64
}

func (m *model) position(offset uint64) hub.Position {
	return hub.Position{Epoch: "e" + strconv.Itoa(m.epoch), Offset: offset}
}

func (m *model) top() hub.Position {
	if len(m.log) == 0 {
		return m.position(0)
	}
	return m.position(m.log[len(m.log)-1].offset)
}

func (m *model) publish(step uint64) {
	m.published++
	m.log = append(m.log, logged{number: m.published, offset: m.top().Offset + step})
	m.kept++
}

// say sends an envelope. A connection that is of no use any more is followed by another.
func (m *model) say(e hub.Envelope) {
	e.Room = room
	err := m.client.deliverEnvelope(&e, func(e Event) bool {
		switch e.Type {
		case hub.Message:
			m.events = append(m.events, e.Message.String())
		case hub.Gap:
			m.events = append(m.events, string(e.Type))
		}
		stay := !m.leave
		m.leave = false
		return stay
	})
	if err != nil {
		m.rejoin(0)
	}
}

func (m *model) message(i int) {
	m.say(published(m.position(m.log[i].offset), strconv.Itoa(m.log[i].number)))
}

// had returns the index of a message that the loop has got.
func (m *model) had(n int) (i int, ok bool) {
	if len(m.log) == 0 {
		return 0, false
	}
	i = n % len(m.log)
	return i, slices.Contains(m.events, strconv.Itoa(m.log[i].number))
}

// deliver sends what is next.
func (m *model) deliver() {
	if m.next < len(m.log) {
		m.next++ // before, since it may lead to another connection
		m.message(m.next - 1)
	}
}

// rejoin is a new connection. The last messages are lost on their way, though the server said that they follow.
func (m *model) rejoin(lost int) {
	m.client.rooms.disconnected()
	since, top := m.client.rooms.position(), m.top()
	e := hub.Envelope{Type: hub.Joined, Position: top}
	m.next = len(m.log)
	if since.Epoch == top.Epoch && since.Offset <= top.Offset {
		for m.next > 0 && m.log[m.next-1].offset > since.Offset {
			m.next--
		}
		if e.Recovered = len(m.log)-m.next <= m.kept; !e.Recovered {
			m.next = len(m.log)
		}
		e.Replayed = len(m.log) - m.next
	} else if since.IsZero() {
		e.Replayed = min(2, m.kept)
		m.next -= e.Replayed
	}
	end := len(m.log) - min(lost, e.Replayed)
	m.say(e)
	if lost > 0 {
		for m.next < end {
			m.deliver()
		}
		m.next = len(m.log)
	}
}

// do takes a step.
func (m *model) do(what, how byte) {
	switch n := int(how); what % 11 {
	case 0, 1:
		m.publish(uint64(n%3) + 1)
	case 2, 3:
		for range n%4 + 1 {
			m.deliver()
		}
	case 4: // again
		if i, ok := m.had(n); ok {
			m.message(i)
		}
	case 5:
		m.rejoin(0)
	case 6:
		m.rejoin(n % 4)
	case 7: // the broker has lost something, and the room knows it
		m.next = len(m.log)
		m.say(hub.Envelope{Type: hub.Gap, Position: m.top(), Reason: "the broker"})
	case 8: // a gap that was held up
		if i, ok := m.had(n); ok {
			m.say(hub.Envelope{Type: hub.Gap, Position: m.position(m.log[i].offset), Reason: "the broker"})
		}
	case 9:
		switch n % 4 {
		case 0: // the history is lost, and the room knows it
			m.epoch++
			m.log, m.kept, m.next = nil, 0, 0
			m.say(hub.Envelope{Type: hub.Gap, Position: m.top(), Reason: "the broker"})
		case 1: // and nobody knows it
			m.epoch++
			m.log, m.kept, m.next = nil, 0, 0
		default: // some of it was too old
			m.kept /= n % 4
		}
	case 10:
		m.leave = true
	}
}

// check holds what the loop got against what was published.
func (m *model) check() {
	last, told := 0, true
	for _, e := range m.events {
		if e == string(hub.Gap) {
			told = true
			continue
		}
		number, err := strconv.Atoi(e)
		switch {
		case err != nil:
			m.t.Fatal(err)
		case number <= last:
			m.t.Errorf("message %d comes after %d: %v", number, last, m.events)
		case number != last+1 && !told:
			m.t.Errorf("nobody told of what is missing between %d and %d: %v", last, number, m.events)
		}
		last, told = number, false
	}
	if last != m.published {
		m.t.Errorf("of %d messages, the last one is not there: %v", m.published, m.events)
	}
}

// FuzzRecovery has a Client meet a server that loses connections, messages and histories. Whatever happens, no message comes
// twice or out of order, and none is missing unless a gap was told of before the next.
func FuzzRecovery(f *testing.F) {
	f.Add([]byte("")) // a byte for what is done, and one for how
	for _, steps := range [][]byte{
		{0, 0, 0, 1, 2, 3, 0, 0, 5, 0, 2, 0},                          // recovered
		{0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 2, 3, 4, 1},                    // duplicates
		{0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 9, 3, 5, 0, 0, 0, 2, 0},        // not recovered
		{0, 0, 2, 0, 0, 0, 0, 0, 6, 1, 0, 0, 2, 3},                    // a replay that is too short
		{0, 0, 2, 0, 0, 0, 7, 0, 0, 0, 2, 0},                          // a gap
		{0, 0, 0, 0, 2, 1, 8, 0, 4, 1, 0, 0, 2, 0},                    // a gap that was held up
		{0, 0, 2, 0, 0, 0, 9, 0, 0, 0, 2, 0, 9, 1, 0, 0, 2, 0},        // new epochs
		{0, 0, 2, 0, 0, 0, 0, 0, 6, 1, 0, 0, 10, 0, 2, 0, 0, 0, 2, 3}, // the loop is left at a gap
	} {
		f.Add(steps)
	}
	f.Fuzz(func(t *testing.T, steps []byte) {
		m := &model{t: t}
		m.rejoin(0)
		for steps := steps[:min(len(steps), 400)]; len(steps) >= 2; steps = steps[2:] {
			m.do(steps[0], steps[1])
		}
		// In the end all is well, and the last message comes.
		m.leave = false
		m.rejoin(0)
		m.publish(1)
		for m.next < len(m.log) {
			m.deliver()
		}
		m.check()
	})
}
