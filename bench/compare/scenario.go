package main

import (
	"github.com/spoutws/spout/bench/load"
	"github.com/spoutws/spout/bench/servers"
)

// scenario is a row of the comparison.
type scenario struct {
	name  string // what -scenario matches
	about string
	job   load.Job // without its address
	only  []string // libraries beside those that are whole; empty: see compared
}

func echo(name, about string, conns, size int) scenario {
	return scenario{name: name, about: about, job: load.Job{Setup: servers.Setup{Role: servers.Echo}, Conns: conns, Size: size}}
}

// scenarios are all rows, in the order of the report.
func scenarios() []scenario {
	return []scenario{
		echo("1x128", "1 connection, 128 B", 1, 128),
		echo("100x128", "100 connections, 128 B", 100, 128),
		echo("1000x128", "1,000 connections, 128 B", 1000, 128),
		echo("1000x1K", "1,000 connections, 1 KiB", 1000, 1<<10),
		echo("10000x1K", "10,000 connections, 1 KiB", 10000, 1<<10),
	}
}
