//go:build unix

// Command faults injects faults into a NATS server and three nodes with clients, and tells whether a
// message was lost without a word. The server and the nodes are processes of their own, so that killing
// and stopping them is real; between them are proxies that hold back or swallow what passes. Package
// faulttest judges the logs of publishers and members.
//
// Run it at the root of the repository: make faults. It exits with status 1 if there is a violation.
// With -write it writes docs/faults.md, too.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// document is what -write writes.
const document = "docs/faults.md"

func main() {
	if config, ok := os.LookupEnv(nodeVariable); ok {
		exit(runNode(config))
	}
	var p plan
	flag.IntVar(&p.clients, "clients", 3000, "members, in rooms of 10")
	flag.IntVar(&p.injections, "injections", 100, "how many faults")
	flag.IntVar(&p.burst, "burst", 10000, "messages a second that are offered while a node is killed")
	quick := flag.Bool("quick", false, "what CI does: 300 clients, 10 injections, a burst of 2000")
	write := flag.Bool("write", false, "write "+document)
	flag.Uint64Var(&p.seed, "seed", 0, "of the faults and when they come; 0 takes one at random")
	flag.StringVar(&p.only, "only", "", "one kind of fault alone")
	flag.Parse()
	if *quick {
		only, seed := p.only, p.seed
		p = small
		p.only, p.seed = only, seed
	}
	if p.seed == 0 {
		p.seed = rand.Uint64N(1 << 32)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit(run(ctx, p, *write))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// progress tells what is being done now.
func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s faults: %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

func run(ctx context.Context, p plan, write bool) error {
	progress("seed %d", p.seed)
	r, err := p.run(ctx)
	if err != nil {
		return err
	}
	r.print(os.Stdout)
	if write {
		if err := os.WriteFile(document, []byte(r.markdown()), 0o666); err != nil {
			return err
		}
	}
	if n := r.violations(); n > 0 {
		return fmt.Errorf("%d violations", n)
	}
	return nil
}
