package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spoutws/spout"
)

// kind is a sort of client.
type kind struct {
	name   string
	share  int // of all clients, in percent
	typ    spout.Type
	size   int           // of the largest message, in bytes
	window int           // messages that may wait for their echo
	pause  time.Duration // on average, between two messages
	stream bool          // messages are written and read as streams, in fragments
	served bool          // echoes come to a handler
	pings  bool          // pings are sent all the time
	slow   time.Duration // how long each echo takes to be handled
	stuck  bool          // nothing is read at all, until the server gives up
}

var kinds = []kind{
	{name: "text", share: 25, typ: spout.TextMessage, size: 2000, window: 8, pause: 40 * time.Millisecond},
	{name: "binary", share: 20, typ: spout.BinaryMessage, size: 4000, window: 8, pause: 40 * time.Millisecond},
	{name: "large", share: 10, typ: spout.BinaryMessage, size: maxSize, window: 4, pause: 200 * time.Millisecond},
	{name: "streams", share: 15, typ: spout.TextMessage, size: 60_000, window: 4, pause: 100 * time.Millisecond, stream: true},
	{name: "handlers", share: 15, typ: spout.TextMessage, size: 2000, window: 8, pause: 40 * time.Millisecond, served: true, pings: true},
	{name: "slow readers", share: 9, typ: spout.BinaryMessage, size: 100_000, window: 64, pause: 10 * time.Millisecond, slow: 50 * time.Millisecond},
	{name: "idle", share: 4, typ: spout.TextMessage, size: 100, window: 1, pause: 10 * time.Second},
	{name: "stuck readers", share: 2, typ: spout.BinaryMessage, size: 100_000, window: 1000, stuck: true},
}

// kindOf returns the kind of a client: any hundred clients in a row have the shares of all.
func kindOf(id int) kind {
	// Spread over the hundred, so that few clients have many kinds too.
	at := id * 37 % 100
	for _, k := range kinds {
		if at -= k.share; at < 0 {
			return k
		}
	}
	panic("the shares are no hundred")
}

// compressions are what clients offer, in turn.
var compressions = []*spout.Deflate{nil, narrow, none, wide, narrow}

func kindNames() string {
	var names []string
	for _, k := range kinds {
		names = append(names, fmt.Sprintf("%d%% %s", k.share, k.name))
	}
	return strings.Join(names, ", ")
}
