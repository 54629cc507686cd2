package natsbroker

import (
	"context"
	"sync"
)

// group runs one thing for all who want it at a time: who comes while a run is under way waits for the next
// one, with all others who do.
type group struct {
	run func() error

	mu      sync.Mutex
	next    *run // nil if nobody waits
	running bool
}

type run struct {
	done chan struct{}
	err  error
}

// wait returns what a run returns that begins after wait was called.
func (g *group) wait(ctx context.Context) error {
	mine := g.start()
	select {
	case <-mine.done:
		return mine.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// start has a run begin, soon, and returns it.
func (g *group) start() *run {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.next == nil {
		g.next = &run{done: make(chan struct{})}
	}
	if !g.running {
		g.running = true
		go g.lead()
	}
	return g.next
}

func (g *group) lead() {
	for {
		g.mu.Lock()
		r := g.next
		g.next = nil
		g.running = r != nil
		g.mu.Unlock()
		if r == nil {
			return
		}
		r.err = g.run()
		close(r.done)
	}
}
