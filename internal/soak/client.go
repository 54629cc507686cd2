package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/spoutws/spout"
)

// ending is a way in which a client's connection ends.
type ending int

const (
	endFinish ending = iota // the client closes when all echoes are there
	endClose                // the client closes while echoes are on their way
	endAsked                // the server closes,
	endFail                 // its handler fails,
	endPanic                // or panics
	endNow                  // the client drops the connection
	endReset                // the TCP connection is reset, in mid-message perhaps
	endStuck                // the server gives up, since nobody reads
	endings
)

var endingNames = [endings]string{"finished", "closed", "asked to close", "failed", "panicked", "dropped", "reset", "given up"}

// client is one client, over all its connections.
type client struct {
	kind
	id      int
	secure  bool
	deflate *spout.Deflate // nil: no compression
	server  *hello
	tally   *tally
	stop    <-chan struct{} // closed when it is to come to an end
	account account         // guarded by mu
	mu      sync.Mutex

	// Of the connection:
	conn    *spout.Conn
	socket  *net.TCPConn
	window  chan struct{} // has an element for each message that may still be sent
	greeted chan struct{} // closed when the server has said what it had last
	exactly int           // what it must be, -1 if that is not known
	ticks   int
	fault   error // what went wrong first
}

// life is all connections of a client, one after the other. The first greeting is reported.
func (c *client) life(up func()) error {
	c.exactly = 0
	for n := 0; ; n++ {
		over := stopped(c.stop)
		e := endFinish // the last one has nothing left to lose
		switch {
		case over && n > 0:
		case c.stuck:
			e = endStuck
		default:
			e = ending(rand.IntN(int(endStuck)))
		}
		if err := c.session(e, up); err != nil {
			return fmt.Errorf("client %d (%s), connection %d, to be %s: %w", c.id, c.name, n, endingNames[e], err)
		}
		c.tally.ends[e].Add(1)
		up = func() {}
		if over {
			return nil
		}
		if c.stuck {
			sleep(rand.N(10*time.Second), c.stop)
		}
	}
}

func stopped(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

// sleep waits for d, or until stop is closed.
func sleep(d time.Duration, stop <-chan struct{}) {
	select {
	case <-time.After(d):
	case <-stop:
	}
}

// session is one connection, which is to end as e says.
func (c *client) session(e ending, up func()) error {
	if err := c.dial(); err != nil {
		return err
	}
	c.window, c.greeted, c.ticks = make(chan struct{}, c.kind.window), make(chan struct{}), 0
	for range c.kind.window {
		c.window <- struct{}{}
	}
	var reading, pinging sync.WaitGroup
	read := make(chan struct{}) // closed when nothing more is read
	reading.Go(func() {
		defer close(read)
		c.read(e)
	})
	select {
	case <-c.greeted:
	case <-read:
		return c.result("before the greeting")
	}
	up()
	if c.pings {
		pinging.Go(func() { c.pingAll(read) })
	}
	accepted := c.send(e, read)
	reading.Wait()
	pinging.Wait()
	<-c.conn.Context().Done()

	c.mu.Lock()
	defer c.mu.Unlock()
	end := context.Cause(c.conn.Context()).(*spout.CloseError)
	if !e.fits(end) {
		return errors.Join(c.fault, fmt.Errorf("ended with %v", end))
	}
	switch c.exactly = accepted; e {
	case endNow, endReset, endStuck:
		c.exactly = -1
	case endClose:
	default:
		if c.account.acked != accepted {
			return errors.Join(c.fault, fmt.Errorf("%d messages were sent, the last echo was %d, then %v", accepted, c.account.acked, end))
		}
	}
	return c.fault
}

func (c *client) result(when string) error {
	<-c.conn.Context().Done()
	return errors.Join(c.fault, fmt.Errorf("%s: %w", when, context.Cause(c.conn.Context())))
}

// fits reports whether a connection ended as it had to.
func (e ending) fits(end *spout.CloseError) bool {
	switch e {
	case endFinish:
		return end.Code == spout.CloseNormal && !end.Remote && end.Err == nil
	case endClose:
		return end.Code == closeDone && !end.Remote && end.Err == nil
	case endAsked:
		return end.Code == closeAsked && end.Remote
	case endFail, endPanic:
		return end.Code == spout.CloseInternal && end.Remote
	}
	return end.Code == spout.CloseAbnormal
}
