package main

import (
	"strings"
	"time"

	"github.com/spoutws/spout/bench/load"
	"github.com/spoutws/spout/bench/servers"
	"github.com/spoutws/spout/bench/wire"
)

// scenario is what is measured side by side.
type scenario struct {
	name  string // what -scenario matches
	about string
	job   load.Job // without its address
	large bool     // spout-stream and spout-release are measured, too
	shown []metric // in the overview
}

// scenarios are all of them, in the order of the report.
func scenarios() []scenario {
	echo := servers.Setup{Role: servers.Echo}
	wss := servers.Setup{Role: servers.Echo, TLS: true}
	compressed := func(m wire.Mode) servers.Setup { return servers.Setup{Role: servers.Echo, Compression: m} }
	busy := func(name, about string, s servers.Setup, conns, size int) scenario {
		return scenario{name: name, about: about, job: load.Job{Kind: load.Busy, Setup: s, Conns: conns, Size: size}, shown: []metric{cpu}}
	}
	list := []scenario{
		busy("1x128", "1 connection, 128 B", echo, 1, 128),
		busy("100x128", "100 connections, 128 B", echo, 100, 128),
		busy("1000x128", "1,000 connections, 128 B", echo, 1000, 128),
		busy("1000x1K", "1,000 connections, 1 KiB", echo, 1000, 1<<10),
		busy("10000x1K", "10,000 connections, 1 KiB", echo, 10000, 1<<10),
		busy("text", "100 connections, text of 1 KiB", echo, 100, 1<<10),
		busy("pipelined", "64 connections, 16 messages of 128 B in flight", echo, 64, 128),
		busy("16x64K", "16 connections, 64 KiB", echo, 16, 64<<10),
		busy("16x1M", "16 connections, 1 MiB", echo, 16, 1<<20),
		busy("wss-100x128", "wss, 100 connections, 128 B", wss, 100, 128),
		busy("wss-100x1K", "wss, 100 connections, 1 KiB", wss, 100, 1<<10),
		busy("deflate", "64 connections, compressed 4 KiB, no takeover", compressed(wire.Without), 64, 4<<10),
		busy("takeover", "64 connections, compressed 4 KiB, takeover both ways", compressed(wire.Both), 64, 4<<10),
		busy("broadcast", "256 B to each of 1,000 connections; a delivery", servers.Setup{Role: servers.Broadcast}, 1000, 256),
		{name: "blocking", about: "1,000 connections whose handlers wait for 20 ms", shown: []metric{rate, cpu},
			job: load.Job{Kind: load.Busy, Setup: servers.Setup{Role: servers.Echo, Pause: 20 * time.Millisecond}, Conns: 1000, Size: 128}},
		{name: "handshake", about: "handshake: connect, upgrade, close; 8 at a time", shown: []metric{cpu},
			job: load.Job{Kind: load.Handshakes, Setup: echo, Conns: 8}},
		{name: "wss-handshake", about: "handshake with TLS: connect, upgrade, close; 8 at a time", shown: []metric{cpu},
			job: load.Job{Kind: load.Handshakes, Setup: wss, Conns: 8}},
		{name: "idle", about: "one of 10,000 idle connections", shown: []metric{memory, goroutines},
			job: load.Job{Kind: load.Idle, Setup: echo, Conns: 10000, Size: 1 << 10}},
		{name: "wss-idle", about: "one of 2,000 idle wss connections", shown: []metric{memory, goroutines},
			job: load.Job{Kind: load.Idle, Setup: wss, Conns: 2000, Size: 1 << 10}},
	}
	for i := range list {
		switch sc := &list[i]; sc.name {
		case "1x128":
			sc.shown = []metric{cpu, p50}
		case "text":
			sc.job.Text = true
		case "pipelined":
			sc.job.Depth = 16
		case "16x64K", "16x1M":
			sc.large = true
		}
	}
	return list
}

// libraries returns those that are measured in a scenario where nobody names them.
func (sc scenario) libraries() (list []*servers.Library) {
	for _, l := range servers.All {
		wanted := true
		switch l.Name {
		case "spout-stream", "spout-release":
			wanted = sc.large
		case "spout-level3":
			wanted = sc.job.Setup.Compression.Send
		}
		if wanted {
			list = append(list, l)
		}
	}
	return list
}

// title returns what it is about, as the beginning of a sentence.
func (sc scenario) title() string { return strings.ToUpper(sc.about[:1]) + sc.about[1:] }

// detail returns what the table of the scenario shows of each library, beside its first metric.
func (sc scenario) detail() []metric {
	switch {
	case sc.job.Kind == load.Idle:
		return []metric{goroutines}
	case sc.job.Setup.Compression.Compressed():
		return []metric{rate, p50, p99, p999, allocs, allocBytes, wireBytes}
	}
	return []metric{rate, p50, p99, p999, allocs, allocBytes}
}
