package main

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/spoutws/spout"
)

// send sends numbered messages and then ends the connection. It returns the last one that was accepted.
func (c *client) send(e ending, read <-chan struct{}) (accepted int) {
	c.mu.Lock()
	accepted = c.account.sent
	c.mu.Unlock()
	for quota := rand.IntN(200); quota > 0 || e == endStuck; quota-- {
		if c.pause > 0 {
			sleep(rand.N(2*c.pause), c.stop)
		}
		if stopped(c.stop) && e != endStuck {
			break
		}
		select {
		case <-c.window:
		case <-read:
			return accepted
		}
		n := accepted + 1
		m := message(c.id, n, c.typ, c.size)
		c.mu.Lock()
		c.account.sent = n
		c.mu.Unlock()
		if e == endReset && rand.IntN(50) == 0 { // in mid-message, perhaps
			go cut(c.socket)
		}
		if err := c.write(n, m); err != nil {
			return accepted
		}
		accepted = n
		c.tally.messages.Add(1)
		c.tally.bytes.Add(int64(len(m.Data)))
	}
	c.end(e, accepted, read)
	return accepted
}

// write sends message n, in one of the ways that there are.
func (c *client) write(n int, m spout.Message) error {
	switch {
	case c.stream:
		return c.conn.WriteFrom(context.Background(), m.Type, &pieces{m.Data})
	case n%5 == 0:
		return c.conn.Write(context.Background(), m.Prepare())
	case n%5 == 1:
		return c.conn.Write(context.Background(), m.Uncompressed())
	case n%5 == 2:
		if err := c.conn.Send(m); err != spout.ErrFull {
			return err
		}
	}
	return c.conn.Write(context.Background(), m)
}

// pieces is a source that gives a little at a time.
type pieces struct{ rest []byte }

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.rest[:min(len(p.rest), 1+rand.IntN(5000))])
	p.rest = p.rest[n:]
	return n, nil
}

// end ends the connection.
func (c *client) end(e ending, accepted int, read <-chan struct{}) {
	switch e {
	case endFinish:
		// As many as may wait for their echoes: then all have theirs.
		for range cap(c.window) {
			select {
			case <-c.window:
			case <-read:
				return
			}
		}
		c.conn.Close(spout.CloseNormal, "")
	case endClose:
		c.conn.Close(closeDone, "")
	case endAsked:
		c.conn.Write(context.Background(), spout.Text(doClose))
	case endFail:
		c.conn.Write(context.Background(), spout.Text(doFail))
	case endPanic:
		c.conn.Write(context.Background(), spout.Text(doPanic))
	case endNow:
		c.conn.CloseNow()
	case endReset:
		cut(c.socket)
	}
}

// cut ends a TCP connection with a reset.
func cut(nc *net.TCPConn) {
	nc.SetLinger(0)
	nc.Close()
}

// pingAll sends pings until the connection ends.
func (c *client) pingAll(read <-chan struct{}) {
	for {
		select {
		case <-time.After(rand.N(100 * time.Millisecond)):
			if c.conn.Ping([]byte("soak")) == nil {
				c.tally.pings.Add(1)
			}
		case <-read:
			return
		}
	}
}
