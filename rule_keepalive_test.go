package spout_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
)

// stopwatch tells how much time has passed.
type stopwatch struct {
	t     testing.TB
	start time.Time
}

func startWatch(t testing.TB) stopwatch { return stopwatch{t, time.Now()} }

func (w stopwatch) want(d time.Duration) {
	w.t.Helper()
	if got := time.Since(w.start); got != d {
		w.t.Fatalf("%v have passed, want %v", got, d)
	}
}

// bothSides runs a test under synctest for a server's connection and for a client's; frame makes the
// frames of the peer.
func bothSides(t *testing.T, test func(t *testing.T, client bool, frame func(b0 byte, payload string) []byte)) {
	t.Run("server", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { test(t, false, masked) })
	})
	t.Run("client", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { test(t, true, unmasked) })
	})
}

// By default a ping is sent every 25 s, and a peer that is silent for 20 s after one is given up.
func TestSilentPeerIsGivenUp(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, _ func(byte, string) []byte) {
		c, p := pair(t, client, spout.Options{})
		watch := startWatch(t)
		if f := p.read(); f.b0 != fin|opPing {
			t.Fatalf("got %v, want a ping", f)
		}
		watch.want(25 * time.Second)
		_, err := c.Read(t.Context())
		watch.want(45 * time.Second)
		if e := wantCloseError(t, err, spout.CloseInternal); e.Remote || !strings.Contains(e.Error(), "Options.PingTimeout") {
			t.Errorf("ended with %v", e)
		}
	})
}

// A peer that answers is kept for ever; RTT is the time that its last answer took.
func TestPongsKeepAlive(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame func(byte, string) []byte) {
		c, p := pair(t, client, spout.Options{})
		if got := c.RTT(); got != 0 {
			t.Errorf("RTT before the first pong: %v", got)
		}
		watch := startWatch(t)
		for i := range 100 {
			f := p.read()
			watch.want(time.Duration(i+1) * 25 * time.Second)
			if f.b0 != fin|opPing {
				t.Fatalf("got %v, want a ping", f)
			}
			delay := time.Duration(i) * time.Millisecond
			time.Sleep(delay)
			p.send(frame(fin|opPong, string(f.payload)))
			synctest.Wait()
			if got := c.RTT(); got != delay {
				t.Fatalf("RTT %v, want %v", got, delay)
			}
		}
	})
}

// RTT is also that of one's own pings; a pong that answers nothing does not count.
func TestRTTOfPing(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame func(byte, string) []byte) {
		c, p := pair(t, client, spout.Options{PingInterval: -1})
		h := &recorder{}
		serve(t, c, h)
		synctest.Wait()
		c.Ping([]byte("mine"))
		p.want(fin|opPing, "mine")
		time.Sleep(3 * time.Second)
		p.send(frame(fin|opPong, "another"))
		synctest.Wait()
		if got := c.RTT(); got != 0 {
			t.Errorf("RTT of a pong that answers nothing: %v", got)
		}
		time.Sleep(time.Second)
		p.send(frame(fin|opPong, "mine"))
		synctest.Wait()
		if got := c.RTT(); got != 4*time.Second {
			t.Errorf("RTT %v", got)
		}
		h.want(t, "open", "pong another", "pong mine")
	})
}

// Any byte after the ping shows that the peer lives, be it half a header.
func TestAnyByteIsLife(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame func(byte, string) []byte) {
		c, p := pair(t, client, spout.Options{FrameTimeout: -1})
		watch := startWatch(t)
		p.read()
		time.Sleep(19 * time.Second)
		p.send(frame(fin|opText, "never whole")[:1])
		p.read()
		watch.want(50 * time.Second)
		await(c)
		watch.want(70 * time.Second)
	})
}

// While the connection is not read its peer can't show that it lives, so the ping timeout is
// suspended: while messages wait for Read,
func TestPingTimeoutWaitsForRead(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame func(byte, string) []byte) {
		c, p := pair(t, client, spout.Options{})
		go func() {
			p.nc.Write(frame(fin|opText, "one"))
			p.nc.Write(frame(fin|opText, "two")) // stays half unread, and with it all that follows
			p.nc.Write(frame(fin|opText, "three"))
		}()
		go p.discard()
		time.Sleep(time.Hour)
		wantMessage(t, c, spout.TextMessage, "one")
		time.Sleep(time.Hour)
		wantMessage(t, c, spout.TextMessage, "two")
		watch := startWatch(t)
		wantMessage(t, c, spout.TextMessage, "three")
		_, err := c.Read(t.Context()) // the peer is silent
		wantCloseError(t, err, spout.CloseInternal)
		if wait := time.Since(watch.start); wait < 20*time.Second || wait > 45*time.Second {
			t.Errorf("given up after %v", wait)
		}
	})
}

// discard reads and forgets all that comes.
func (p *peer) discard() {
	for {
		if _, err := readWireFrame(p.in); err != nil {
			return
		}
	}
}

// while an event takes its time, OnOpen not less than others,
func TestPingTimeoutWaitsForEvents(t *testing.T) {
	for _, event := range failingEvents {
		t.Run(event.name, func(t *testing.T) {
			eachStyle(t, func(t *testing.T, connect connector) {
				h := &recorder{}
				var once sync.Once
				event.set(h, func(*spout.Conn) error { once.Do(func() { time.Sleep(time.Hour) }); return nil })
				p := connect(t, h, spout.Options{})
				watch := startWatch(t)
				out := make(chan []byte, 1000)
				defer close(out)
				go func() {
					for b := range out {
						p.nc.Write(b)
					}
				}()
				out <- event.cause
				for {
					f, err := readWireFrame(p.in)
					if err != nil {
						break
					}
					if f.op() == opPing && time.Since(watch.start) < time.Hour+time.Minute {
						out <- masked(fin|opPong, string(f.payload))
					}
				}
				h.wait(t)
				// It was given up only after it had become silent.
				if wait := time.Since(watch.start); wait < time.Hour+time.Minute || wait > time.Hour+2*time.Minute {
					t.Errorf("given up after %v", wait)
				}
			})
		})
	}
}

// and while the answers are above half of SendLimit because the peer takes nothing.
func TestPingTimeoutWaitsForTheQueue(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame func(byte, string) []byte) {
		c, p := pair(t, client, spout.Options{SendLimit: 1000, WriteTimeout: -1})
		h := &recorder{message: func(c *spout.Conn, m spout.Message) error { return c.Send(text(800, m.String())) }}
		serve(t, c, h)
		synctest.Wait()
		p.send(frame(fin|opText, "one"))
		synctest.Wait()
		go p.nc.Write(frame(fin|opText, "two"))
		time.Sleep(time.Hour)
		h.want(t, "open", "text one")
		p.wantTexts("one")
		if f := p.read(); f.op() != opPing {
			t.Errorf("got %v, want the ping that waited", f)
		}
		p.wantTexts("two")
	})
}

// A negative PingInterval sends no pings and gives nobody up.
func TestNoPings(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame func(byte, string) []byte) {
		c, p := pair(t, client, spout.Options{PingInterval: -1})
		go func() {
			time.Sleep(20 * time.Hour)
			p.send(frame(fin|opText, "hello"))
		}()
		wantMessage(t, c, spout.TextMessage, "hello")
		c.Send(spout.Text("first"))
		p.want(fin|opText, "first")
	})
}

// A negative PingTimeout sends pings and gives nobody up for not answering.
func TestNoPingTimeout(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame func(byte, string) []byte) {
		_, p := pair(t, client, spout.Options{PingTimeout: -1, PingInterval: time.Minute})
		watch := startWatch(t)
		for i := range 600 {
			if f := p.read(); f.b0 != fin|opPing {
				t.Fatalf("got %v, want a ping", f)
			}
			watch.want(time.Duration(i+1) * time.Minute)
		}
	})
}

// A timeout that is longer than the interval: it counts from the first ping without an answer.
func TestPingTimeoutLongerThanInterval(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame func(byte, string) []byte) {
		c, p := pair(t, client, spout.Options{PingInterval: time.Second, PingTimeout: 10 * time.Second})
		go p.discard()
		watch := startWatch(t)
		await(c)
		watch.want(11 * time.Second)
	})
}
