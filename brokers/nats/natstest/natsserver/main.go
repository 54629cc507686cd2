// Natsserver is a NATS server for tests that kill and stop it: package natstest builds and starts it.
// Its argument is a natstest.Config in JSON. It prints a line when it takes connections, and ends with
// its standard input, and so with the process that started it.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spoutws/spout/brokers/nats/natstest"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: natsserver '{...}', a natstest.Config in JSON")
	}
	var config natstest.Config
	if err := json.Unmarshal([]byte(os.Args[1]), &config); err != nil {
		return err
	}
	s, err := natstest.Run(config)
	if err != nil {
		return err
	}
	fmt.Println(s.ClientURL())
	io.Copy(io.Discard, os.Stdin) // whatever ends it
	s.Shutdown()
	s.WaitForShutdown()
	return nil
}
