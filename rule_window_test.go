package spout_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// A peer that takes a little in the last moment before WriteTimeout, again and again, is kept for as long as it
// does so; it gets everything, whole and in order, and senders that wait for room get on.
func TestWindowReopensBeforeTheDeadline(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame framer) {
		const messages, last = 300, 10*time.Second - time.Millisecond
		c, p := pair(t, client, spout.Options{PingInterval: -1, SendLimit: 64 << 10})
		payload := func(n int) string { return fmt.Sprintf("%d %s", n, strings.Repeat("x", n*17%3000)) }
		go func() {
			for n := range messages {
				if err := c.Write(context.Background(), spout.Text(payload(n))); err != nil {
					t.Errorf("message %d: %v", n, err)
					return
				}
			}
		}()
		rest, begin := io.Pipe()
		watch := startWatch(t)
		p.play(func() { // it takes a few bytes at a time
			buf := make([]byte, 20_000)
			for {
				time.Sleep(last)
				n, err := p.nc.Read(buf[:1+rand.IntN(len(buf))])
				if err != nil {
					begin.CloseWithError(err)
					return
				}
				begin.Write(buf[:n])
			}
		})
		for n := range messages {
			f, err := readWireFrame(rest)
			if err != nil {
				t.Fatalf("message %d: %v", n, err)
			}
			if f.b0 != fin|opText || string(f.payload) != payload(n) {
				t.Fatalf("message %d is %v", n, f)
			}
		}
		t.Logf("%d messages in %v", messages, time.Since(watch.start))
		rest.Close()
		if c.Context().Err() != nil {
			t.Errorf("ended with %v", await(c))
		}
	})
}

// One that then takes nothing more is dropped when WriteTimeout has passed since it took the last byte, neither
// sooner nor later.
func TestWindowDoesNotReopen(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame framer) {
		c, p := pair(t, client, spout.Options{PingInterval: -1})
		for n := range 5 {
			c.Send(spout.Text("taken"))
			time.Sleep(10*time.Second - time.Nanosecond)
			c.Send(spout.Text("waits behind it"))
			if n < 4 {
				p.want(fin|opText, "taken")
				p.want(fin|opText, "waits behind it")
			}
		}
		p.want(fin|opText, "taken")
		watch := startWatch(t)
		end := await(c)
		watch.want(10 * time.Second)
		if end.Code != spout.CloseAbnormal || end.Remote || !strings.Contains(end.Error(), "Options.WriteTimeout") || errors.Is(end, net.ErrClosed) {
			t.Errorf("ended with %v", end)
		}
	})
}

// A WriteTimeout that comes while this side closes is told, like a CloseTimeout: what was sent before has not
// arrived.
func TestWriteTimeoutAfterClose(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame framer) {
		c, _ := pair(t, client, spout.Options{PingInterval: -1, CloseTimeout: time.Minute})
		c.Send(spout.Text("not taken"))
		c.Close(4000, "")
		watch := startWatch(t)
		end := await(c)
		watch.want(10 * time.Second)
		if end.Code != 4000 || !strings.Contains(end.Error(), "Options.WriteTimeout") || errors.Is(end, net.ErrClosed) {
			t.Errorf("ended with %v", end)
		}
	})
}

// Over sockets, where the kernel takes much by itself and tells of room in steps of its own, the same goes on:
// what a peer gets that reads just before each deadline is whole and in order, and one that reads nothing is
// dropped for that. The times are printed.
func TestWindowOfASocket(t *testing.T) {
	const size, step, timeout = 8 << 20, 1 << 20, 200 * time.Millisecond
	data := strings.Repeat("0123456789abcdef", size/16)
	for _, s := range sides {
		t.Run(s.name+" reads just before the deadlines", func(t *testing.T) {
			c, p := socketPair(t, s.client, spout.Options{PingInterval: -1, WriteTimeout: timeout, CloseTimeout: 4 * time.Second})
			start := time.Now()
			c.Send(spout.Binary([]byte(data)))
			c.Close(spout.CloseNormal, "") // the last step is the end of the stream
			var got []byte
			var err error
			var longest time.Duration
			rounds, before := 0, start
			for buf := make([]byte, step); err == nil; rounds++ {
				time.Sleep(timeout * 9 / 10)
				longest, before = max(longest, time.Since(before)), time.Now()
				var n int
				n, err = io.ReadFull(p.in, buf)
				got = append(got, buf[:n]...)
			}
			end := await(c)
			t.Logf("%d of %d bytes in %d steps and %v, at most %v apart, WriteTimeout %v: %v", len(got), size, rounds,
				time.Since(start).Round(time.Millisecond), longest.Round(time.Millisecond), timeout, end)
			if !inOrder(got, data, s.client) {
				t.Error("the bytes are not those of the message")
			}
		})
		t.Run(s.name+" reads nothing", func(t *testing.T) {
			c, _ := socketPair(t, s.client, spout.Options{PingInterval: -1, WriteTimeout: timeout})
			start := time.Now()
			c.Send(spout.Binary([]byte(data)))
			end := await(c)
			t.Logf("dropped after %v, WriteTimeout %v", time.Since(start).Round(time.Millisecond), timeout)
			if end.Code != spout.CloseAbnormal || !strings.Contains(end.Error(), "Options.WriteTimeout") {
				t.Errorf("ended with %v", end)
			}
		})
	}
}

// inOrder reports whether what came is how a frame with the data begins.
func inOrder(got []byte, data string, fromClient bool) bool {
	head := 10
	if fromClient {
		head += 4
	}
	if len(got) < head {
		return len(got) > 0
	}
	key := got[head-4 : head]
	for i, b := range got[head:min(len(got), head+len(data))] {
		if fromClient {
			b ^= key[i%4]
		}
		if b != data[i] {
			return false
		}
	}
	return true
}
