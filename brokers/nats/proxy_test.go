package natsbroker

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// proxy is the network between a node and its server.
type proxy struct {
	url    string
	target string
	ln     net.Listener
	all    sync.WaitGroup

	mu      sync.Mutex
	parted  bool
	torn    map[net.Conn]bool // of which something was swallowed, among all connections
	servers map[net.Conn]bool // those to the server
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{
		url: "nats://" + ln.Addr().String(), target: strings.TrimPrefix(target, "nats://"), ln: ln,
		torn: map[net.Conn]bool{}, servers: map[net.Conn]bool{},
	}
	p.all.Go(p.accept)
	t.Cleanup(func() {
		ln.Close()
		p.cut(func(net.Conn) bool { return true })
		p.all.Wait()
	})
	return p
}

func (p *proxy) accept() {
	for {
		near, err := p.ln.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.target)
		if err != nil {
			near.Close()
			continue
		}
		p.mu.Lock()
		p.torn[near], p.torn[far], p.servers[far] = p.parted, p.parted, true
		p.mu.Unlock()
		p.all.Go(func() { p.pass(near, far) })
		p.all.Go(func() { p.pass(far, near) })
	}
}

// pass passes on what comes from one side, or swallows it.
func (p *proxy) pass(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		p.mu.Lock()
		torn := p.torn[from] || p.parted
		p.torn[from] = torn
		if err != nil {
			delete(p.torn, from)
			delete(p.servers, from)
		}
		p.mu.Unlock()
		if err != nil {
			return
		}
		if torn {
			continue
		}
		if _, err := to.Write(b[:n]); err != nil {
			io.Copy(io.Discard, from)
			return
		}
	}
}

// part has all bytes swallowed.
func (p *proxy) part() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.parted = true
}

// heal ends that. A connection of which something is missing is reset.
func (p *proxy) heal() {
	p.mu.Lock()
	p.parted = false
	p.mu.Unlock()
	p.cut(func(c net.Conn) bool { return p.torn[c] })
}

func (p *proxy) cut(which func(net.Conn) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.torn {
		if which(c) {
			c.Close()
		}
	}
}

// inject sends something to the server, as if the node had.
func (p *proxy) inject(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.servers {
		c.Write([]byte(text))
	}
}
