// Package faulttest tells from the logs of publishers and subscribers whether something was lost without
// a word. It does no I/O: who injects faults, and how the logs come about, is somebody else's.
package faulttest

import (
	"fmt"
	"time"

	"github.com/spoutws/spout/hub"
)

// Outcome is what a publisher knows of a message.
type Outcome uint8

// What a publisher may know.
const (
	Uncertain    Outcome = iota // no answer came: it was published or not
	Acknowledged                // it was published
	Failed                      // it was not
)

// Message says which message it is: the Nth that a publisher tried to publish in the room. A message is
// tried once; what is tried again is another.
type Message struct {
	Publisher string
	N         int // from 1
}

func (m Message) String() string { return fmt.Sprintf("%s/%d", m.Publisher, m.N) }

// Publish is a line of a publisher's log. Times are those of one clock for all logs.
type Publish struct {
	Message
	Room    string
	Begun   time.Duration // before the attempt
	Outcome Outcome
}

// Subscription is the log of who receives a room, over all its connections.
type Subscription struct {
	Name   string
	Room   string
	Events []Event
	Ended  bool // it was still in the room when everything had settled; else nothing is owed after its last event
}

// Kind says what an Event is.
type Kind uint8

// What may happen to a subscriber.
const (
	Joined   Kind = iota // it is in the room, for the first time or again; unless Recovered, something before may be missing
	Received             // a message came
	Gap                  // it was told that something before may be missing
)

// Event is a line of a subscriber's log.
type Event struct {
	Kind      Kind
	At        time.Duration
	Recovered bool         // of Joined: all that was missed follows
	Message   Message      // of Received
	Position  hub.Position // where it stands after that; zero in rooms without history
	Previous  uint64       // of Received: the offset of the message before it, if that is known
}
