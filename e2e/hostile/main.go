// Command hostile shows what attacks and faults do to a server: row by row what the library's own
// tests of threats have seen, each with its bound, and what became of the hostile cases of "spout
// check" against "spout serve". Beside it, it asks servers of other libraries the same cases. It
// exits with status 1 if a row does not hold.
//
// Run it at the root of the repository: make hostile. With -write it also writes docs/hostile.md,
// in which other libraries have totals only.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spoutws/spout/e2e/peers"
)

// document is what -write writes.
const document = "docs/hostile.md"

func main() {
	if ran, err := peers.RunServer(); ran {
		exit(err)
	}
	others := flag.Bool("others", true, "ask servers of other libraries, too")
	write := flag.Bool("write", false, "write "+document)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	held, err := run(ctx, *others, *write)
	if err == nil && !held {
		err = fmt.Errorf("not every row holds")
	}
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "hostile:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// progress tells what is being done now.
func progress(what string) {
	fmt.Fprintf(os.Stderr, "%s hostile: %s\n", time.Now().Format(time.TimeOnly), what)
}

// run measures and prints everything, and reports whether all rows hold.
func run(ctx context.Context, others, write bool) (held bool, err error) {
	start := time.Now()
	progress("the tests of threats")
	tests, err := runTests(ctx)
	if err != nil {
		return false, err
	}
	dir, err := os.MkdirTemp("", "hostile")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	servers, err := newServers(ctx, dir, others)
	if err != nil {
		return false, err
	}
	if err := askAll(ctx, servers); err != nil {
		return false, err
	}
	r := newReport(tests, servers)
	r.print(os.Stdout, time.Since(start))
	if write {
		if !others {
			return false, fmt.Errorf("%s has the totals of other libraries: they must be asked", document)
		}
		err = os.WriteFile(document, []byte(r.markdown()), 0o666)
	}
	return r.held() == len(rows), err
}
