// Command soak runs a server and many different clients for a long time, and tells whether anything was
// lost and whether memory stayed flat.
//
// The server is a process of its own, which this one starts. Each client numbers its messages over all
// its connections, and holds every echo against what it sent. Its connections end in all ways: closed by
// either side, dropped, reset in mid-message, given up because nobody reads. On the next one the server
// says which of the client's messages was its last: that may be behind nothing that was acknowledged by
// an echo, and after an orderly end it is exactly known.
//
// It exits with status 1 if a message or an answer was lost, doubled or changed, if a connection ended
// otherwise than it had to, if goroutines or descriptors are left over, or if the memory of a process
// has grown from the first third of the time to the last.
//
// Run it at the root of the repository: make soak, or make soak SOAK=1m.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	var load load
	flag.DurationVar(&load.duration, "for", 10*time.Minute, "how long the clients talk")
	flag.IntVar(&load.clients, "clients", 200, "how many clients there are")
	asServer := flag.Bool("server", false, "be the server process")
	flag.Parse()
	var err error
	if *asServer {
		err = serve(os.Stdin, os.Stdout)
	} else {
		err = load.run(os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}
