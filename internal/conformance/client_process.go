package conformance

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// urlWord is what the URL takes the place of in a command.
const urlWord = "{url}"

// clientProcess is a client that was started for a case.
type clientProcess struct {
	cmd    *exec.Cmd
	stderr tail
	done   chan struct{} // closed when it has ended
	err    error         // how; to be read after done
	proc   *process      // nil where it can't be looked at

	before atomic.Int64 // bytes of memory when it connected
	peak   atomic.Int64 // the most that was seen
}

// start starts the client of the case.
func (s *session) start(url string) {
	words := make([]string, len(s.client.check.cfg.Exec))
	for i, w := range s.client.check.cfg.Exec {
		words[i] = strings.ReplaceAll(w, urlWord, url)
	}
	p := &clientProcess{cmd: exec.Command(words[0], words[1:]...), done: make(chan struct{})}
	p.cmd.Stderr = &p.stderr
	p.cmd.WaitDelay = time.Second // for those that it has started itself, and that keep its stderr open
	ownGroup(p.cmd)
	if err := p.cmd.Start(); err != nil {
		s.fail("the command could not be started: %v", err)
	}
	s.client.process = p
	p.proc, _ = findProcess(p.cmd.Process.Pid)
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
}

// connected begins the watch of the process's memory: what came before was its start.
func (p *clientProcess) connected() {
	if p == nil || p.proc == nil || p.before.Load() > 0 {
		return
	}
	p.proc.resetPeak()
	u, err := p.proc.read()
	if err != nil {
		return
	}
	p.before.Store(u.memory)
	go func() {
		for {
			u, err := p.proc.read()
			if err != nil {
				return
			}
			p.peak.Store(max(p.peak.Load(), u.peak, u.memory))
			select {
			case <-p.done:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
}

// judgeMemory holds the growth of the client's process against the bound of the case.
func (s *session) judgeMemory(b bounds) {
	if b.memory == 0 {
		return
	}
	p := s.client.process
	if p == nil || p.before.Load() == 0 {
		s.exchange.note("memory is not judged: the client's process is not known")
		return
	}
	peak := p.peak.Load()
	if u, err := p.proc.read(); err == nil {
		peak = max(peak, u.peak)
	}
	grown := max(peak-p.before.Load(), 0)
	s.figure(adviceClientMemory, Figure{"memory", float64(grown) / mib, "MiB", float64(b.memory) / mib})
}

// endProcess waits until the client has ended, now that its connection has. One that goes on, or
// still runs when ctx ends, is killed. What it said is part of the exchange.
func (s *session) endProcess(ctx context.Context, grace time.Duration) {
	p := s.client.process
	if p == nil {
		return
	}
	select {
	case <-p.done:
	case <-ctx.Done():
	case <-time.After(grace):
		s.lenient(ruleLostTCP, "the client was still running %.2g s after its connection had ended", grace.Seconds())
	}
	if !p.over() {
		kill(p.cmd)
		<-p.done
	}
	s.exchange.ending("the client " + p.how())
	for _, line := range p.stderr.lines() {
		s.exchange.ending("stderr: " + line)
	}
}

// over reports whether the process has ended.
func (p *clientProcess) over() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// how tells how the process has ended.
func (p *clientProcess) how() string {
	if p.err == nil {
		return "ended with exit status 0"
	}
	return fmt.Sprintf("ended: %v", p.err)
}

// ending records a note even where the exchange was too long to be kept.
func (x *exchange) ending(text string) {
	x.transfers = append(x.transfers, Transfer{Direction: Note, Text: text})
}

// tail keeps the end of what is written to it.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const (
	tailBytes = 4 << 10
	tailLines = 8
	tailWidth = 200
)

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	t.b = t.b[max(0, len(t.b)-tailBytes):]
	return len(p), nil
}

// lines returns the last lines.
func (t *tail) lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.TrimSpace(string(t.b))
	if text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	lines = lines[max(0, len(lines)-tailLines):]
	for i, l := range lines {
		lines[i] = string(head([]byte(l), tailWidth))
	}
	return lines
}
