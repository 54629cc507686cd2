package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for something that must come. It is no
// measure of speed: a test that reaches it has failed.
const patience = 30 * time.Second

// child is a process that a test runs. It ends with the test at the latest;
// what it said is shown if the test fails.
type child struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  chan string   // what it printed, line by line
	said   *transcript   // what it printed and complained
	done   chan struct{} // closed when it has ended
	err    error         // how it ended; to be read after done
	killed bool          // by the test
}

// start runs cmd until the end of the test.
func start(t *testing.T, cmd *exec.Cmd) *child {
	t.Helper()
	c := &child{cmd: cmd, lines: make(chan string, 1024), said: new(transcript), done: make(chan struct{})}
	dieWithParent(cmd)
	var err error
	if c.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = c.said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		r := bufio.NewReader(stdout)
		for {
			line, err := r.ReadString('\n')
			if line != "" {
				c.said.Write([]byte(line))
				c.lines <- line
			}
			if err != nil {
				break
			}
		}
		close(c.lines)
		c.err = cmd.Wait()
		close(c.done)
	}()
	t.Cleanup(func() {
		c.kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", cmd, c.said)
		}
	})
	return c
}

// line returns the next line that the child prints.
func (c *child) line(t *testing.T) string {
	t.Helper()
	select {
	case line, ok := <-c.lines:
		if !ok {
			<-c.done
			t.Fatalf("%s ended: %v", c.cmd, c.err)
		}
		return line
	case <-time.After(patience):
		t.Fatalf("%s printed nothing for %v", c.cmd, patience)
	}
	panic("unreachable")
}

// kill ends the child at once, if it has not ended, and waits until it is gone.
func (c *child) kill() {
	c.killed = true
	c.cmd.Process.Kill()
	c.drain()
	<-c.done
}

// terminate asks the child to end and reports how it did.
func (c *child) terminate() error {
	c.cmd.Process.Signal(syscall.SIGTERM)
	go c.drain()
	select {
	case <-c.done:
		return c.err
	case <-time.After(patience):
		c.kill()
		return fmt.Errorf("still running %v after SIGTERM", patience)
	}
}

// drain forgets what the child prints from now on.
func (c *child) drain() {
	for range c.lines {
	}
}

// transcript keeps the last 16 KiB of what it is given.
type transcript struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf.Write(p)
	if over := s.buf.Len() - 16<<10; over > 0 {
		s.buf.Next(over)
	}
	return len(p), nil
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(slices.Clone(s.buf.Bytes()))
}
