package spout_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
)

type framer = func(b0 byte, payload string) []byte

// A frame that has begun must be complete within 30 s, however its bytes drip. The peer is told.
func TestFrameTimeout(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame framer) {
		c, p := pair(t, client, spout.Options{PingInterval: -1})
		time.Sleep(time.Hour) // between frames there is no such limit
		p.send(frame(opText, "first"))
		time.Sleep(time.Hour) // nor between the frames of a message
		watch := startWatch(t)
		p.play(func() {
			for _, b := range frame(fin|opContinuation, strings.Repeat("x", 100)) {
				p.nc.Write([]byte{b})
				time.Sleep(time.Second)
			}
		})
		if f := p.wantClose(1008); len(f.payload) == 2 {
			t.Error("the close frame gives no reason")
		}
		watch.want(30 * time.Second)
		if end := await(c); end.Code != spout.ClosePolicy || end.Remote || !strings.Contains(end.Error(), "Options.FrameTimeout") {
			t.Errorf("ended with %v", end)
		}
	})
}

// Each frame has its own 30 s, also when the next one begins with the bytes that end the last.
func TestFrameTimeoutIsEachFrames(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame framer) {
		c, p := pair(t, client, spout.Options{PingInterval: -1})
		h := &recorder{}
		serve(t, c, h)
		f := frame(fin|opText, "hello")
		p.send(f[:3])
		for range 10 {
			time.Sleep(29 * time.Second)
			p.send(f[3:], f[:3])
		}
		watch := startWatch(t)
		p.wantClose(1008)
		watch.want(30 * time.Second)
	})
}

// What is not read because nobody wants it can't complete: the time does not run.
func TestFrameTimeoutWaitsForRead(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame framer) {
		c, p := pair(t, client, spout.Options{PingInterval: -1})
		f := frame(fin|opBinary, strings.Repeat("x", 200_000))
		go func() {
			p.nc.Write(f[:199_000])
			time.Sleep(29 * time.Second)
			p.nc.Write(f[199_000:])
		}()
		time.Sleep(time.Hour)
		wantMessage(t, c, spout.BinaryMessage, strings.Repeat("x", 200_000))
	})
}

// Negative timeouts are no timeouts.
func TestNoFrameTimeout(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame framer) {
		c, p := pair(t, client, spout.Options{PingInterval: -1, FrameTimeout: -1})
		f := frame(fin|opText, "hello")
		go func() {
			p.send(f[:3])
			time.Sleep(20 * time.Hour)
			p.send(f[3:])
		}()
		wantMessage(t, c, spout.TextMessage, "hello")
	})
}

// A peer that takes no byte for 10 s is given up,
func TestWriteTimeout(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame framer) {
		c, p := pair(t, client, spout.Options{})
		h := &recorder{}
		result := serve(t, c, h)
		time.Sleep(time.Second)
		watch := startWatch(t)
		c.Send(text(1<<20, "too much"))
		err := <-result
		watch.want(10 * time.Second)
		e := wantCloseError(t, err, spout.CloseAbnormal)
		if e.Remote || !strings.Contains(e.Error(), "Options.WriteTimeout") || errors.Is(e, net.ErrClosed) {
			t.Errorf("ended with %v", e)
		}
		p.nc.Close()
	})
}

// one that takes a byte now and then is not,
func TestSlowPeerIsKept(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame framer) {
		c, p := pair(t, client, spout.Options{PingInterval: -1})
		c.Send(text(1000, "slow"))
		b := make([]byte, 1)
		for range 60 {
			time.Sleep(9 * time.Second)
			if _, err := p.nc.Read(b); err != nil {
				t.Fatal(err)
			}
		}
		watch := startWatch(t)
		await(c)
		// A pipe tells only when its time is up that it has taken something.
		if wait := time.Since(watch.start); wait < 10*time.Second || wait > 20*time.Second {
			t.Errorf("given up %v after the last byte", wait)
		}
	})
}

// and a negative WriteTimeout waits for ever.
func TestNoWriteTimeout(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame framer) {
		c, p := pair(t, client, spout.Options{PingInterval: -1, WriteTimeout: -1})
		c.Send(spout.Text("at last"))
		time.Sleep(20 * time.Hour)
		p.want(fin|opText, "at last")
	})
}

// A stream that knows no deadlines is closed instead, and the reason is the same.
func TestWriteTimeoutWithoutDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		c := spout.NewConn(struct{ io.ReadWriteCloser }{near}, false, &spout.Options{PingInterval: -1, Logger: silent})
		c.Send(spout.Text("hello"))
		watch := startWatch(t)
		end := await(c)
		watch.want(10 * time.Second)
		if end.Code != spout.CloseAbnormal || !strings.Contains(end.Error(), "Options.WriteTimeout") {
			t.Errorf("ended with %v", end)
		}
		if c.RemoteAddr() == nil || c.RemoteAddr().String() == "" {
			t.Errorf("its address is %v", c.RemoteAddr())
		}
	})
}

// The closing handshake takes 5 s at most, whatever the peer sends meanwhile, or does not take.
func TestCloseTimeout(t *testing.T) {
	frames := func(frame framer) map[string][]byte {
		return map[string][]byte{
			"nothing":         nil,
			"half a frame":    frame(fin|opText, "hello")[:3],
			"messages":        frame(fin|opText, "hello"),
			"pings":           frame(fin|opPing, "hello"),
			"frames, no ends": frame(opContinuation, ""),
		}
	}
	for name := range frames(masked) {
		t.Run(name, func(t *testing.T) {
			bothSides(t, func(t *testing.T, client bool, frame framer) {
				c, p := pair(t, client, spout.Options{})
				h := &recorder{}
				result := serve(t, c, h)
				b := frames(frame)[name]
				if name == "frames, no ends" {
					p.send(frame(opText, "begin"))
				}
				synctest.Wait()
				watch := startWatch(t)
				if err := c.Close(4000, "bye"); err != nil {
					t.Fatal(err)
				}
				watch.want(0)
				p.wantClose(4000)
				p.play(func() {
					for b != nil {
						if _, err := p.nc.Write(b); err != nil || name == "half a frame" {
							return
						}
						time.Sleep(time.Second / 10)
					}
				})
				err := <-result
				watch.want(5 * time.Second)
				if e := wantCloseError(t, err, 4000); e.Remote || !strings.Contains(e.Error(), "Options.CloseTimeout") || errors.Is(e, net.ErrClosed) {
					t.Errorf("ended with %v", e)
				}
			})
		})
	}
	t.Run("not taken", func(t *testing.T) {
		bothSides(t, func(t *testing.T, client bool, frame framer) {
			c, _ := pair(t, client, spout.Options{})
			c.Send(text(1<<20, "in the way"))
			watch := startWatch(t)
			c.Close(4000, "bye")
			await(c)
			watch.want(5 * time.Second)
		})
	})
}

// The same if it was the peer who closed, and does not take the answer; that it closed is what counts.
func TestPeerClosesAndReadsNothing(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame framer) {
		c, p := pair(t, client, spout.Options{})
		h := &recorder{}
		serve(t, c, h)
		synctest.Wait()
		watch := startWatch(t)
		p.send(frame(fin|opClose, closing(4001, "bye")))
		end := h.wait(t)
		watch.want(5 * time.Second)
		if end.Code != 4001 || !end.Remote || end.Err != nil {
			t.Errorf("ended with %#v", end)
		}
	})
}

// A negative CloseTimeout waits for the peer's answer for ever.
func TestNoCloseTimeout(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame framer) {
		c, p := pair(t, client, spout.Options{CloseTimeout: -1})
		c.Close(4000, "bye")
		p.wantClose(4000)
		time.Sleep(20 * time.Hour)
		if c.Context().Err() != nil {
			t.Fatal("the connection is over")
		}
		p.send(frame(fin|opClose, closing(4000, "")))
		if end := await(c); end.Code != 4000 || end.Err != nil {
			t.Errorf("ended with %v", end)
		}
	})
}

// A closing handshake that was completed in time stays so, though the peer keeps the stream open
// longer than CloseTimeout.
func TestCompletedCloseIsNoTimeout(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame framer) {
		c, p := pair(t, client, spout.Options{CloseTimeout: time.Second / 2})
		h := &recorder{}
		serve(t, c, h)
		c.Close(spout.CloseNormal, "")
		p.wantClose(1000)
		p.send(frame(fin|opClose, closing(1000, "")))
		if end := h.wait(t); end.Err != nil || !errors.Is(end, net.ErrClosed) {
			t.Errorf("ended with %v", end)
		}
	})
}
