package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/spoutws/spout"
)

// read receives until the connection ends.
func (c *client) read(e ending) {
	switch {
	case c.served:
		c.conn.Serve(receiver{client: c})
		return
	case e == endStuck:
		m, err := c.conn.Read(context.Background())
		for err == nil && c.receive(m) == nil && !isClosed(c.greeted) {
			m, err = c.conn.Read(context.Background())
		}
		<-c.conn.Context().Done()
		return
	}
	for {
		var m spout.Message
		var err error
		if c.stream {
			var r io.Reader
			if m.Type, r, err = c.conn.Reader(context.Background()); err == nil {
				m.Data, err = io.ReadAll(r)
			}
		} else {
			m, err = c.conn.Read(context.Background())
		}
		if err == nil {
			err = c.receive(m)
		}
		if err != nil {
			return
		}
	}
}

func isClosed(c <-chan struct{}) bool { return stopped(c) }

// receiver has the messages of a served connection received.
type receiver struct {
	spout.Base
	client *client
}

func (r receiver) OnMessage(_ *spout.Conn, m spout.Message) error { return r.client.receive(m) }
func (r receiver) OnPong(*spout.Conn, []byte)                     { r.client.tally.pongs.Add(1) }

// receive takes a message. An error ends the connection.
func (c *client) receive(m spout.Message) error {
	if c.slow > 0 {
		time.Sleep(rand.N(2 * c.slow))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.take(m)
	if err != nil && c.fault == nil {
		c.fault = err
		c.conn.CloseNow()
	}
	return err
}

// take holds a message against what may come. c.mu is held.
func (c *client) take(m spout.Message) error {
	var n int
	head := string(m.Data[:min(20, len(m.Data))])
	if _, err := fmt.Sscanf(head, tick, &n); err == nil {
		if n <= c.ticks {
			return fmt.Errorf("tick %d after %d", n, c.ticks)
		}
		c.ticks = n
		c.tally.ticks.Add(1)
		return nil
	}
	if !isClosed(c.greeted) {
		if _, err := fmt.Sscanf(head, greeting, &n); err != nil {
			return fmt.Errorf("%.20q instead of a greeting", m.Data)
		}
		close(c.greeted)
		return c.account.resumed(n, c.exactly)
	}
	if _, err := fmt.Sscanf(head, numbered, &n); err != nil {
		return fmt.Errorf("%.20q instead of an echo", m.Data)
	}
	if err := c.account.echoed(n); err != nil {
		return err
	}
	if want := message(c.id, n, c.typ, c.size); m.Type != want.Type || !bytes.Equal(m.Data, want.Data) {
		return fmt.Errorf("the echo of message %d is not what was sent: %v of %d bytes", n, m.Type, len(m.Data))
	}
	c.window <- struct{}{}
	return nil
}
