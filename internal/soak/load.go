package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spoutws/spout"
)

const (
	// samples is how often memory is measured.
	samples = 60
	// judgedFrom is the duration from which memory is judged: pools and stacks need a while to have their size.
	judgedFrom = time.Minute
	// patience is how long the clients may take to come to an end.
	patience = 5 * time.Minute
	// settling is how long goroutines and descriptors may take to be gone.
	settling = 30 * time.Second
	// restHeap is how much more heap a process may have at rest, after all, than before: what the clients'
	// names, and the runtime itself, take.
	restHeap = 2 << 20
	// maxFailures is how many failures are told.
	maxFailures = 20
)

// load is the process with the clients.
type load struct {
	duration time.Duration
	clients  int
}

// backendProcess is the server process, seen from here.
type backendProcess struct {
	hello
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	answers *json.Decoder
}

func startServer() (*backendProcess, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &backendProcess{cmd: exec.Command(exe, "-server")}
	p.cmd.Stderr = os.Stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.answers = json.NewDecoder(bufio.NewReader(stdout))
	if err := p.answers.Decode(&p.hello); err != nil {
		return nil, errors.Join(fmt.Errorf("the server process: %w", err), p.stop())
	}
	return p, nil
}

// ask has the server report; how may be "rest".
func (p *backendProcess) ask(how string) (r report, err error) {
	fmt.Fprintln(p.stdin, how)
	if err = p.answers.Decode(&r); err != nil {
		err = fmt.Errorf("the server process: %w", err)
	}
	return r, err
}

func (p *backendProcess) stop() error {
	p.stdin.Close()
	return p.cmd.Wait()
}

// run has the clients talk to a server for the time, prints what is seen, and returns what was wrong.
func (l *load) run(out io.Writer) error {
	server, err := startServer()
	if err != nil {
		return err
	}
	err = l.with(server, out)
	if stopErr := server.stop(); stopErr != nil {
		err = errors.Join(err, fmt.Errorf("the server process ended with %w", stopErr))
	}
	return err
}

func (l *load) with(server *backendProcess, out io.Writer) error {
	stop := make(chan struct{})
	var counts tally
	// One connection before anything is counted: what is made once is made then.
	first := &client{kind: kinds[0], id: -1, server: &server.hello, tally: new(tally), stop: stop}
	if err := first.session(endFinish, func() {}); err != nil {
		return err
	}
	serverBefore, err := server.ask("rest")
	if err != nil {
		return err
	}
	ownBefore, err := measureRest()
	if err != nil {
		return err
	}

	var living, connecting sync.WaitGroup
	var mu sync.Mutex
	var failures []string
	alive := make(map[int]bool)
	fail := func(s string) {
		mu.Lock()
		defer mu.Unlock()
		if len(failures) < maxFailures {
			failures = append(failures, s)
			fmt.Fprintln(out, "FAIL:", s)
		}
	}
	for id := range l.clients {
		alive[id] = true
	}
	for id := range l.clients {
		c := &client{kind: kindOf(id), id: id, secure: id%4 == 3, deflate: compressions[id%len(compressions)], server: &server.hello, tally: &counts, stop: stop}
		connecting.Add(1)
		up := sync.OnceFunc(connecting.Done)
		living.Go(func() {
			defer up()
			if err := c.life(up); err != nil {
				fail(err.Error())
			}
			mu.Lock()
			defer mu.Unlock()
			delete(alive, id)
		})
	}
	connecting.Wait()
	fmt.Fprintf(out, "%d clients, %v: %s\n", l.clients, l.duration, kindNames())
	serverUse, ownUse, sampleErr := l.sample(server, &counts, out)
	close(stop)
	if sampleErr != nil {
		return sampleErr
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		living.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(patience):
		mu.Lock()
		defer mu.Unlock()
		return fmt.Errorf("after %v some clients have not come to an end: %v", patience, slices.Sorted(maps.Keys(alive)))
	}

	serverAfter, ownAfter, err := settle(server, serverBefore.usage, ownBefore)
	if err != nil {
		return err
	}
	for _, s := range serverAfter.Failures {
		fail(s)
	}
	counts.print(out, l.duration)
	fmt.Fprintf(out, "server: %d OnOpen, %d OnClose, %d messages\n", serverAfter.Opens, serverAfter.Closes, serverAfter.Messages)
	if serverAfter.Opens != serverAfter.Closes || serverAfter.Connections != 0 {
		fail(fmt.Sprintf("server: %d OnOpen, %d OnClose, %d connections are left", serverAfter.Opens, serverAfter.Closes, serverAfter.Connections))
	}
	for _, p := range []struct {
		name          string
		before, after usage
		during        []usage
	}{
		{"server", serverBefore.usage, serverAfter.usage, serverUse},
		{"clients", ownBefore, ownAfter, ownUse},
	} {
		fmt.Fprintf(out, "%s: at rest before and after: goroutines %d, %d; descriptors %d, %d; heap %s, %s MiB; resident %s, %s MiB\n", p.name,
			p.before.Goroutines, p.after.Goroutines, p.before.Descriptors, p.after.Descriptors,
			mib(p.before.Heap), mib(p.after.Heap), mib(p.before.Resident), mib(p.after.Resident))
		if p.after.Goroutines > p.before.Goroutines || p.after.Descriptors > p.before.Descriptors {
			fail(p.name + ": goroutines or descriptors are left over")
		}
		if p.after.Heap > p.before.Heap+restHeap {
			fail(p.name + ": more than " + mib(restHeap) + " MiB of heap are left over")
		}
		for _, s := range flat(p.during) {
			verdict := fmt.Sprintf("%s: %s", p.name, s.text)
			fmt.Fprintln(out, verdict)
			if s.grown && l.duration >= judgedFrom {
				fail(verdict)
			}
		}
	}
	if len(failures) > 0 {
		return fmt.Errorf("%d failures", len(failures))
	}
	fmt.Fprintln(out, "nothing was lost")
	return nil
}

// sample measures both processes until the time is over.
func (l *load) sample(server *backendProcess, counts *tally, out io.Writer) (serverUse, ownUse []usage, err error) {
	start := time.Now()
	every := l.duration / samples
	printed := start
	for time.Since(start) < l.duration {
		time.Sleep(every)
		r, err := server.ask("")
		if err != nil {
			return nil, nil, err
		}
		own, err := measure()
		if err != nil {
			return nil, nil, err
		}
		serverUse, ownUse = append(serverUse, r.usage), append(ownUse, own)
		if time.Since(printed) >= 4*every {
			printed = time.Now()
			fmt.Fprintf(out, "%8v  %9d messages  server: %4d connections, %5d goroutines, heap %6s MiB, resident %6s MiB  clients: heap %6s MiB, resident %6s MiB\n",
				time.Since(start).Round(time.Second), counts.messages.Load(), r.Connections, r.Goroutines, mib(r.Heap), mib(r.Resident), mib(own.Heap), mib(own.Resident))
		}
	}
	return serverUse, ownUse, nil
}

// settle waits until both processes hold no more goroutines and descriptors than before, and returns what they
// hold then, or after a time in which they had to.
func settle(server *backendProcess, serverBefore, ownBefore usage) (after report, own usage, err error) {
	for deadline := time.Now().Add(settling); ; time.Sleep(100 * time.Millisecond) {
		if after, err = server.ask("rest"); err != nil {
			return after, own, err
		}
		if own, err = measureRest(); err != nil {
			return after, own, err
		}
		settled := after.Connections == 0 && after.Goroutines <= serverBefore.Goroutines && after.Descriptors <= serverBefore.Descriptors &&
			own.Goroutines <= ownBefore.Goroutines && own.Descriptors <= ownBefore.Descriptors
		if settled || time.Now().After(deadline) {
			return after, own, nil
		}
	}
}

// kindOf returns the kind of a client: any hundred clients in a row have the shares of all.
func kindOf(id int) kind {
	// Spread over the hundred, so that few clients have many kinds too.
	at := id * 37 % 100
	for _, k := range kinds {
		if at -= k.share; at < 0 {
			return k
		}
	}
	panic("the shares are no hundred")
}

// compressions are what clients offer, in turn.
var compressions = []*spout.Deflate{nil, narrow, none, wide, narrow}

func kindNames() string {
	var names []string
	for _, k := range kinds {
		names = append(names, fmt.Sprintf("%d%% %s", k.share, k.name))
	}
	return strings.Join(names, ", ")
}

func (t *tally) print(out io.Writer, d time.Duration) {
	var ends []string
	total := int64(0)
	for e := range t.ends {
		n := t.ends[e].Load()
		total += n
		ends = append(ends, fmt.Sprintf("%d %s", n, endingNames[e]))
	}
	fmt.Fprintf(out, "clients: %d connections, %d of them compressed: %s\n", total, t.compressed.Load(), strings.Join(ends, ", "))
	fmt.Fprintf(out, "clients: %d messages sent, %.0f a second, %s MiB; %d ticks came; %d pings, %d pongs\n", t.messages.Load(),
		float64(t.messages.Load())/d.Seconds(), mib(int(t.bytes.Load())), t.ticks.Load(), t.pings.Load(), t.pongs.Load())
}

// growth is how memory compares in the first and the last third of the time.
type growth struct {
	text  string
	grown bool
}

// flat compares the most that was held in the last third with that in the first. It may be a quarter more, and
// 8 MiB, which is what garbage collection lets vary.
func flat(during []usage) (all []growth) {
	third := len(during) / 3
	for _, q := range []struct {
		name string
		of   func(usage) int
	}{
		{"heap", func(u usage) int { return u.Heap }},
		{"resident", func(u usage) int { return u.Resident }},
	} {
		most := func(us []usage) (m int) {
			for _, u := range us {
				m = max(m, q.of(u))
			}
			return m
		}
		first, last := most(during[:third]), most(during[len(during)-third:])
		limit := first + first/4 + 8<<20
		all = append(all, growth{
			fmt.Sprintf("%s at most %s MiB in the first third, %s in the last (limit %s)", q.name, mib(first), mib(last), mib(limit)),
			last > limit,
		})
	}
	return all
}
