package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"sync/atomic"

	"github.com/spoutws/spout/e2e/peers"
)

// server is an echo server that is asked.
type server struct {
	name, version string
	path          string // of its echo endpoint
	command       func() (*exec.Cmd, error)
	answers       map[int]*answers // by row
	ended         atomic.Bool      // a process of it has ended by itself
}

// newServers returns spout's own, built in dir, and if they are wanted the others.
func newServers(ctx context.Context, dir string, others bool) ([]*server, error) {
	program := filepath.Join(dir, "spout")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/spout")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", build, err, out)
	}
	servers := []*server{{name: "spout", path: "/ws/echo", command: func() (*exec.Cmd, error) {
		return exec.Command(program, "serve", "--addr", "127.0.0.1:0"), nil
	}}}
	if others {
		tornado, err := peers.TornadoVersion()
		if err != nil {
			return nil, err
		}
		for _, o := range []struct {
			peer    peers.Peer
			version string
		}{
			{peers.Gorilla, moduleVersion("github.com/gorilla/websocket")},
			{peers.Coder, moduleVersion("github.com/coder/websocket")},
			{peers.Tornado, tornado},
		} {
			servers = append(servers, &server{name: string(o.peer), version: o.version, path: "/", command: func() (*exec.Cmd, error) {
				return peers.Defaults(o.peer)
			}})
		}
	}
	for _, s := range servers {
		s.answers = make(map[int]*answers)
		for _, r := range rows {
			s.answers[r.number] = new(answers)
		}
	}
	return servers, nil
}

// moduleVersion is that of a module in this program.
func moduleVersion(path string) string {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, m := range info.Deps {
			if m.Path == path {
				return m.Version
			}
		}
	}
	return "unknown"
}

// process is a server that runs.
type process struct {
	url string
	pid int
	cmd *exec.Cmd
	in  io.Closer
	end chan struct{} // closed when it has ended
}

// printedPort is at the end of the first line that a server prints.
var printedPort = regexp.MustCompile(`(\d+)/?\n$`)

// start starts the server on a port of loopback.
func (s *server) start() (*process, error) {
	cmd, err := s.command()
	if err != nil {
		return nil, err
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{pid: cmd.Process.Pid, cmd: cmd, in: in, end: make(chan struct{})}
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	go func() {
		io.Copy(io.Discard, lines)
		cmd.Wait()
		close(p.end)
	}()
	port := printedPort.FindStringSubmatch(line)
	if err != nil || port == nil {
		p.stop()
		return nil, fmt.Errorf("%s printed %q and no port: %v\n%s", cmd, line, err, &complaints)
	}
	p.url = "ws://127.0.0.1:" + port[1] + s.path
	return p, nil
}

// stop ends the server, and reports whether it had ended by itself.
func (p *process) stop() (before bool) {
	select {
	case <-p.end:
		before = true
	default:
	}
	p.in.Close()
	p.cmd.Process.Kill()
	<-p.end
	return before
}
