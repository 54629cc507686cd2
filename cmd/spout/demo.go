package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

const demoHelp = `spout demo starts a server with a page to try WebSockets with, in any browser.

  spout demo [flags]

  --addr HOST:PORT  where to listen (default 127.0.0.1:8888; port 0 lets the system choose)
  --nodes N         so many servers, on this port and those after it (default 1, at most 9): the
                    rooms of the chat are the same on all, over a NATS server within this program
  --nats URL        the same over a NATS server that runs elsewhere, with JetStream; nodes in
                    other processes have the same rooms
  --load N          bots that chat, so that the Live page has something to show (at most 1000)
  --token TOKEN     what the Live page asks for; without it, only this machine may use that page

The page is at /. A text sent to /websocket comes back as "You said: ..."; the paths
of spout serve are there as well. The Live page shows the connections and can close them.

Examples:
  spout
  spout demo --addr 127.0.0.1:0
  spout demo --nodes 3 --load 100
`

// demoOptions is what demo is told.
type demoOptions struct {
	addr  string
	nodes int
	nats  string
	bots  int
	token string
}

const maxNodes = 9

func runDemo(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parseDemo(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, demoHelp)
		return exitOK
	}
	if err != nil {
		return usage(stderr, "demo", err)
	}
	if err := o.run(ctx, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "spout demo: %v\n", err)
		return exitError
	}
	return exitOK
}

func parseDemo(args []string) (o demoOptions, err error) {
	o = demoOptions{addr: defaultAddr, nodes: 1}
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.StringVar(&o.addr, "addr", o.addr, "")
	flags.IntVar(&o.nodes, "nodes", o.nodes, "")
	flags.StringVar(&o.nats, "nats", "", "")
	flags.IntVar(&o.bots, "load", 0, "")
	flags.StringVar(&o.token, "token", "", "")
	operands, err := parse(flags, args)
	switch {
	case err != nil:
	case len(operands) > 0:
		err = fmt.Errorf("unexpected argument %q", operands[0])
	case o.nodes < 1 || o.nodes > maxNodes:
		err = fmt.Errorf("--nodes %d: 1 to %d are wanted", o.nodes, maxNodes)
	case o.bots < 0 || o.bots > maxBots:
		err = fmt.Errorf("--load %d: 0 to %d bots are wanted", o.bots, maxBots)
	}
	return o, err
}

// run serves until ctx ends.
func (o demoOptions) run(ctx context.Context, stdout, stderr io.Writer) error {
	connect, stop, err := o.broker(stderr)
	if err != nil {
		return err
	}
	defer stop()
	ns, err := newNodes(ctx, o, connect, stdout, stderr)
	if err != nil {
		return err
	}
	var urls []string
	for _, nd := range ns.list {
		urls = append(urls, nd.url)
	}
	fmt.Fprintf(stdout, `spout is listening. Open

    %[1]s

and then try

  %[3]s
  %[2]s serve . --addr 127.0.0.1:9000   your own files, with WebSockets beside them
  %[2]s help check                      is a server true to RFC 6455?

Ctrl-C stops it.
`, strings.Join(urls, "\n    "), invocation(), o.hint())
	loading := make(chan struct{})
	go func() {
		defer close(loading)
		if o.bots > 0 {
			load(ctx, urls, o.bots, ns.heard)
		}
	}()
	ns.run(ctx)
	<-loading
	return nil
}

// hint is the first thing to try.
func (o demoOptions) hint() string {
	if o.nodes > 1 {
		return "the Chat in a tab on each, then kill a node on the Live page: its tab moves on"
	}
	return "the Chat in two tabs: stop spout, start it again, and both come back"
}

// invocation is what to type for this program: "go run" leaves none that could be found again.
func invocation() string {
	if exe, err := os.Executable(); err == nil && strings.Contains(exe, "go-build") {
		return "go run ./cmd/spout"
	}
	return "spout"
}
