// Package brokertest is the tests that every [hub.Broker] must pass.
//
//	func TestBroker(t *testing.T) {
//		brokertest.Run(t, func(t testing.TB, nodes int) []hub.Broker { ... })
//	}
package brokertest

import (
	"testing"

	"github.com/spoutws/spout/hub"
)

// Open returns a broker as so many nodes see it: one Broker each, or the same for all if it is in one
// process. What one call returns has no rooms in common with what another returned. What must be closed
// is closed in t.Cleanup; t.Fatalf says that it could not be opened.
type Open func(t testing.TB, nodes int) []hub.Broker

// Run tests a broker, each part as a subtest. Of history and presence it tests what the broker has, and
// logs what it has not. A broker of a node that has a method Close() error must have its members leave by it.
func Run(t *testing.T, open Open) {
	run(t, "Rooms", rooms, open)

	one := open(t, 1)[0]
	if _, ok := one.(hub.HistoryBroker); ok {
		run(t, "RoomsWithHistory", rooms, overLogs(open))
		run(t, "History", histories, open)
	} else {
		t.Logf("%T keeps no history: it has no method OpenLog", one)
	}
	if _, ok := one.(hub.PresenceBroker); ok {
		run(t, "Presence", presences, open)
	} else {
		t.Logf("%T does not know who is in a room: it has not the methods of hub.PresenceBroker", one)
	}
}

type check struct {
	name string
	run  func(t testing.TB, open Open)
}

func run(t *testing.T, name string, checks []check, open Open) {
	t.Run(name, func(t *testing.T) {
		for _, c := range checks {
			t.Run(c.name, func(t *testing.T) { c.run(t, open) })
		}
	})
}
