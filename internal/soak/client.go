package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spoutws/spout"
)

// kind is a sort of client.
type kind struct {
	name   string
	share  int // of all clients, in percent
	typ    spout.Type
	size   int           // of the largest message, in bytes
	window int           // messages that may wait for their echo
	pause  time.Duration // on average, between two messages
	stream bool          // messages are written and read as streams, in fragments
	served bool          // echoes come to a handler
	pings  bool          // pings are sent all the time
	slow   time.Duration // how long each echo takes to be handled
	stuck  bool          // nothing is read at all, until the server gives up
}

var kinds = []kind{
	{name: "text", share: 25, typ: spout.TextMessage, size: 2000, window: 8, pause: 40 * time.Millisecond},
	{name: "binary", share: 20, typ: spout.BinaryMessage, size: 4000, window: 8, pause: 40 * time.Millisecond},
	{name: "large", share: 10, typ: spout.BinaryMessage, size: maxSize, window: 4, pause: 200 * time.Millisecond},
	{name: "streams", share: 15, typ: spout.TextMessage, size: 60_000, window: 4, pause: 100 * time.Millisecond, stream: true},
	{name: "handlers", share: 15, typ: spout.TextMessage, size: 2000, window: 8, pause: 40 * time.Millisecond, served: true, pings: true},
	{name: "slow readers", share: 9, typ: spout.BinaryMessage, size: 100_000, window: 64, pause: 10 * time.Millisecond, slow: 50 * time.Millisecond},
	{name: "idle", share: 4, typ: spout.TextMessage, size: 100, window: 1, pause: 10 * time.Second},
	{name: "stuck readers", share: 2, typ: spout.BinaryMessage, size: 100_000, window: 1000, stuck: true},
}

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

// tally counts what all clients did.
type tally struct {
	messages, bytes, pings, pongs, ticks atomic.Int64
	compressed                           atomic.Int64 // connections
	ends                                 [endings]atomic.Int64
}

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

func (c *client) dial() error {
	transport := &watched{client: c, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := new(net.Dialer).DialContext(ctx, network, addr)
			if err == nil {
				c.socket = nc.(*net.TCPConn)
			}
			return nc, err
		},
		DisableKeepAlives: true,
		// The certificate is the server's own, which this is not about.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
	d := spout.Dialer{Options: options(c.deflate), Client: &http.Client{Transport: transport}}
	url := "ws://" + c.server.Plain
	if c.secure {
		url = "wss://" + c.server.TLS
	}
	path := "narrow"
	if c.deflate == wide {
		path = "wide"
	}
	bound, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var err error
	c.conn, err = d.Dial(bound, fmt.Sprintf("%s/%s?client=%d", url, path, c.id))
	return err
}

// watched counts the connections on which compression was agreed.
type watched struct {
	*http.Transport
	client *client
}

func (w *watched) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.Transport.RoundTrip(r)
	if err == nil && resp.Header.Get("Sec-Websocket-Extensions") != "" {
		w.client.tally.compressed.Add(1)
	}
	return resp, err
}

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
