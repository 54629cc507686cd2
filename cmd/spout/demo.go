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

  spout demo [--addr HOST:PORT]

  --addr HOST:PORT  where to listen (default 127.0.0.1:8888; port 0 lets the system choose)

The page is at /. A text sent to /websocket comes back as "You said: ..."; the paths
of spout serve are there as well.

Examples:
  spout
  spout demo --addr 127.0.0.1:0
`

func runDemo(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	// A program pasted into a console may say localhost where the page says 127.0.0.1.
	cfg := config{addr: defaultAddr, maxMessage: defaultMaxMessage, loopbackOrigins: true, compress: true}
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.StringVar(&cfg.addr, "addr", cfg.addr, "")
	operands, err := parse(flags, args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, demoHelp)
		return exitOK
	}
	if err == nil && len(operands) > 0 {
		err = fmt.Errorf("unexpected argument %q", operands[0])
	}
	if err != nil {
		return usage(stderr, "demo", err)
	}
	return cfg.serve(ctx, "demo", stdout, stderr, func(s *server) {
		fmt.Fprintf(stdout, `spout is listening. Open

    %[1]s

and then try

  the Chat in two tabs: stop spout, start it again, and both come back
  %[2]s serve . --addr 127.0.0.1:9000   your own files, with WebSockets beside them
  %[2]s help check                      is a server true to RFC 6455?

Ctrl-C stops it.
`, s.url(), invocation())
	})
}

// invocation is what to type for this program: "go run" leaves none that could be found again.
func invocation() string {
	if exe, err := os.Executable(); err == nil && strings.Contains(exe, "go-build") {
		return "go run ./cmd/spout"
	}
	return "spout"
}
