package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
)

// Client stays in a room. It does so while the iterator of [Client.Events] is ranged over; all other methods
// may be called from any goroutine. The fields must not change after the first call, and a Client must not
// be copied.
//
// It connects again after every end of a connection but these: the server closes with 1000, which ends
// Events without an error, or refuses the Client for good ([RefusedError]). It waits at random up to
// 0.5 s first, and up to twice as long after each failure; when a connection has lasted for 10 s, that
// begins anew. A Retry-After of an answer is heeded up to 10 minutes.
//
// Of each room, no message comes twice or out of order, and none is missing without a [hub.Gap] before
// the next; but without history, what came just before a disconnection may come again after it, from another node
// that had not come as far. If the server has the connection join several rooms, that of the first is recovered after a
// disconnection; the others have a gap.
type Client struct {
	// URL is that of the room, of scheme ws, wss, http or https. Its query parameter "position" is the Client's.
	URL string

	// Dialer makes the connections. nil means the defaults. A dial has 10 s, unless the Dialer's own
	// http.Client has another Timeout.
	Dialer *spout.Dialer

	// Since is the Position of the last message that the program has had, in an earlier life. The zero
	// Position means that there was none: no gap is told of then.
	Since hub.Position

	// MaxWait bounds the wait before the next attempt to connect. Default: 30 s.
	MaxWait time.Duration

	running atomic.Bool
	rooms   recovery // belongs to who is running
	conn    atomic.Pointer[spout.Conn]
	asker   hub.Asker
}

const (
	dialTimeout = 10 * time.Second
	longEnough  = 10 * time.Second // what has lasted so long was no failure
)

// ErrDisconnected is what Send, Write and Ask return while there is no connection. Nothing was sent.
var ErrDisconnected = errors.New("client: not connected")

// errStopped says that the loop over Events was left.
var errStopped = errors.New("client: nobody ranges over Events any more")

// Events returns an iterator that connects, and goes on for as long as it is ranged over: over what the
// server says and what becomes of the connection. It ends with an error that wraps ctx.Err() when ctx
// ends, with a *[RefusedError], or with a *[spout.UsageError] if the Client can't connect as it is
// configured; without an error if the server has closed the connection with 1000. Leaving the loop
// closes the connection; the next call of Events goes on where it stopped.
//
// A few messages are received ahead. When the loop does not keep up, the server notices, which closes
// the connection in the end; what the loop has not had then comes with the next one.
func (c *Client) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if c.running.Swap(true) {
			yield(Event{}, &spout.UsageError{Op: "events", Reason: "another loop ranges over the Client's Events; one may at a time"})
			return
		}
		defer c.running.Store(false)
		err := c.run(ctx, func(e Event) bool { return yield(e, nil) })
		if err != errStopped && spout.CloseCode(err) != spout.CloseNormal {
			yield(Event{}, err)
		}
	}
}

// run connects again and again.
func (c *Client) run(ctx context.Context, yield func(Event) bool) error {
	if c.rooms.rooms == nil {
		c.rooms.since = c.Since
	}
	for failures := 0; ; failures++ {
		lasted, err := c.connect(ctx, yield)
		_, misused := errors.AsType[*spout.UsageError](err)
		switch {
		case err == errStopped || misused || spout.CloseCode(err) == spout.CloseNormal:
			return err
		case ctx.Err() != nil:
			return fmt.Errorf("client: %w", ctx.Err())
		case refused(err):
			return &RefusedError{err}
		case lasted >= longEnough:
			failures = 0
		}
		wait := c.wait(failures, err)
		again := time.NewTimer(wait)
		defer again.Stop()
		if !yield(Event{Type: Disconnected, Err: err, Retry: wait}) {
			return errStopped
		}
		select {
		case <-again.C:
		case <-ctx.Done():
		}
	}
}

// connect makes one connection, and delivers what comes until it has ended. It returns how long it lasted, and why
// it has ended.
func (c *Client) connect(ctx context.Context, yield func(Event) bool) (lasted time.Duration, err error) {
	conn, err := c.dial(ctx)
	if err != nil {
		return 0, err
	}
	opened := time.Now()
	c.conn.Store(conn)
	ctx, cancel := context.WithCancel(ctx)
	defer func() { // also if the body of the loop panics
		cancel()
		c.conn.Store(nil)
		conn.Close(spout.CloseNormal, "") // if it is not closed yet
		c.rooms.disconnected()
	}()
	messages := make(chan received, ahead)
	ended := make(chan error, 1)
	go func() {
		defer close(messages)
		ended <- c.receive(ctx, conn, messages)
	}()
	for r := range messages {
		if ctx.Err() != nil {
			break
		}
		if err := c.deliver(r, yield); err != nil {
			if err != errStopped {
				conn.Close(spout.CloseProtocol, "the order of envelopes")
			}
			return time.Since(opened), err
		}
	}
	return time.Since(opened), <-ended
}

// dial connects once.
func (c *Client) dial(ctx context.Context) (*spout.Conn, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, &spout.UsageError{Op: "events", Reason: err.Error()}
	}
	query := u.Query()
	query.Set("position", c.rooms.position().String())
	u.RawQuery = query.Encode()
	d := c.Dialer
	if d == nil {
		d = new(spout.Dialer)
	}
	if d.Client == nil || d.Client.Timeout <= 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, dialTimeout)
		defer cancel()
	}
	return d.Dial(ctx, u.String())
}

// Send sends a message to the server as [spout.Conn.Send] does: not into the room, unless the server puts it there.
// While there is no connection, it returns [ErrDisconnected]. nil does not mean that the server got
// the message: Ask does.
func (c *Client) Send(m spout.Message) error {
	conn := c.conn.Load()
	if conn == nil {
		return ErrDisconnected
	}
	return conn.Send(m)
}

// Write is Send, but waits until there is room in the queue, as [spout.Conn.Write] does.
func (c *Client) Write(ctx context.Context, m spout.Message) error {
	conn := c.conn.Load()
	if conn == nil {
		return ErrDisconnected
	}
	return conn.Write(ctx, m)
}

// Ask sends a question to the server and returns its answer, as [hub.Asker.Ask] does; on the server, [hub.Asked]
// tells what is a question. While there is no connection, it returns [ErrDisconnected]; after any other error but
// a *[hub.AnswerError], it is not known whether the server got the question, and it is not asked again.
//
// In the body of the loop over Events, the answer may come behind more messages than are received
// ahead (64), which come only after it: Ask then fails at the end of its time.
func (c *Client) Ask(ctx context.Context, m spout.Message) (spout.Message, error) {
	conn := c.conn.Load()
	if conn == nil {
		return spout.Message{}, ErrDisconnected
	}
	return c.asker.Ask(ctx, conn, m)
}
