package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"

	"github.com/spoutws/spout/internal/conformance"
)

const checkHelp = `spout check asks a WebSocket server, or clients, the cases of RFC 6455 and judges the answers.

  spout check URL [flags]
  spout check --listen ADDR [--exec 'COMMAND {url}'] [flags]

URL is ws:// or wss:// and must echo each message as it came. Every case opens a connection of
its own, sends bytes, most of which no browser would, and ends with a verdict:

  pass      the answer is what the RFC wants
  lenient   it departs from a SHOULD, or accepts what common practice accepts
  fail      it breaks a MUST

A case that asks for what the server need not have, and has not, is unsupported.

Each failure is reported with its section of the RFC and the bytes exchanged. A server whose limit
is below the size of a message passes by refusing it with 1009 (message too big).

Some families are attacks: --list --run '^(smuggling|lengths|floods|pace|half-handshake|hangs)/'.
Only a server on loopback is asked those, unless --remote says that it is yours. After each, others
must be served as before.

  --run REGEX         only the cases whose id matches, such as ^utf8/ or unmasked
  --list              list the cases, and ask nobody
  -v                  report what is lenient like a failure
  --html FILE         write a page, complete in one file: totals, filters, the bytes of each case
  --json FILE         write a JSON object: totals, and each case with its bytes in hex; "-" prints
                      it in place of the text
  --compare FILE      tell, in text and page, what is fixed, broken, changed, new or gone since an
                      older run, of which FILE is the --json
  -k                  take any certificate (wss)
  --timeout DURATION  the time for a whole case (default 10s)
  --parallel N        cases at a time (default 8)
  --pid N             the server's process, whose memory, CPU and descriptors are judged (Linux)
  --remote            attack a server that is not on loopback: only one that is yours

With --listen it is itself the server, a conforming and a hostile one. A client under test connects
to the URL that it is given, sends each message back with its type, and ends when the connection
does. Where it must refuse a handshake, it closes the connection and sends no frame.

  --listen ADDR       wait for clients at ADDR, such as 127.0.0.1:9001. Each connection gets the
                      next case, or N of --list if its path is /case/N, until all have been asked
  --exec COMMAND      start COMMAND for every case, with the URL of the case in place of {url}. Its
                      words are cut at spaces, but for those in '' or ""; there is no shell. What
                      is left of it after the case is killed. Its exit status is not judged, the
                      end of its stderr stands in the report. Where the system tells its memory
                      (Linux), an attack may cost it 64 MiB; what it starts itself is not counted

The exit status is 0 without a failure, 1 with one, and 2 if nothing could be judged: a flag is
wrong, nobody is there, or it is no echo server. A case that waits for a client to give up takes
twice the time of --timeout.

Examples:
  spout check ws://127.0.0.1:8888/ws/echo
  spout check wss://localhost:8443/ws/echo -k --run ^handshake/
  spout check ws://127.0.0.1:8888/ws/echo --pid $(pgrep -n spout)
  spout check ws://127.0.0.1:8888/ws/echo --html report.html --json run.json
  spout check --listen 127.0.0.1:0 --exec 'python3 echo_client.py {url}'
`

// exitUnjudged is the exit status without verdicts. 1 is for a server that fails.
const exitUnjudged = 2

// checkConfig is a command line of spout check.
type checkConfig struct {
	conformance.Config
	run     *regexp.Regexp
	list    bool
	reports checkReports
	clients conformance.ClientConfig // with an Addr: clients are asked, and no server
}

// cases are those that the command line is about.
func (cfg *checkConfig) cases() []conformance.Case {
	all := conformance.Cases()
	if cfg.clients.Addr != "" {
		all = conformance.ClientCases()
	}
	return slices.DeleteFunc(all, func(c conformance.Case) bool { return !cfg.run.MatchString(c.ID) })
}

func runCheck(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	cfg, err := parseCheck(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, checkHelp)
		return exitOK
	}
	if err != nil {
		return usage(stderr, "check", err)
	}
	cases := cfg.cases()
	if len(cases) == 0 {
		return usage(stderr, "check", fmt.Errorf("no case matches %q; --list lists them", cfg.run))
	}
	if cfg.list {
		for _, c := range cases {
			if c.Number() > 0 {
				fmt.Fprintf(stdout, "%4d ", c.Number())
			}
			fmt.Fprintf(stdout, "%-44s %-6s %s\n", c.ID, c.Rule.Section, c.Title)
		}
		return exitOK
	}
	var run *checkRun
	if cfg.clients.Addr != "" {
		run, err = askClients(ctx, cfg.clients, cases, stderr)
	} else {
		run, err = askServer(ctx, cfg.Config, cases, stderr)
	}
	if err != nil {
		fmt.Fprintf(stderr, "spout check: %v\n", err)
		return exitUnjudged
	}
	if err := cfg.reports.write(run, stdout); err != nil {
		fmt.Fprintf(stderr, "spout check: the report could not be written: %v\n", err)
		return exitUnjudged
	}
	if run.Total.Fail > 0 {
		return exitError
	}
	return exitOK
}

// askServer asks a server, and returns what became of the cases.
func askServer(ctx context.Context, cfg conformance.Config, cases []conformance.Case, stderr io.Writer) (*checkRun, error) {
	checker, err := conformance.New(cfg)
	if err != nil {
		return nil, err
	}
	if !checker.Hostile() {
		all := len(cases)
		cases = slices.DeleteFunc(cases, func(c conformance.Case) bool { return c.Family.Hostile() })
		if len(cases) == 0 {
			return nil, fmt.Errorf("%s is not on loopback, and these cases are attacks; --remote asks them, of a server that is yours", cfg.URL)
		}
		if left := all - len(cases); left > 0 {
			fmt.Fprintf(stderr, "spout check: %d cases are left out: they are attacks, and %s is not on loopback; --remote asks them, of a server that is yours\n", left, cfg.URL)
		}
	}
	if err := checker.Probe(ctx); err != nil {
		return nil, fmt.Errorf("%s can't be checked: %w", cfg.URL, err)
	}
	start := time.Now()
	bar := newProgress(stderr, len(cases))
	results, err := checker.Run(ctx, cases, bar.add)
	bar.clear()
	if err != nil {
		return nil, errInterrupted
	}
	return newCheckRun(subject{Role: roleServer, URL: cfg.URL}, start, results), nil
}

func parseCheck(args []string) (checkConfig, error) {
	cfg := checkConfig{run: regexp.MustCompile("")}
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	flags.Func("run", "", func(s string) (err error) {
		cfg.run, err = regexp.Compile(s)
		return err
	})
	flags.BoolVar(&cfg.list, "list", false, "")
	cfg.reports.define(flags)
	insecure := flags.Bool("k", false, "")
	flags.StringVar(&cfg.clients.Addr, "listen", "", "")
	flags.Func("exec", "", func(s string) (err error) {
		cfg.clients.Exec, err = splitCommand(s)
		return err
	})
	flags.DurationVar(&cfg.Timeout, "timeout", 10*time.Second, "")
	flags.IntVar(&cfg.Parallel, "parallel", 8, "")
	flags.IntVar(&cfg.PID, "pid", 0, "")
	flags.BoolVar(&cfg.Remote, "remote", false, "")
	operands, err := parse(flags, args)
	switch {
	case err != nil:
		return cfg, err
	case cfg.Timeout <= 0:
		return cfg, errors.New("--timeout wants a duration above 0, such as 10s")
	case cfg.Parallel <= 0:
		return cfg, errors.New("--parallel wants a number above 0")
	case cfg.PID < 0:
		return cfg, errors.New("--pid wants the number of a process")
	case cfg.clients.Exec != nil && cfg.clients.Addr == "":
		return cfg, errors.New("--exec starts clients for --listen, which is missing")
	case len(operands) > 0 && cfg.clients.Addr != "":
		return cfg, fmt.Errorf("unexpected argument %q: with --listen no server is checked", operands[0])
	case len(operands) > 1:
		return cfg, fmt.Errorf("unexpected argument %q: one server is checked at a time", operands[1])
	case len(operands) == 0 && !cfg.list && cfg.clients.Addr == "":
		return cfg, errors.New("the URL of an echo server is missing, such as ws://127.0.0.1:8888/ws/echo")
	case len(operands) == 1:
		cfg.URL = operands[0]
	}
	role := roleServer
	if cfg.clients.Addr != "" {
		role = roleClient
	}
	cfg.clients.Timeout, cfg.clients.Parallel = cfg.Timeout, cfg.Parallel
	if err := cfg.reports.complete(role, cfg.run.MatchString); err != nil {
		return cfg, err
	}
	cfg.TLS = &tls.Config{InsecureSkipVerify: *insecure}
	return cfg, nil
}
