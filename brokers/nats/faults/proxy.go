//go:build unix

package main

import (
	"net"
	"sync"
	"time"
)

// proxy is the network between a node and the broker. It passes on what comes, or not.
type proxy struct {
	addr   string // where the node connects
	target string
	ln     net.Listener

	mu      sync.Mutex
	swallow bool
	delay   time.Duration
	links   map[*link]struct{}
}

// link is a connection through a proxy. What was swallowed is missing in it for good: when the network is
// whole again, it is reset, as a partition that lasts has connections reset.
type link struct {
	near, far *net.TCPConn
	torn      bool // something was swallowed
}

func newProxy(target string) (*proxy, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{addr: ln.Addr().String(), target: target, ln: ln, links: map[*link]struct{}{}}
	go p.accept()
	return p, nil
}

func (p *proxy) accept() {
	for {
		near, err := p.ln.Accept()
		if err != nil {
			return
		}
		go p.connect(near.(*net.TCPConn))
	}
}

func (p *proxy) connect(near *net.TCPConn) {
	l := &link{near: near}
	p.mu.Lock()
	parted := p.swallow
	p.mu.Unlock()
	if !parted { // else it looks to the node as if the server said nothing
		far, err := net.Dial("tcp", p.target)
		if err != nil {
			near.SetLinger(0)
			near.Close()
			return
		}
		l.far = far.(*net.TCPConn)
	}
	p.mu.Lock()
	p.links[l] = struct{}{}
	l.torn = parted
	p.mu.Unlock()
	if l.far == nil {
		p.copy(l, nil, near)
		p.drop(l)
		return
	}
	var both sync.WaitGroup
	both.Go(func() { p.copy(l, l.far, near); p.drop(l) })
	both.Go(func() { p.copy(l, near, l.far); p.drop(l) })
	both.Wait()
}

// copy passes on what comes in one direction: after the delay, in order.
func (p *proxy) copy(l *link, to, from *net.TCPConn) {
	type part struct {
		data []byte
		due  time.Time
	}
	parts := make(chan part, 1024)
	var written sync.WaitGroup
	written.Go(func() {
		for part := range parts {
			time.Sleep(time.Until(part.due))
			if _, err := to.Write(part.data); err != nil {
				p.drop(l)
			}
		}
	})
	defer written.Wait()
	defer close(parts)
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		p.mu.Lock()
		l.torn = l.torn || p.swallow
		torn, delay := l.torn, p.delay
		p.mu.Unlock()
		if !torn {
			parts <- part{append([]byte(nil), buffer[:n]...), time.Now().Add(delay)}
		}
	}
}

// drop resets both connections of a link.
func (p *proxy) drop(l *link) {
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
	for _, c := range []*net.TCPConn{l.near, l.far} {
		if c != nil {
			c.SetLinger(0)
			c.Close()
		}
	}
}

// part swallows everything from now on.
func (p *proxy) part() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.swallow = true
	for l := range p.links {
		l.torn = true
	}
}

// heal ends a partition.
func (p *proxy) heal() {
	p.mu.Lock()
	p.swallow = false
	p.mu.Unlock()
	p.reset(func(l *link) bool { return l.torn })
}

func (p *proxy) reset(which func(*link) bool) {
	var chosen []*link
	p.mu.Lock()
	for l := range p.links {
		if which(l) {
			chosen = append(chosen, l)
		}
	}
	p.mu.Unlock()
	for _, l := range chosen {
		p.drop(l)
	}
}

func (p *proxy) setDelay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

func (p *proxy) close() {
	p.ln.Close()
	p.reset(func(*link) bool { return true })
}
