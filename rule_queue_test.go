package spout_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
)

// text returns a text message that is a frame of n bytes on its way from a server, n over 130.
func text(n int, start string) spout.Message {
	return spout.Text(start + strings.Repeat(".", n-4-len(start)))
}

// wantTexts reads text frames that begin so.
func (p *peer) wantTexts(starts ...string) {
	p.t.Helper()
	for _, start := range starts {
		if f := p.read(); f.b0 != fin|opText || !strings.HasPrefix(string(f.payload), start) {
			p.t.Fatalf("got %v, want a text frame that starts with %q", f, start)
		}
	}
}

// Send never waits: up to SendLimit bytes are queued, frame headers included, then it says ErrFull
// and sends nothing. The connection is unharmed: when the peer has taken something there is room.
func TestSendNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := pair(t, false, spout.Options{SendLimit: 1000})
		start := time.Now()
		for i := range 5 {
			if err := c.Send(text(200, fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
			if got := c.Buffered(); got != 200*(i+1) {
				t.Errorf("%d bytes buffered", got)
			}
		}
		for range 3 {
			if err := c.Send(spout.Text("")); !errors.Is(err, spout.ErrFull) {
				t.Fatalf("queue of %d bytes: %v", c.Buffered(), err)
			}
		}
		if wait := time.Since(start); wait != 0 {
			t.Errorf("Send waited %v", wait)
		}
		p.wantTexts("0")
		synctest.Wait()
		if got := c.Buffered(); got != 800 {
			t.Errorf("%d bytes buffered after one frame of 200 was taken", got)
		}
		if err := c.Send(text(200, "5")); err != nil {
			t.Error(err)
		}
		p.wantTexts("1", "2", "3", "4", "5")
		synctest.Wait()
		if got := c.Buffered(); got != 0 {
			t.Errorf("%d bytes buffered at the end", got)
		}
	})
}

// An empty queue takes one message of any size; with anything in the queue the limit holds.
func TestEmptyQueueTakesAnyMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := pair(t, false, spout.Options{SendLimit: 1000})
		for name, write := range map[string]func(spout.Message) error{
			"Send":  c.Send,
			"Write": func(m spout.Message) error { return c.Write(t.Context(), m) },
		} {
			if err := write(text(50_000, name)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if err := c.Send(spout.Text("")); !errors.Is(err, spout.ErrFull) {
				t.Errorf("behind it: %v", err)
			}
			p.wantTexts(name)
			synctest.Wait()
		}
	})
}

// Write waits until there is room and is served in order: neither a shorter message nor Send
// passes it.
func TestWriteWaitsItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := pair(t, false, spout.Options{SendLimit: 1000})
		var results []chan error
		write := func(m spout.Message) {
			result := make(chan error, 1)
			results = append(results, result)
			go func() { result <- c.Write(t.Context(), m) }()
			synctest.Wait()
		}
		wantReturned := func(n int) {
			t.Helper()
			synctest.Wait()
			for i, result := range results {
				if done := len(result) == 1; done != (i < n) {
					t.Errorf("Write %d has returned: %v, want the first %d", i, done, n)
				}
			}
		}
		write(text(900, "a"))
		write(text(900, "b")) // no room
		write(text(150, "c")) // behind b, though it is short
		write(text(900, "d"))
		if err := c.Send(spout.Text("")); !errors.Is(err, spout.ErrFull) {
			t.Errorf("Send past the waiting: %v", err)
		}
		wantReturned(1)
		p.wantTexts("a")
		wantReturned(2)
		p.wantTexts("b", "c", "d")
		wantReturned(4)
		for i, result := range results {
			if err := <-result; err != nil {
				t.Errorf("Write %d: %v", i, err)
			}
		}
	})
}

// A Write whose context ends sends nothing at all, and what waits behind it goes on; the
// connection is unharmed. A message that is queued is sent whole, whatever its context does.
func TestWriteContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := pair(t, false, spout.Options{SendLimit: 1000})
		ended, cancel := context.WithCancel(t.Context())
		if err := c.Write(ended, text(900, "a")); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := c.Write(ended, text(200, "never")); !errors.Is(err, context.Canceled) {
			t.Errorf("context that has ended: %v", err)
		}
		behind := make(chan error, 1)
		go func() {
			time.Sleep(time.Second)
			behind <- c.Write(t.Context(), text(100, "b"))
		}()
		short, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		if err := c.Write(short, text(900, "never")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("context that ends: %v", err)
		}
		if wait := time.Since(start); wait != 3*time.Second {
			t.Errorf("Write waited %v", wait)
		}
		synctest.Wait()
		select {
		case err := <-behind:
			if err != nil {
				t.Error(err)
			}
		default:
			t.Error("a message that has room still waits")
		}
		c.Send(text(900, "never")) // ErrFull
		p.wantTexts("a", "b")
		c.Close(spout.CloseNormal, "")
		p.wantClose(1000)
	})
}

// A Write that waits when the connection ends says how that ended.
func TestWriteWaitsForAConnectionThatEnds(t *testing.T) {
	for name, end := range map[string]func(c *spout.Conn, p *peer){
		"Close":    func(c *spout.Conn, p *peer) { c.Close(4000, "") },
		"CloseNow": func(c *spout.Conn, p *peer) { c.CloseNow() },
		"peer":     func(c *spout.Conn, p *peer) { p.nc.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p := pair(t, false, spout.Options{SendLimit: 1000})
				c.Send(text(1000, "a"))
				result := make(chan error, 1)
				go func() { result <- c.Write(t.Context(), text(200, "b")) }()
				synctest.Wait()
				end(c, p)
				if err := <-result; spout.CloseCode(err) == 0 {
					t.Errorf("Write returned %v", err)
				}
			})
		})
	}
}

// Above half of SendLimit the connection is not read, so a handler that answers with Send is slowed
// down to its peer's speed, not killed.
func TestHalfFullQueueStopsReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &recorder{message: func(c *spout.Conn, m spout.Message) error { return c.Send(text(200, m.String())) }}
		c, p := served(t, h, spout.Options{SendLimit: 2000})
		const n = 100
		go func() {
			for i := range n {
				p.nc.Write(masked(fin|opText, fmt.Sprint(i)))
			}
		}()
		synctest.Wait()
		if got := c.Buffered(); got != 1200 {
			t.Errorf("%d bytes buffered, want one message more than half of 2,000", got)
		}
		for i := range n {
			p.wantTexts(fmt.Sprint(i))
		}
		p.finish(1000)
	})
}

// The same when all the messages come at once.
func TestHalfFullQueueStopsDecoding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &recorder{message: func(c *spout.Conn, m spout.Message) error { return c.Send(text(200, m.String())) }}
		c, p := served(t, h, spout.Options{SendLimit: 2000})
		const n = 100
		var all [][]byte
		for i := range n {
			all = append(all, masked(fin|opText, fmt.Sprint(i)))
		}
		p.send(all...)
		synctest.Wait()
		if got := c.Buffered(); got != 1200 {
			t.Errorf("%d bytes buffered, want one message more than half of 2,000", got)
		}
		for i := range n {
			p.wantTexts(fmt.Sprint(i))
		}
		p.finish(1000)
	})
}

// Nor is one whose answers are larger than half of SendLimit, or than all of it; but only the first
// answer of an event has that room, and not beside what others have queued.
func TestLargeAnswers(t *testing.T) {
	for _, size := range []int{600_000, 1 << 20} {
		synctest.Test(t, func(t *testing.T) {
			h := &recorder{message: func(c *spout.Conn, m spout.Message) error { return c.Send(m) }}
			_, p := served(t, h, spout.Options{})
			message := strings.Repeat("x", size)
			const n = 4
			go func() {
				for range n {
					p.nc.Write(masked(fin|opText, message))
				}
			}()
			for range n {
				// Piece by piece, so that the reading goes on while much of an answer waits.
				for rest := len(unmasked(fin|opText, message)); rest > 0; {
					k, err := io.ReadFull(p.in, make([]byte, min(rest, 50_000)))
					if err != nil {
						t.Fatal(err)
					}
					rest -= k
					synctest.Wait()
				}
			}
			p.finish(1000)
		})
	}
	synctest.Test(t, func(t *testing.T) {
		var second, beside error
		h := &recorder{message: func(c *spout.Conn, m spout.Message) error {
			if m.String() == "twice" {
				c.Send(text(900, "first"))
				second = c.Send(text(900, "second"))
				return nil
			}
			beside = c.Send(text(1200, "beside"))
			return nil
		}}
		c, p := served(t, h, spout.Options{SendLimit: 1000})
		p.send(masked(fin|opText, "twice"))
		synctest.Wait()
		p.wantTexts("first")
		synctest.Wait()
		c.Send(text(500, "another's"))
		p.send(masked(fin|opText, "beside"))
		synctest.Wait()
		p.wantTexts("another's")
		if !errors.Is(second, spout.ErrFull) || !errors.Is(beside, spout.ErrFull) {
			t.Errorf("the second answer of an event: %v; the first, beside another's message: %v", second, beside)
		}
		p.finish(1000)
	})
}

// A negative SendLimit: everything is queued, and reading goes on.
func TestNoSendLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &recorder{message: func(c *spout.Conn, m spout.Message) error { return c.Send(text(1<<20, m.String())) }}
		c, p := served(t, h, spout.Options{SendLimit: -1})
		for i := range 8 {
			p.send(masked(fin|opText, fmt.Sprint(i)))
		}
		synctest.Wait()
		if got := c.Buffered(); got < 8<<20 {
			t.Errorf("%d bytes buffered", got)
		}
		for i := range 8 {
			p.wantTexts(fmt.Sprint(i))
		}
	})
}
