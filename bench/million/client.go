//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"

	"github.com/spoutws/spout/bench/process"
)

// What a client can be asked.
const (
	askConnect = "connect" // a job
	askEcho    = "echo"    // whether the frames are to come in two pieces; the answer is how many came back
	askHeld    = "held"
	askClose   = "close" // the answer is how many closed as they should
)

type job struct {
	From  netip.Addr
	To    netip.AddrPort
	Conns int
}

// held is what a client has.
type held struct {
	Conns int
	Pongs int    // that it has sent
	Lost  string // why the first was lost of those that it has no more, "" if all are there
}

// runClient is a client's process. It ends with its input.
func runClient(in io.Reader, out io.Writer) error {
	f, err := newFleet()
	if err != nil {
		return err
	}
	return process.Answer(in, out, func(name string, argument json.RawMessage) (any, error) {
		switch name {
		case askConnect:
			var j job
			if err := json.Unmarshal(argument, &j); err != nil {
				return nil, err
			}
			return nil, f.connect(j.From, j.To, j.Conns)
		case askEcho:
			return f.echo(string(argument) == "true")
		case askHeld:
			return f.held(), nil
		case askClose:
			return f.hangUp()
		}
		return nil, fmt.Errorf("unknown question %q", name)
	})
}
