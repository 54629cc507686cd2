//go:build unix

package natstest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// Build compiles the program of [StartProcess] into dir and returns its path. It needs the go command,
// and a directory within a module or workspace that has this package.
func Build(dir string) (program string, err error) {
	program = filepath.Join(dir, "natsserver")
	cmd := exec.Command("go", "build", "-o", program, "github.com/spoutws/spout/brokers/nats/natstest/natsserver")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("natstest: go build: %w\n%s", err, out)
	}
	return program, nil
}

// Process is a NATS server as a process of its own. It does not outlive the process that started it.
// Its methods are for one goroutine.
type Process struct {
	URL string // where clients connect; stays the same when it starts again

	program string
	config  Config
	cmd     *exec.Cmd
	stdin   io.Closer
}

// StartProcess starts a server with the program that [Build] made, and waits until it takes connections.
// c.Addr and c.Dir must not be empty.
func StartProcess(program string, c Config) (*Process, error) {
	p := &Process{URL: "nats://" + c.Addr, program: program, config: c}
	return p, p.Start()
}

// Start starts the server again after Kill: where it was, and with its files.
func (p *Process) Start() error {
	config, err := json.Marshal(p.config)
	if err != nil {
		return fmt.Errorf("natstest: %w", err)
	}
	cmd := exec.Command(p.program, string(config))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("natstest: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("natstest: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("natstest: %w", err)
	}
	p.cmd, p.stdin = cmd, stdin
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		p.Kill()
		return fmt.Errorf("natstest: the server on %s ended at once", p.config.Addr)
	}
	return nil
}

// Kill ends the server with SIGKILL, also while it is paused. Nothing happens if it does not run.
func (p *Process) Kill() {
	if p.cmd == nil {
		return
	}
	p.cmd.Process.Kill()
	p.stdin.Close()
	p.cmd.Wait() // says that it was killed
	p.cmd = nil
}

// Pause stops the server with SIGSTOP: its connections stay, and nothing answers.
func (p *Process) Pause() error { return p.signal(syscall.SIGSTOP) }

// Resume has it go on.
func (p *Process) Resume() error { return p.signal(syscall.SIGCONT) }

func (p *Process) signal(s syscall.Signal) error {
	if p.cmd == nil {
		return errors.New("natstest: the server does not run")
	}
	return p.cmd.Process.Signal(s)
}
