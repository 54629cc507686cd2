package spout_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
)

var errTest = errors.New("error of the test")

// answer plays a peer that answers a close frame in kind and sees the end.
func answer(p *peer, code uint16) {
	f := p.wantClose(code)
	p.send(masked(fin|opClose, string(f.payload)))
	p.wantEnd()
}

// failing returns a message event that fails with err.
func failing(err error) func(*spout.Conn, spout.Message) error {
	return func(*spout.Conn, spout.Message) error { return err }
}

// endings are the ways in which a connection ends: what the peer and the program do once it is
// open, and what OnClose gets.
var endings = []struct {
	name    string
	message func(*spout.Conn, spout.Message) error // the event that the peer's "go" causes
	play    func(c *spout.Conn, p *peer)
	want    spout.CloseError // Err is compared with errors.Is; io.EOF stands for any
	own     bool             // errors.Is(err, net.ErrClosed)
}{
	{name: "peer closes", want: spout.CloseError{Code: 1000, Reason: "bye", Remote: true},
		play: func(c *spout.Conn, p *peer) {
			p.send(masked(fin|opClose, closing(1000, "bye")))
			p.wantClose(1000)
			p.wantEnd()
		}},
	{name: "peer closes without a code", want: spout.CloseError{Code: 1005, Remote: true},
		play: func(c *spout.Conn, p *peer) {
			p.send(masked(fin|opClose, ""))
			p.want(fin|opClose, "")
			p.wantEnd()
		}},
	{name: "peer closes with a code of its own", want: spout.CloseError{Code: 4321, Reason: "ünïcode", Remote: true},
		play: func(c *spout.Conn, p *peer) {
			p.send(masked(fin|opClose, closing(4321, "ünïcode")))
			p.wantClose(4321)
			p.wantEnd()
		}},
	{name: "peer is gone", want: spout.CloseError{Code: 1006, Err: io.EOF},
		play: func(c *spout.Conn, p *peer) { p.nc.Close() }},
	{name: "peer is gone in mid-frame", want: spout.CloseError{Code: 1006, Err: io.EOF},
		play: func(c *spout.Conn, p *peer) {
			p.send(masked(fin|opText, "whole")[:8])
			p.nc.Close()
		}},
	{name: "peer breaks the protocol", want: spout.CloseError{Code: 1002, Reason: "frame of a client is not masked", Err: io.EOF},
		play: func(c *spout.Conn, p *peer) {
			p.send(unmasked(fin|opText, "x"))
			p.wantClose(1002)
			p.wantEnd()
		}},
	{name: "Close", want: spout.CloseError{Code: 1000, Reason: "done"}, own: true,
		play: func(c *spout.Conn, p *peer) {
			c.Close(spout.CloseNormal, "done")
			answer(p, 1000)
		}},
	{name: "Close without a code", want: spout.CloseError{Code: 1005}, own: true,
		play: func(c *spout.Conn, p *peer) {
			c.Close(0, "")
			p.want(fin|opClose, "")
			p.send(masked(fin|opClose, ""))
			p.wantEnd()
		}},
	{name: "Close with a code of one's own", want: spout.CloseError{Code: 4999, Reason: "mine"}, own: true,
		play: func(c *spout.Conn, p *peer) {
			c.Close(4999, "mine")
			answer(p, 4999)
		}},
	{name: "Close answered with another code", want: spout.CloseError{Code: 4000}, own: true,
		play: func(c *spout.Conn, p *peer) {
			c.Close(4000, "")
			p.wantClose(4000)
			p.send(masked(fin|opClose, closing(4001, "another")))
			p.wantEnd()
		}},
	{name: "both close at once", want: spout.CloseError{Code: 4000}, own: true,
		play: func(c *spout.Conn, p *peer) {
			c.Close(4000, "") // which the peer has not seen when it closes too
			p.send(masked(fin|opClose, closing(4001, "at once")))
			p.wantClose(4000)
			p.wantEnd()
		}},
	{name: "Close answered with the end of the stream", want: spout.CloseError{Code: 1000}, own: true,
		play: func(c *spout.Conn, p *peer) {
			c.Close(spout.CloseNormal, "")
			p.wantClose(1000)
			p.nc.Close()
		}},
	{name: "Close not answered", want: spout.CloseError{Code: 1001, Err: io.EOF},
		play: func(c *spout.Conn, p *peer) {
			c.Close(spout.CloseGoingAway, "")
			p.wantClose(1001)
			p.wantEnd()
		}},
	{name: "CloseNow", want: spout.CloseError{Code: 1006}, own: true,
		play: func(c *spout.Conn, p *peer) {
			c.CloseNow()
			p.wantEnd()
		}},
	{name: "Close, then CloseNow", want: spout.CloseError{Code: 1000}, own: true,
		play: func(c *spout.Conn, p *peer) {
			c.Close(spout.CloseNormal, "")
			c.CloseNow()
			p.nc.Close()
		}},
	{name: "event fails", message: failing(errTest), want: spout.CloseError{Code: 1011, Err: errTest},
		play: func(c *spout.Conn, p *peer) { answer(p, 1011) }},
	{name: "event fails for a full queue", message: failing(fmt.Errorf("room: %w", spout.ErrFull)),
		want: spout.CloseError{Code: 1013, Err: spout.ErrFull},
		play: func(c *spout.Conn, p *peer) { answer(p, 1013) }},
	{name: "event returns a CloseError", message: failing(&spout.CloseError{Code: 4002, Reason: "so be it"}),
		want: spout.CloseError{Code: 4002, Reason: "so be it"}, own: true,
		play: func(c *spout.Conn, p *peer) { answer(p, 4002) }},
	{name: "event wraps a CloseError", message: failing(errors.Join(errTest, &spout.CloseError{Code: 4003, Reason: "x", Remote: true})),
		want: spout.CloseError{Code: 4003, Reason: "x", Err: errTest},
		play: func(c *spout.Conn, p *peer) { answer(p, 4003) }},
	{name: "event fails for something else that is closed", message: failing(fmt.Errorf("database: %w", net.ErrClosed)),
		want: spout.CloseError{Code: 1011, Err: io.EOF},
		play: func(c *spout.Conn, p *peer) { answer(p, 1011) }},
	{name: "event returns a code that may not be sent", message: failing(&spout.CloseError{Code: 1006}),
		want: spout.CloseError{Code: 1011, Err: io.EOF},
		play: func(c *spout.Conn, p *peer) { answer(p, 1011) }},
	{name: "event returns a code that is none", message: failing(&spout.CloseError{Code: 999}),
		want: spout.CloseError{Code: 1011, Err: io.EOF},
		play: func(c *spout.Conn, p *peer) { answer(p, 1011) }},
	{name: "event returns a reason that is too long", message: failing(&spout.CloseError{Code: 4004, Reason: strings.Repeat("x", 124)}),
		want: spout.CloseError{Code: 4004, Err: io.EOF},
		play: func(c *spout.Conn, p *peer) { answer(p, 4004) }},
	{name: "event panics", message: func(*spout.Conn, spout.Message) error { panic(errTest) },
		want: spout.CloseError{Code: 1011, Err: io.EOF},
		play: func(c *spout.Conn, p *peer) { answer(p, 1011) }},
	{name: "event closes, then fails", message: func(c *spout.Conn, _ spout.Message) error {
		c.Close(4005, "first")
		return errTest
	}, want: spout.CloseError{Code: 4005, Reason: "first"}, own: true,
		play: func(c *spout.Conn, p *peer) { answer(p, 4005) }},
	{name: "CloseNow within an event", message: func(c *spout.Conn, _ spout.Message) error { return c.CloseNow() },
		want: spout.CloseError{Code: 1006}, own: true,
		play: func(c *spout.Conn, p *peer) { p.wantEnd() }},
}

// However a connection ends, OnClose comes once, last, and with a CloseError that says how; all
// calls that follow, and the connection's context, say the same.
func TestCloseError(t *testing.T) {
	for _, end := range endings {
		t.Run(end.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &recorder{message: end.message}
				c, p := served(t, h, spout.Options{})
				want := []string{"open"}
				if end.message != nil {
					p.send(masked(fin|opText, "go"))
					want = append(want, "text go")
				}
				synctest.Wait()
				end.play(c, p)
				got := h.wait(t)
				wantEnding(t, got, &end.want)
				if own := errors.Is(got, net.ErrClosed); own != end.own {
					t.Errorf("errors.Is(%v, net.ErrClosed) is %v", got, own)
				}
				h.want(t, append(want, fmt.Sprintf("close %d", end.want.Code))...)
				if cause := context.Cause(c.Context()); spout.CloseCode(cause) != got.Code {
					t.Errorf("Context ended with %v", cause)
				}
				time.Sleep(time.Hour) // nothing follows
				h.want(t, append(want, fmt.Sprintf("close %d", end.want.Code))...)
				wantEnding(t, await(c), &end.want)
				for name, err := range map[string]error{
					"Send":      c.Send(spout.Text("x")),
					"Write":     c.Write(t.Context(), spout.Text("x")),
					"SendJSON":  c.SendJSON(1),
					"WriteJSON": c.WriteJSON(t.Context(), 1),
					"WriteFrom": c.WriteFrom(t.Context(), spout.TextMessage, strings.NewReader("x")),
					"Ping":      c.Ping(nil),
					"Close":     c.Close(spout.CloseNormal, ""),
					"CloseNow":  c.CloseNow(),
				} {
					if spout.CloseCode(err) != end.want.Code {
						t.Errorf("%s afterwards: %v", name, err)
					}
				}
			})
		})
	}
}

func wantEnding(t *testing.T, got, want *spout.CloseError) {
	t.Helper()
	if got.Code != want.Code || got.Reason != want.Reason || got.Remote != want.Remote {
		t.Errorf("ended with %#v, want %#v", got, want)
	}
	switch {
	case want.Err == nil && got.Err != nil, want.Err == io.EOF && got.Err == nil:
		t.Errorf("Err is %v", got.Err)
	case want.Err != nil && want.Err != io.EOF && !errors.Is(got, want.Err):
		t.Errorf("Err is %v, want %v", got.Err, want.Err)
	}
	if !strings.Contains(got.Error(), fmt.Sprint(uint16(got.Code))) || !strings.Contains(got.Error(), got.Reason) {
		t.Errorf("its text is %q", got.Error())
	}
}

// CloseCode finds the code of a CloseError anywhere in an error.
func TestCloseCode(t *testing.T) {
	e := &spout.CloseError{Code: 4711}
	for err, want := range map[error]spout.Code{
		nil: 0, errTest: 0, e: 4711, errors.Join(errTest, e): 4711, spout.ErrFull: 0,
	} {
		if got := spout.CloseCode(err); got != want {
			t.Errorf("CloseCode(%v) = %v, want %v", err, got, want)
		}
	}
	if s := spout.CloseGoingAway.String() + ", " + spout.Code(4711).String(); s != "1001 going away, 4711" {
		t.Errorf("codes read %q", s)
	}
}
