package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// child is a server in a process of its own.
type child struct {
	addr    string
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers *bufio.Reader
}

// start runs this program again, as a server.
func start(l library, m mode) (*child, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &child{cmd: exec.Command(exe, "-serve", l.name, "-mode", m.name)}
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.answers = bufio.NewReader(out)
	if _, err := fmt.Fscanln(p.answers, &p.addr); err != nil {
		p.stop()
		return nil, fmt.Errorf("%s: server process: %w", l.name, err)
	}
	return p, nil
}

// ask returns the answer to one of the questions.
func (p *child) ask(question string) (n int64, err error) {
	fmt.Fprintln(p.in, question)
	_, err = fmt.Fscanln(p.answers, &n)
	return n, err
}

func (p *child) stop() {
	p.in.Close()
	p.cmd.Wait()
}
