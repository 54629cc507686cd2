//go:build linux

// Command million holds as many WebSocket connections as it is told to, a million unless told
// otherwise, on one machine, and tells what they cost. The servers are spout's behind net/http, with
// its defaults but for the time between pings; they and the clients are spread over processes, since neither the
// descriptors of a process nor the ports between two addresses suffice for a million.
//
// Each connection echoes a message, another whose frame comes in two pieces, and after the time in which it
// is only held a third; the pings that come meanwhile are answered, as the servers bear witness. What is
// printed as its memory is what the servers' processes hold then, after a collection.
//
// Run it at the root of the repository: make million.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

// What this program is started with again.
const (
	serverArgument = "server"
	clientArgument = "client"
)

func main() {
	err := func() error {
		if len(os.Args) == 2 {
			switch os.Args[1] {
			case serverArgument:
				return runServer(os.Stdin, os.Stdout)
			case clientArgument:
				return runClient(os.Stdin, os.Stdout)
			}
		}
		var p plan
		flag.IntVar(&p.conns, "n", 1_000_000, "how many connections")
		flag.IntVar(&p.each, "each", 0, "how many of them to one server; default: as many as the system allows")
		flag.DurationVar(&p.ping, "ping", 2*time.Minute, "the time between a server's pings")
		flag.DurationVar(&p.hold, "hold", 130*time.Second, "how long the connections are held")
		flag.Parse()
		if flag.NArg() > 0 || p.conns < 1 || p.each < 0 {
			flag.Usage()
			os.Exit(2)
		}
		return p.run(os.Stdout)
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "million:", err)
		os.Exit(1)
	}
}
