package main

import (
	"github.com/spoutws/spout/bench/load"
	"github.com/spoutws/spout/bench/servers"
)

// scenario is what is measured.
type scenario struct {
	name      string // what -scenario matches
	about     string
	nodes     int // more than one are connected by NATS
	job       load.Job
	libraries []*servers.Library
}

// scenarios are all of them, in the order of the report, with so many times fewer connections.
func scenarios(shrink int) []scenario {
	const size = 256
	rooms := func(conns, members, each int) load.Job {
		return load.Job{Kind: load.Busy, Setup: servers.Setup{Role: servers.Rooms}, Conns: conns / shrink, Size: size, Text: true,
			Members: min(members, conns/shrink), Rooms: each}
	}
	stored := rooms(3000, 3, 10)
	stored.Setup.History = true
	present := rooms(3000, 3, 10)
	present.Setup.Presence = true
	ours := servers.WithRooms[:1]
	return []scenario{
		{"room", "One room of 10,000 members", 1, rooms(10_000, 10_000, 1), servers.WithRooms},
		{"rooms", "10,000 rooms of 10: 10,000 connections, each in 10 rooms", 1, rooms(10_000, 10, 10), servers.WithRooms},
		{"nodes", "One publisher and 3 nodes: a room of 9,000, 3,000 on each", 3, rooms(9000, 9000, 1), ours},
		{"spread", "Many publishers and 3 nodes: 10,000 rooms of 3, one member on each node", 3, rooms(3000, 3, 10), ours},
		{"history", "The same with history: JetStream stores each message in a file of one server", 3, stored, ours},
		{"presence", "The same with presence, live", 3, present, ours},
	}
}
