package spout_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
)

// inside runs f within an event, which must return at once, and then the peer's part; the connection
// must live on if alive.
func inside(t *testing.T, o spout.Options, f func(c *spout.Conn) error, peer func(p *peer)) {
	t.Helper()
	eachStyle(t, func(t *testing.T, connect connector) {
		h := &recorder{message: func(c *spout.Conn, m spout.Message) error {
			if m.String() == "again" {
				return c.Send(m)
			}
			start := time.Now()
			err := f(c)
			if wait := time.Since(start); wait != 0 {
				t.Errorf("it took %v", wait)
			}
			return err
		}}
		p := connect(t, h, o)
		p.send(masked(fin|opText, "go"), masked(fin|opText, "again")) // so that answers are held back
		peer(p)
	})
}

// Within an event, Close and Ping return at once,
func TestCloseWithinAnEvent(t *testing.T) {
	inside(t, spout.Options{}, func(c *spout.Conn) error {
		if err := c.Close(4000, ""); err != nil {
			t.Error(err)
		}
		return nil
	}, func(p *peer) { p.wantClose(4000) })
	inside(t, spout.Options{}, func(c *spout.Conn) error {
		c.Send(text(1<<20, "in the way"))
		return c.Close(4000, "")
	}, func(p *peer) {
		p.wantTexts("in the way")
		p.wantClose(4000)
	})
}

func TestPingWithinAnEvent(t *testing.T) {
	inside(t, spout.Options{}, func(c *spout.Conn) error { return c.Ping([]byte("x")) }, func(p *peer) {
		p.want(fin|opPing, "x")
		p.want(fin|opText, "again")
	})
}

// Read fails at once: the handler is what gets the messages,
func TestReadWithinAnEvent(t *testing.T) {
	inside(t, spout.Options{}, func(c *spout.Conn) error {
		_, err := c.Read(context.Background())
		wantUsage(t, err, "served")
		_, _, err = c.Reader(context.Background())
		wantUsage(t, err, "served")
		for _, err := range c.Messages(context.Background()) {
			wantUsage(t, err, "served")
		}
		wantUsage(t, c.Serve(&recorder{}), "served")
		return nil
	}, func(p *peer) { p.want(fin|opText, "again") })
}

// and Write and WriteFrom to one's own connection let go of what is held back before they wait.
func TestWriteWithinAnEvent(t *testing.T) {
	inside(t, spout.Options{SendLimit: 1000}, func(c *spout.Conn) error {
		for range 10 {
			if err := c.Write(context.Background(), text(400, "written")); err != nil {
				return err
			}
		}
		return nil
	}, func(p *peer) {
		for range 10 {
			p.wantTexts("written")
		}
		p.want(fin|opText, "again")
	})
	inside(t, spout.Options{SendLimit: 1000}, func(c *spout.Conn) error {
		return c.WriteFrom(context.Background(), spout.TextMessage, strings.NewReader(strings.Repeat("x", 300_000)))
	}, func(p *peer) {
		if n := len(p.message()); n != 300_000 {
			t.Errorf("the peer got %d bytes", n)
		}
		p.want(fin|opText, "again")
	})
}

// A Write within an event to a peer that takes nothing ends with the write timeout, and OnClose
// follows.
func TestWriteWithinAnEventTimesOut(t *testing.T) {
	eachStyle(t, func(t *testing.T, connect connector) {
		var got error
		h := &recorder{message: func(c *spout.Conn, m spout.Message) error {
			for {
				if got = c.Write(t.Context(), text(900, "x")); got != nil {
					return got
				}
			}
		}}
		p := connect(t, h, spout.Options{SendLimit: 1000})
		watch := startWatch(t)
		p.send(masked(fin|opText, "go"))
		h.wait(t)
		watch.want(10 * time.Second)
		wantCloseError(t, got, spout.CloseAbnormal)
		p.nc.Close()
	})
}

// A Write of one connection within an event of another, in both directions at once, does not lock up
// either: their peers read.
func TestWriteToOneAnotherWithinEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a, b *spout.Conn
		ready := make(chan struct{})
		to := func(other **spout.Conn) *recorder {
			return &recorder{message: func(_ *spout.Conn, m spout.Message) error {
				<-ready
				return (*other).Write(t.Context(), text(600, m.String()))
			}}
		}
		ha, hb := to(&b), to(&a)
		ca, pa := served(t, ha, spout.Options{SendLimit: 1000})
		cb, pb := served(t, hb, spout.Options{SendLimit: 1000})
		a, b = ca, cb
		close(ready)
		for _, p := range []*peer{pa, pb} {
			p.play(func() {
				for range 100 {
					p.nc.Write(masked(fin|opText, "x"))
				}
			})
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 100 {
				pa.wantTexts("x")
			}
		}()
		for range 100 {
			pb.wantTexts("x")
		}
		<-done
	})
}

// CloseNow ends everything that waits.
func TestCloseNowEndsWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := pair(t, false, spout.Options{SendLimit: 1000})
		c.Send(text(1000, "in the way"))
		results := make(chan error)
		for _, wait := range []func() error{
			func() error { return c.Write(t.Context(), spout.Text("x")) },
			func() error { return c.WriteFrom(t.Context(), spout.TextMessage, strings.NewReader("x")) },
			func() error { _, err := c.Read(t.Context()); return err },
			func() error { <-c.Context().Done(); return context.Cause(c.Context()) },
		} {
			go func() { results <- wait() }()
		}
		synctest.Wait()
		watch := startWatch(t)
		c.CloseNow()
		for range 4 {
			if err := <-results; spout.CloseCode(err) != spout.CloseAbnormal {
				t.Errorf("a wait ended with %v", err)
			}
		}
		watch.want(0)
		wantCloseError(t, c.CloseNow(), spout.CloseAbnormal)
	})
}
