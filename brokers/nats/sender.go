package natsbroker

import (
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/spoutws/spout/brokers/nats/internal/wire"
)

// senders counts what this node publishes, room by room.
type senders struct {
	nc   *nats.Conn
	node uint64

	mu          sync.Mutex
	bySubject   map[string]*sender
	incarnation uint64
}

// sender is how far this node has come in a room.
type sender struct {
	mu          sync.Mutex
	incarnation uint64
	number      uint64
	at          time.Time // of the last message
	marked      bool      // who listens was told how far it came, or need not be
	gone        bool      // from senders
}

// lock returns the sender of a subject, locked.
func (all *senders) lock(subject string) *sender {
	for {
		all.mu.Lock()
		s := all.bySubject[subject]
		if s == nil {
			all.incarnation++
			s = &sender{incarnation: all.incarnation, marked: true}
			all.bySubject[subject] = s
		}
		all.mu.Unlock()
		s.mu.Lock()
		if !s.gone {
			return s
		}
		s.mu.Unlock()
	}
}

// publish sends data to all who listen. If there is an error that is certain, nothing was sent.
func (all *senders) publish(subject string, data []byte) error {
	s := all.lock(subject)
	defer s.mu.Unlock()
	err := all.send(s, subject, data)
	if !isCertain(err) {
		s.advance()
	}
	return err
}

// isCertain reports whether an error says that nothing of a message was written.
func isCertain(err error) bool {
	return errors.Is(err, nats.ErrReconnectBufExceeded) || errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, nats.ErrMaxPayload)
}

// publishOrMiss is publish for messages that must come or be missed: if it can't send, who listens
// notices that by the next message or mark.
func (all *senders) publishOrMiss(subject string, data []byte) error {
	s := all.lock(subject)
	defer s.mu.Unlock()
	defer s.advance()
	return all.send(s, subject, data)
}

func (s *sender) advance() {
	s.number++
	s.at = time.Now()
	s.marked = false
}

func (all *senders) send(s *sender, subject string, data []byte) error {
	f := wire.Frame{Node: all.node, Incarnation: s.incarnation, Number: s.number + 1}
	if s.number > 0 {
		f.Age = time.Since(s.at)
	}
	return all.nc.Publish(subject, append(f.AppendTo(make([]byte, 0, wire.MaxFrame+len(data))), data...))
}

// unmark has all who listen told once more how far this node has come in the rooms it published in lately.
func (all *senders) unmark() { all.each(func(_ string, s *sender) { s.marked = false }) }

// mark tells who listens how far this node has come where it has published nothing for so long. What is
// missing at the end of all is noticed so. It also forgets rooms that have been idle for long.
func (all *senders) mark(quiet time.Duration) (err error) {
	now := time.Now()
	all.each(func(subject string, s *sender) {
		switch age := now.Sub(s.at); {
		case err != nil:
		case !s.marked && age >= quiet:
			f := wire.Frame{Mark: true, Node: all.node, Incarnation: s.incarnation, Number: s.number, Age: age}
			err = all.nc.Publish(subject, f.AppendTo(nil))
			s.marked = err == nil
		case s.marked && age > publisherIdle:
			s.gone = true
			delete(all.bySubject, subject)
		}
	})
	return err
}

// each calls f with every sender, locked. f may delete its own from the map.
func (all *senders) each(f func(subject string, s *sender)) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for subject, s := range all.bySubject {
		s.mu.Lock()
		f(subject, s)
		s.mu.Unlock()
	}
}
