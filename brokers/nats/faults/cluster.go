//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spoutws/spout/brokers/nats/natstest"
	"github.com/spoutws/spout/hub"
)

const nodes = 3

// cluster is a broker and nodes, each node behind a proxy of its own to the broker.
type cluster struct {
	dir    string
	broker *natstest.Process
	nodes  [nodes]*nodeProcess
	next   atomic.Uint64 // of the nodes, to connect to

	mu    sync.Mutex
	dials []time.Time // when somebody has connected to a node
}

// nodeProcess is a node from outside.
type nodeProcess struct {
	config nodeConfig
	proxy  *proxy
	green  atomic.Bool // as it was when it was last asked
	cmd    *exec.Cmd
	stdin  io.Closer
}

func startCluster(dir string, lossy bool) (*cluster, error) {
	program, err := natstest.Build(dir)
	if err != nil {
		return nil, err
	}
	addrs, err := natstest.FreeAddrs(1 + nodes)
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir}
	if c.broker, err = natstest.StartProcess(program, natstest.Config{Addr: addrs[0], Dir: filepath.Join(dir, "nats")}); err != nil {
		return c, err
	}
	for i := range c.nodes {
		p, err := newProxy(addrs[0])
		if err != nil {
			return c, err
		}
		n := &nodeProcess{proxy: p, config: nodeConfig{Addr: addrs[1+i], NATS: "nats://" + p.addr, Log: filepath.Join(dir, fmt.Sprintf("node%d.log", i)), Lossy: lossy}}
		c.nodes[i] = n
		if err := n.start(); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (c *cluster) stop() {
	for _, n := range c.nodes {
		if n != nil {
			n.kill()
			n.proxy.close()
		}
	}
	if c.broker != nil {
		c.broker.Kill()
	}
}

// watch asks the nodes for their health, as a balancer does, until ctx ends.
func (c *cluster) watch(ctx context.Context) {
	for _, n := range c.nodes {
		go func() {
			for ctx.Err() == nil {
				n.green.Store(n.healthy(ctx))
				sleep(ctx, 200*time.Millisecond)
			}
		}()
	}
}

// awaitGreen waits until all nodes are well.
func (c *cluster) awaitGreen(ctx context.Context) error {
	for begun := time.Now(); ; sleep(ctx, 50*time.Millisecond) {
		well := 0
		for _, n := range c.nodes {
			if n.healthy(ctx) {
				well++
			}
		}
		switch {
		case well == nodes:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Since(begun) > time.Minute:
			return errors.New("the nodes are not well after a minute")
		}
	}
}

// dial connects to the next node, as a balancer does: one that is well, if there is one, and if it does not
// take the connection, another.
func (c *cluster) dial(ctx context.Context, _, _ string) (conn net.Conn, err error) {
	first := c.next.Add(1)
	for _, green := range []bool{true, false} {
		for i := range uint64(nodes) {
			n := c.nodes[(first+i)%nodes]
			if n.green.Load() != green {
				continue
			}
			if conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", n.config.Addr); err == nil {
				c.mu.Lock()
				c.dials = append(c.dials, time.Now())
				c.mu.Unlock()
				return conn, nil
			}
		}
	}
	if err == nil {
		err = errors.New("no node")
	}
	return nil, err
}

func (n *nodeProcess) start() error {
	config, err := json.Marshal(n.config)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), nodeVariable+"="+string(config))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	n.cmd, n.stdin = cmd, stdin
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		n.kill()
		return fmt.Errorf("the node on %s ended at once", n.config.Addr)
	}
	return nil
}

// kill ends it with SIGKILL.
func (n *nodeProcess) kill() {
	if n.cmd == nil {
		return
	}
	n.green.Store(false)
	n.cmd.Process.Kill()
	n.stdin.Close()
	n.cmd.Wait() // says that it was killed
	n.cmd = nil
}

// terminate has it drain, and waits for its end.
func (n *nodeProcess) terminate() error {
	n.cmd.Process.Signal(syscall.SIGTERM)
	err := n.cmd.Wait()
	n.stdin.Close()
	n.cmd = nil
	n.green.Store(false)
	return err
}

func (n *nodeProcess) signal(s syscall.Signal) { n.cmd.Process.Signal(s) }

var asking = &http.Client{Timeout: time.Second}

// healthy asks the node whether it is well.
func (n *nodeProcess) healthy(ctx context.Context) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.config.Addr+"/health", nil)
	if err != nil {
		return false
	}
	answer, err := asking.Do(r)
	if err != nil {
		return false
	}
	io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// queues returns how many bytes wait for each member of a room.
func (n *nodeProcess) queues(kind, room string) (queues []int) {
	n.ask("/queues/"+kind+"/"+room, &queues)
	return queues
}

// nodesPresent returns the nodes on which members of these rooms are, as this one knows it.
func (n *nodeProcess) nodesPresent(kind string, rooms ...string) (names map[string]bool, ok bool) {
	names = map[string]bool{}
	for _, room := range rooms {
		var members []hub.Member
		if !n.ask("/present/"+kind+"/"+room, &members) {
			return nil, false
		}
		for _, m := range members {
			names[m.Node] = true
		}
	}
	return names, true
}

// ask asks the node for something in JSON.
func (n *nodeProcess) ask(path string, v any) bool {
	answer, err := asking.Get("http://" + n.config.Addr + path)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == http.StatusOK && json.NewDecoder(answer.Body).Decode(v) == nil
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
