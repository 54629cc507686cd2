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
	"sync"
	"time"
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

	server *backendProcess
	counts tally
	stop   chan struct{} // closed when the clients are to come to an end
	living sync.WaitGroup

	mu       sync.Mutex
	out      io.Writer
	alive    map[int]bool // the clients that have not come to an end
	failures int
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
func (l *load) run(out io.Writer) (err error) {
	l.out, l.stop, l.alive = out, make(chan struct{}), make(map[int]bool)
	if l.server, err = startServer(); err != nil {
		return err
	}
	defer func() {
		if stopErr := l.server.stop(); stopErr != nil {
			err = errors.Join(err, fmt.Errorf("the server process ended with %w", stopErr))
		}
	}()
	// One connection before anything is counted: what is made once is made then.
	first := &client{kind: kinds[0], id: -1, server: &l.server.hello, tally: new(tally), stop: l.stop}
	if err := first.session(endFinish, func() {}); err != nil {
		return err
	}
	var server, clients course
	r, err := l.server.ask("rest")
	if err != nil {
		return err
	}
	server.before = r.usage
	if clients.before, err = measureRest(); err != nil {
		return err
	}

	l.start()
	l.print("%d clients, %v: %s", l.clients, l.duration, kindNames())
	err = l.sample(&server, &clients)
	close(l.stop)
	if err == nil {
		err = l.await()
	}
	if err == nil {
		r, err = l.settle(&server, &clients)
	}
	if err != nil {
		return err
	}
	l.print("%v", l.counts.report(l.duration))
	l.print("server: %d OnOpen, %d OnClose, %d messages", r.Opens, r.Closes, r.Messages)
	if r.Opens != r.Closes || r.Connections != 0 {
		l.fail("server: %d OnOpen, %d OnClose, %d connections are left", r.Opens, r.Closes, r.Connections)
	}
	for _, s := range r.Failures {
		l.fail("%s", s)
	}
	l.judge("server", &server)
	l.judge("clients", &clients)
	if l.failures > 0 {
		return fmt.Errorf("%d failures", l.failures)
	}
	l.print("nothing was lost")
	return nil
}

func (l *load) print(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.out, format+"\n", args...)
}

// fail notes what must not happen.
func (l *load) fail(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failures++; l.failures <= maxFailures {
		fmt.Fprintf(l.out, "FAIL: "+format+"\n", args...)
	}
}

// start starts the clients and returns when each has been connected once.
func (l *load) start() {
	var connecting sync.WaitGroup
	for id := range l.clients {
		c := &client{
			kind: kindOf(id), id: id, secure: id%4 == 3, deflate: compressions[id%len(compressions)],
			server: &l.server.hello, tally: &l.counts, stop: l.stop,
		}
		l.mu.Lock()
		l.alive[id] = true
		l.mu.Unlock()
		connecting.Add(1)
		up := sync.OnceFunc(connecting.Done)
		l.living.Go(func() {
			defer up()
			if err := c.life(up); err != nil {
				l.fail("%v", err)
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			delete(l.alive, id)
		})
	}
	connecting.Wait()
}

// await waits until the clients have come to an end.
func (l *load) await() error {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.living.Wait()
	}()
	select {
	case <-ended:
		return nil
	case <-time.After(patience):
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Errorf("after %v some clients have not come to an end: %v", patience, slices.Sorted(maps.Keys(l.alive)))
}

// sample measures both processes until the time is over.
func (l *load) sample(server, clients *course) error {
	start := time.Now()
	every := l.duration / samples
	printed := start
	for time.Since(start) < l.duration {
		time.Sleep(every)
		r, err := l.server.ask("")
		if err != nil {
			return err
		}
		own, err := measure()
		if err != nil {
			return err
		}
		server.during, clients.during = append(server.during, r.usage), append(clients.during, own)
		if time.Since(printed) >= 4*every {
			printed = time.Now()
			l.print("%8v  %9d messages  server: %4d connections, %5d goroutines, heap %6s MiB, resident %6s MiB  clients: heap %6s MiB, resident %6s MiB",
				time.Since(start).Round(time.Second), l.counts.messages.Load(), r.Connections, r.Goroutines, mib(r.Heap), mib(r.Resident), mib(own.Heap), mib(own.Resident))
		}
	}
	return nil
}

// settle waits until both processes hold no more goroutines and descriptors than before, at most for the time
// in which they had to.
func (l *load) settle(server, clients *course) (r report, err error) {
	for deadline := time.Now().Add(settling); ; time.Sleep(100 * time.Millisecond) {
		if r, err = l.server.ask("rest"); err != nil {
			return r, err
		}
		if clients.after, err = measureRest(); err != nil {
			return r, err
		}
		server.after = r.usage
		if r.Connections == 0 && server.gone() && clients.gone() || time.Now().After(deadline) {
			return r, nil
		}
	}
}

// judge prints what a process held, and what of it is too much.
func (l *load) judge(name string, c *course) {
	l.print("%s: at rest before and after: goroutines %d, %d; descriptors %d, %d; heap %s, %s MiB; resident %s, %s MiB", name,
		c.before.Goroutines, c.after.Goroutines, c.before.Descriptors, c.after.Descriptors,
		mib(c.before.Heap), mib(c.after.Heap), mib(c.before.Resident), mib(c.after.Resident))
	if !c.gone() {
		l.fail("%s: goroutines or descriptors are left over", name)
	}
	if c.after.Heap > c.before.Heap+restHeap {
		l.fail("%s: more than %s MiB of heap are left over", name, mib(restHeap))
	}
	for _, g := range flat(c.during) {
		l.print("%s: %s", name, g.text)
		if g.grown && l.duration >= judgedFrom {
			l.fail("%s: %s", name, g.text)
		}
	}
}
