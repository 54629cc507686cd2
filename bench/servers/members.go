package servers

import (
	"slices"
	"sync"
)

// members are the connections that a message is sent to, for libraries that
// keep no list of them. One message is sent at a time, so that a connection
// that takes one writer at a time has no more.
type members[C comparable] struct {
	mu  sync.Mutex
	all []C
}

// join adds a connection and greets it.
func (m *members[C]) join(c C, greet func(C) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = append(m.all, c)
	return greet(c)
}

func (m *members[C]) leave(c C) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = slices.DeleteFunc(m.all, func(x C) bool { return x == c })
}

// each sends to all. Those that fail are found out when they are read.
func (m *members[C]) each(send func(C)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.all {
		send(c)
	}
}
