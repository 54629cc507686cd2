//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"github.com/spoutws/spout/bench/process"
)

// plan is what is to be done.
type plan struct {
	conns, each int
	ping, hold  time.Duration
}

// servers is how many there are, each with a client of its own.
func (p plan) servers() int { return (p.conns + p.each - 1) / p.each }

// pair is a server and its client.
type pair struct {
	server, client *process.Child
	from           netip.Addr
	to             netip.AddrPort
	conns          int
}

// warm is how many connections a server has before it is measured what more of them take.
const warm = 100

// run does what is planned, and prints what it was like. It fails if a connection was lost.
func (p plan) run(out io.Writer) error {
	can, err := most()
	if err != nil {
		return err
	}
	if p.each == 0 {
		p.each = can
	}
	if p.each > can {
		return fmt.Errorf("a server can have at most %d connections here", can)
	}
	if err := p.check(out); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s connections to %d servers, as many clients; at most %s each\n\n", thousands(int64(p.conns)), p.servers(), thousands(int64(p.each)))
	var pairs []*pair
	defer func() {
		for _, x := range pairs {
			x.stop()
		}
	}()
	for left := p.conns; left > 0; left -= p.each {
		x, err := p.start(len(pairs)+1, min(left, p.each))
		if err != nil {
			return err
		}
		pairs = append(pairs, x)
	}
	return p.measure(out, pairs)
}

// start starts the nth pair.
func (p plan) start(n, conns int) (x *pair, err error) {
	// Addresses for each: so many connections have ports of their own.
	x = &pair{conns: conns, from: netip.AddrFrom4([4]byte{127, 1, byte(n >> 8), byte(n)})}
	if x.server, err = process.Start(-1, serverArgument); err != nil {
		return nil, err
	}
	if x.client, err = process.Start(-1, clientArgument); err != nil {
		x.server.Stop()
		return nil, err
	}
	if err := x.server.Ask(askServe, order{netip.AddrFrom4([4]byte{127, 0, byte(n >> 8), byte(n)}), p.ping}, &x.to); err != nil {
		x.stop()
		return nil, err
	}
	return x, nil
}

func (x *pair) stop() {
	x.client.Stop()
	x.server.Stop()
}

func (x *pair) connect(n int) error { return x.client.Ask(askConnect, job{x.from, x.to, n}, nil) }

// each does something with all pairs, as many at a time as there are processors.
func each(pairs []*pair, f func(*pair) error) error {
	var wg sync.WaitGroup
	turns := make(chan struct{}, runtime.NumCPU())
	errs := make([]error, len(pairs))
	for i, x := range pairs {
		turns <- struct{}{}
		wg.Go(func() {
			errs[i] = f(x)
			<-turns
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// sum asks all pairs for a number.
func sum(pairs []*pair, f func(*pair, *int) error) (total int, err error) {
	var mu sync.Mutex
	err = each(pairs, func(x *pair) error {
		var n int
		err := f(x, &n)
		mu.Lock()
		defer mu.Unlock()
		total += n
		return err
	})
	return total, err
}

// used asks all servers what they have used.
func used(pairs []*pair) (total usage, err error) {
	var mu sync.Mutex
	err = each(pairs, func(x *pair) error {
		var u usage
		err := x.server.Ask(askUsage, nil, &u)
		mu.Lock()
		defer mu.Unlock()
		total.add(u)
		return err
	})
	return total, err
}
