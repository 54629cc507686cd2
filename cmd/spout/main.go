// Command spout tries, serves and checks WebSockets: "spout" alone starts a server with a page to try it with, "spout help" lists
// the rest.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
)

// Exit statuses.
const (
	exitOK    = 0
	exitError = 1 // it could not be done
	exitUsage = 2 // it could not be understood
)

// A verb is what may stand behind "spout".
type verb struct {
	name  string
	short string // for the list of verbs
	help  string // the whole text of "spout help VERB"
	run   func(ctx context.Context, args []string, stdout, stderr io.Writer) int
}

func verbs() []verb {
	return []verb{
		{"demo", "start a server and a page to try it with (what spout alone does)", demoHelp, runDemo},
		{"serve", "serve files and WebSockets", serveHelp, runServe},
		{"check", "check a server, or clients, against RFC 6455", checkHelp, runCheck},
		{"version", "print the version", "spout version prints the version of this program.\n", runVersion},
		{"help", "explain a verb", "spout help [VERB] lists the verbs, or explains one.\n", runHelp},
	}
}

func main() {
	os.Exit(run(untilSignal(), os.Args[1:], os.Stdout, os.Stderr))
}

// untilSignal returns a context that ends with the first signal to stop. The second ends the program at once.
func untilSignal() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Stop(signals)
		cancel()
	}()
	return ctx
}

// run carries out a command line and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		return runDemo(ctx, nil, stdout, stderr)
	}
	switch args[0] {
	case "-h", "-help", "--help":
		return runHelp(ctx, nil, stdout, stderr)
	case "-version", "--version":
		return runVersion(ctx, nil, stdout, stderr)
	}
	if strings.HasPrefix(args[0], "-") {
		return runDemo(ctx, args, stdout, stderr)
	}
	if v, ok := findVerb(args[0]); ok {
		return v.run(ctx, args[1:], stdout, stderr)
	}
	fmt.Fprintf(stderr, "spout: there is no verb %q; spout help lists them\n", args[0])
	return exitUsage
}

func findVerb(name string) (verb, bool) {
	for _, v := range verbs() {
		if v.name == name {
			return v, true
		}
	}
	return verb{}, false
}

func runHelp(_ context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		v, ok := findVerb(args[0])
		if !ok {
			fmt.Fprintf(stderr, "spout help: there is no verb %q; spout help lists them\n", args[0])
			return exitUsage
		}
		fmt.Fprint(stdout, v.help)
		return exitOK
	}
	fmt.Fprint(stdout, "spout tries, serves and checks WebSockets.\n\n")
	for _, v := range verbs() {
		fmt.Fprintf(stdout, "  spout %-8s %s\n", v.name, v.short)
	}
	fmt.Fprint(stdout, "\nspout help VERB tells more, with examples.\n")
	return exitOK
}

func runVersion(_ context.Context, _ []string, stdout, _ io.Writer) int {
	fmt.Fprintf(stdout, "spout %s (%s, %s/%s)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return exitOK
}

// version is that of this program.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}

// parse reads the flags of a verb, which may stand before, between and behind its operands, and returns the operands.
// flag.ErrHelp means that help was asked for.
func parse(flags *flag.FlagSet, args []string) (operands []string, err error) {
	flags.SetOutput(io.Discard) // its own report is the whole list of flags
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		rest := flags.Args()
		if len(rest) == 0 {
			return operands, nil
		}
		if read := len(args) - len(rest); read > 0 && args[read-1] == "--" {
			return append(operands, rest...), nil
		}
		operands = append(operands, rest[0])
		args = rest[1:]
	}
}

// usage reports a command line that could not be understood, in one line.
func usage(stderr io.Writer, verb string, err error) int {
	fmt.Fprintf(stderr, "spout %s: %v (spout help %s explains)\n", verb, err, verb)
	return exitUsage
}
