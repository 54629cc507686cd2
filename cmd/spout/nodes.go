package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// nodes are the servers of the demo, in one process: each has a port, connections and a connection to the broker of
// its own.
type nodes struct {
	connect connect
	stdout  io.Writer
	stderr  io.Writer

	running sync.WaitGroup
	list    []*node

	mu       sync.Mutex
	ctx      context.Context // set by run
	stopping bool            // none is started any more
}

// node is a server of the demo, whose address stays when it is killed and started again.
type node struct {
	cfg config
	url string

	// Guarded by nodes.mu:
	server *server // nil if it is killed
	link   link
}

// heard notes that a bot of a node got what was said so long ago.
func (ns *nodes) heard(i int, delay time.Duration) {
	ns.mu.Lock()
	s := ns.list[i].server
	ns.mu.Unlock()
	if s != nil {
		s.live.watch.hear(delay)
	}
}

// nodeState is what the Live page shows of a node.
type nodeState struct {
	Name string `json:"name"`
	URL  string `json:"url"`
	Up   bool   `json:"up"`
}

// newNodes returns servers that listen: on the port of o.addr and those that follow it, or on any if that is 0.
func newNodes(ctx context.Context, o demoOptions, connect connect, stdout, stderr io.Writer) (_ *nodes, err error) {
	ns := &nodes{connect: connect, stdout: stdout, stderr: stderr}
	listeners := make([]net.Listener, o.nodes)
	defer func() {
		if err != nil {
			ns.close(listeners)
		}
	}()
	for i := range o.nodes {
		nd := &node{
			// A program pasted into a console may say localhost where the page says 127.0.0.1.
			cfg: config{maxMessage: defaultMaxMessage, loopbackOrigins: true, compress: true, demo: &demo{token: o.token, bots: o.bots, nodes: ns}},
		}
		if nd.cfg.addr, err = nextAddr(o.addr, i); err != nil {
			return nil, err
		}
		if listeners[i], err = nd.cfg.listen(); err != nil {
			return nil, err
		}
		nd.cfg.addr = listeners[i].Addr().String()
		nd.url = pageURL(listeners[i], false)
		ns.list = append(ns.list, nd)
	}
	for i, nd := range ns.list {
		if o.nats != "" { // there may be others elsewhere
			nd.cfg.node = nd.cfg.addr
		}
		if o.nodes > 1 {
			nd.cfg.node = cmp.Or(nd.cfg.node, strconv.Itoa(i+1))
			for _, other := range ns.list {
				_, port, _ := net.SplitHostPort(other.cfg.addr)
				nd.cfg.ports = append(nd.cfg.ports, port)
			}
		}
		if err = ns.open(ctx, nd, listeners[i]); err != nil {
			return nil, err
		}
	}
	return ns, nil
}

// nextAddr is addr with a port that is i higher, unless the system chooses it.
func nextAddr(addr string, i int) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if i == 0 || err != nil || port == "0" {
		return addr, err
	}
	number, err := net.LookupPort("tcp", port)
	return net.JoinHostPort(host, strconv.Itoa(number+i)), err
}

// open makes a node's server.
func (ns *nodes) open(ctx context.Context, nd *node, ln net.Listener) (err error) {
	if nd.link, err = ns.connect(ctx); err != nil {
		ln.Close()
		return err
	}
	nd.cfg.broker, nd.cfg.logger = nd.link.broker, nd.link.logger
	nd.server, err = newServer(&nd.cfg, ln, ns.stderr)
	return err
}

// close gives back what newNodes has opened before it failed.
func (ns *nodes) close(listeners []net.Listener) {
	for _, nd := range ns.list {
		if nd.link.close != nil {
			nd.link.close()
		}
	}
	for _, ln := range listeners {
		if ln != nil {
			ln.Close()
		}
	}
}

// run serves until ctx ends, and then drains all nodes.
func (ns *nodes) run(ctx context.Context) {
	ns.mu.Lock()
	ns.ctx = ctx
	for _, nd := range ns.list {
		ns.serve(nd)
	}
	ns.mu.Unlock()
	<-ctx.Done()
	ns.mu.Lock()
	ns.stopping = true
	ns.mu.Unlock()
	ns.running.Wait()
	for _, nd := range ns.list {
		if nd.server != nil {
			nd.link.close()
		}
	}
}

// serve has a node's server run. ns.mu is held.
func (ns *nodes) serve(nd *node) {
	s := nd.server
	ns.running.Go(func() {
		if err := s.run(ns.ctx, ns.stdout); err != nil && !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintf(ns.stderr, "spout demo: %v\n", err)
		}
	})
}

// kill ends a node as a crash would: clients and the other nodes get no word.
func (ns *nodes) kill(name string) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	i := ns.index(name)
	if i < 0 || ns.list[i].server == nil {
		return
	}
	nd := ns.list[i]
	fmt.Fprintf(ns.stdout, "node %s is killed\n", name)
	nd.link.cut()
	nd.server.kill()
	nd.server = nil
}

// start starts a node that was killed, with an empty memory.
func (ns *nodes) start(name string) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	i := ns.index(name)
	if i < 0 || ns.list[i].server != nil || ns.stopping {
		return
	}
	nd := ns.list[i]
	ln, err := nd.cfg.listen()
	if err == nil {
		err = ns.open(ns.ctx, nd, ln)
	}
	if err != nil {
		nd.server = nil
		fmt.Fprintf(ns.stderr, "spout demo: node %s can't be started: %v\n", name, err)
		return
	}
	fmt.Fprintf(ns.stdout, "node %s is started\n", name)
	ns.serve(nd)
}

func (ns *nodes) index(name string) int {
	return slices.IndexFunc(ns.list, func(nd *node) bool { return nd.cfg.node == name })
}

// several is nil if there is but one node, which is not to be killed.
func (ns *nodes) several() *nodes {
	if ns == nil || len(ns.list) == 1 {
		return nil
	}
	return ns
}

func (ns *nodes) states() (states []nodeState) {
	if ns == nil {
		return nil
	}
	ns.mu.Lock()
	defer ns.mu.Unlock()
	for _, nd := range ns.list {
		states = append(states, nodeState{Name: nd.cfg.node, URL: nd.url, Up: nd.server != nil})
	}
	return states
}
