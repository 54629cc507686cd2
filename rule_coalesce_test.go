package spout_test

import (
	"bytes"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
)

// tap is a connection that notes what each call of Write was given.
type tap struct {
	net.Conn
	mu     sync.Mutex
	writes [][]byte
}

func (t *tap) Write(p []byte) (int, error) {
	t.mu.Lock()
	t.writes = append(t.writes, bytes.Clone(p))
	t.mu.Unlock()
	return t.Conn.Write(p)
}

// sizes returns the sizes of the writes so far, and forgets them.
func (t *tap) sizes() (n []int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range t.writes {
		n = append(n, len(w))
	}
	t.writes = nil
	return n
}

// tapped is a pair whose connection's writes are noted.
func tapped(t *testing.T, o spout.Options) (*spout.Conn, *peer, *tap) {
	near, far := net.Pipe()
	w := &tap{Conn: near}
	return over(t, w, false, o), newPeer(t, far, 24*time.Hour), w
}

func (w *tap) wantSizes(t *testing.T, sizes ...int) {
	t.Helper()
	if got := w.sizes(); fmt.Sprint(got) != fmt.Sprint(sizes) {
		t.Errorf("writes of %v bytes, want %v", got, sizes)
	}
}

// The answers to frames that came in one piece leave in one write, pongs among them.
func TestAnswersToOnePieceLeaveInOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, w := tapped(t, spout.Options{})
		serve(t, c, spout.HandlerFunc(func(c *spout.Conn, m spout.Message) error { return c.Send(m) }))
		var all [][]byte
		for range 16 {
			all = append(all, masked(fin|opText, "0123456789"))
		}
		p.send(all...)
		for range 16 {
			p.want(fin|opText, "0123456789")
		}
		w.wantSizes(t, 16*12)
		p.send(append(all, masked(fin|opPing, "x"), masked(fin|opPing, "y"))...)
		p.want(fin|opPong, "x")
		p.want(fin|opPong, "y")
		for range 16 {
			p.want(fin|opText, "0123456789")
		}
		w.wantSizes(t, 16*12+2*3)
		p.send(append(all, masked(fin|opText, "cut off")[:9])...)
		for range 16 {
			p.want(fin|opText, "0123456789")
		}
		w.wantSizes(t, 16*12)
	})
}

// What is queued while a write is under way leaves in one write when that is done, up to 64 KiB.
func TestQueueLeavesInOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, w := tapped(t, spout.Options{})
		for i := range 101 {
			if err := c.Send(text(300, fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
			synctest.Wait() // the first is on its way
		}
		for i := range 101 {
			p.wantTexts(fmt.Sprint(i))
		}
		synctest.Wait()
		w.wantSizes(t, 300, 100*300)

		for i := range 1 + 1000 {
			c.Send(text(300, fmt.Sprint(i)))
			synctest.Wait()
		}
		for i := range 1 + 1000 {
			p.wantTexts(fmt.Sprint(i))
		}
		synctest.Wait()
		if n := len(w.sizes()); n > 1+(1000*300+65535)/65536+1 {
			t.Errorf("%d writes for 300,000 bytes", n)
		}
	})
}

// Coalescing is never a delay: what is sent outside of events leaves at once.
func TestNothingIsDelayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, w := tapped(t, spout.Options{})
		start := time.Now()
		for range 10 {
			c.Send(spout.Text("now"))
			p.want(fin|opText, "now")
		}
		if wait := time.Since(start); wait != 0 {
			t.Errorf("it took %v", wait)
		}
		w.wantSizes(t, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5)
	})
}

// Within an event that more input follows, answers are held back until all of it is decoded, but
// not while the event waits in spout for room,
func TestEventThatWaitsLetsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := tapped(t, spout.Options{SendLimit: 1000})
		start := time.Now()
		h := &recorder{message: func(c *spout.Conn, m spout.Message) error {
			if m.String() != "go" {
				return nil
			}
			if err := c.Send(text(600, "sent")); err != nil {
				return err
			}
			return c.Write(t.Context(), text(600, "written")) // has room when the other is gone
		}}
		serve(t, c, h)
		p.send(masked(fin|opText, "go"), masked(fin|opText, "more"))
		p.wantTexts("sent", "written")
		synctest.Wait()
		h.want(t, "open", "text go", "text more")
		if wait := time.Since(start); wait != 0 {
			t.Errorf("it took %v", wait)
		}
	})
}

// nor from 64 KiB on,
func TestEventThatSendsMuchLetsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := tapped(t, spout.Options{})
		start := time.Now()
		taken := make(chan struct{})
		h := &recorder{message: func(c *spout.Conn, m spout.Message) error {
			if m.String() != "go" {
				return nil
			}
			for i := range 70 {
				if err := c.Send(text(1<<10, fmt.Sprint(i))); err != nil {
					return err
				}
			}
			<-taken
			return nil
		}}
		serve(t, c, h)
		p.send(masked(fin|opText, "go"), masked(fin|opText, "more"))
		for i := range 64 {
			p.wantTexts(fmt.Sprint(i))
		}
		close(taken)
		if wait := time.Since(start); wait != 0 {
			t.Errorf("it took %v", wait)
		}
		for i := range 6 {
			p.wantTexts(fmt.Sprint(64 + i))
		}
	})
}

// nor longer than a millisecond if it waits for something else.
func TestEventThatBlocksLetsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := tapped(t, spout.Options{})
		taken := make(chan struct{})
		h := &recorder{message: func(c *spout.Conn, m spout.Message) error {
			if m.String() == "go" {
				c.Send(spout.Text("sent"))
				<-taken
			}
			return nil
		}}
		serve(t, c, h)
		start := time.Now()
		p.send(masked(fin|opText, "go"), masked(fin|opPing, "more"))
		p.wantTexts("sent")
		if wait := time.Since(start); wait > time.Millisecond {
			t.Errorf("it took %v", wait)
		}
		close(taken)
		p.want(fin|opPong, "more")
	})
}
