package hub

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Broker carries what is published in a room to every node that subscribes to the room: to one process
// ([Memory]) or to many. It neither reads nor changes what it carries. All methods may be called from
// any goroutine; a room may have any name that [CheckRoom] accepts. Package brokertest tests one.
//
// A Broker that can also keep messages is a [HistoryBroker], one that knows who is in a room a
// [PresenceBroker].
type Broker interface {
	// Publish hands data to every subscription of the room, those of this node too. It returns nil when
	// the broker has taken it: what is lost afterwards is announced by [Subscriber.Lost]. Any other
	// error means that nothing was published, unless it is [ErrUncertain]. Publish keeps no reference
	// to data.
	Publish(ctx context.Context, room string, data []byte) error

	// Subscribe has s receive what is published in the room from now on: whatever Publish takes after
	// Subscribe has returned, on any node. cancel ends that; it does not wait for a call of s that is
	// under way. There may be several subscriptions of a room.
	Subscribe(ctx context.Context, room string, s Subscriber) (cancel func(), err error)
}

// Subscriber receives what a Broker carries for a room, one call after the other. Its methods return
// soon: others wait for them.
type Subscriber interface {
	// Deliver receives what was published, in the order of each publisher, each once.
	Deliver(d Delivery)
	// Lost says that what was published since the last Deliver may be missing, and why. What follows is
	// whole again. It is called at the latest when the broker delivers again. reason is not nil.
	Lost(reason error)
}

// Delivery is what was published.
type Delivery struct {
	Data     []byte   // not to be changed, but may be kept
	Position Position // of this message, in a Log
	Previous uint64   // the offset of the message before it in the room, in a Log; 0 if none is known
}

// ErrUncertain says that a broker's answer did not come: the message was published or not.
var ErrUncertain = errors.New("hub: it is not known whether the message was published")

// History says how much of a room a Log keeps. Zero fields are the defaults.
type History struct {
	Size int           // messages of a room, 100 by default
	Age  time.Duration // how long, 1 hour by default
}

// HistoryBroker is a Broker that can keep what is published.
type HistoryBroker interface {
	Broker
	// OpenLog returns rooms whose messages are kept. They are others than those of Publish and Subscribe,
	// even if they have the same names.
	OpenLog(ctx context.Context, h History) (Log, error)
}

// Log carries messages like a Broker, and keeps the last ones of each room.
type Log interface {
	// Append adds data to the room's history and publishes it, in one step: all subscriptions receive
	// the messages of a room in the order of its history. Else it is like Broker.Publish.
	Append(ctx context.Context, room string, data []byte) error

	// Subscribe is like Broker.Subscribe, and returns where the room stands: the first Delivery has
	// top.Offset as its Previous. top is not zero, if only its epoch.
	Subscribe(ctx context.Context, room string, s Subscriber) (top Position, cancel func(), err error)

	// Since returns what was appended after p; for the zero Position, what is kept. It knows of everything that any
	// subscription was delivered before Since was called.
	Since(ctx context.Context, room string, p Position) (Replay, error)
}

// Replay is a part of a room's history.
type Replay struct {
	Missed   []Delivery // oldest first; nil if it is not complete
	Top      Position   // of the last message; where the room stands if there is none
	Complete bool       // Missed is all that was appended; false if something of it is not kept any more
}

// Member is who is in a room, on whatever node.
type Member struct {
	ID   string          `json:"id"`             // of this connection in this room, never used twice
	Node string          `json:"node"`           // where it is connected
	Data json.RawMessage `json:"data,omitempty"` // the application's, from JoinOptions
}

// PresenceEvent says that somebody came or went.
type PresenceEvent struct {
	Member Member
	Left   bool
}

// PresenceBroker is a Broker that knows who is in a room, over all nodes. When a node has died, its
// members have left within 3 s.
type PresenceBroker interface {
	Broker
	// Enter adds a member of this node. m.Node is the broker's to fill in.
	Enter(ctx context.Context, room string, m Member) error
	// Exit takes it away. If others can't be told now they are told later; the same goes for Enter unless it
	// returns an error, after which Exit is called all the same.
	Exit(ctx context.Context, room, id string) error
	// Members returns who is in the room, in no particular order.
	Members(ctx context.Context, room string) ([]Member, error)
	// Watch has f called for those who come and go from now on, one call after the other, each time once;
	// for members of this node too. cancel ends that.
	Watch(ctx context.Context, room string, f func(PresenceEvent)) (cancel func(), err error)
}
