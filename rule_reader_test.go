package spout_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
)

// wantReader begins a stream of the given type.
func wantReader(t *testing.T, c *spout.Conn, want spout.Type) io.Reader {
	t.Helper()
	typ, r, err := c.Reader(t.Context())
	if err != nil || typ != want {
		t.Fatalf("Reader: %v, %v; want a message of type %v", typ, err, want)
	}
	return r
}

// wantBytes reads exactly these bytes of a stream.
func wantBytes(t *testing.T, r io.Reader, want string) {
	t.Helper()
	b := make([]byte, len(want))
	if n, err := io.ReadFull(r, b); err != nil || string(b) != want {
		t.Fatalf("read %q, %v; want %q", b[:n], err, want)
	}
}

// Reader gives a message as it arrives, ends with it, and the next message is the next stream's.
func TestReaderStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := pair(t, false, spout.Options{})
		p.send(masked(opText, "one, "))
		r := wantReader(t, c, spout.TextMessage)
		wantBytes(t, r, "one, ")
		p.send(masked(opContinuation, ""), masked(opContinuation, "two, "), masked(fin|opPing, "x"), masked(opContinuation, "thr"))
		p.want(fin|opPong, "x")
		wantBytes(t, r, "two, thr")
		p.send(masked(fin|opContinuation, "ee"), masked(fin|opBinary, ""))
		if rest, err := io.ReadAll(r); err != nil || string(rest) != "ee" {
			t.Errorf("the rest: %q, %v", rest, err)
		}
		if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("after its end: %d, %v", n, err)
		}
		r = wantReader(t, c, spout.BinaryMessage)
		if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
			t.Errorf("an empty message: %q, %v", rest, err)
		}
		p.finish(1000)
		if _, _, err := c.Reader(t.Context()); spout.CloseCode(err) != 1000 {
			t.Errorf("after the end: %v", err)
		}
	})
}

// What of a message was not read is discarded by whoever takes the next one, whether it has
// arrived or not.
func TestRestOfAStreamIsDiscarded(t *testing.T) {
	next := map[string]func(t *testing.T, c *spout.Conn){
		"Read": func(t *testing.T, c *spout.Conn) { wantMessage(t, c, spout.TextMessage, "next") },
		"Reader": func(t *testing.T, c *spout.Conn) {
			if all, err := io.ReadAll(wantReader(t, c, spout.TextMessage)); err != nil || string(all) != "next" {
				t.Errorf("got %q, %v", all, err)
			}
		},
		"Serve": func(t *testing.T, c *spout.Conn) {
			h := &recorder{}
			serve(t, c, h)
			synctest.Wait()
			h.want(t, "open", "text next")
		},
	}
	for name, take := range next {
		t.Run(name+", arrived", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p := pair(t, false, spout.Options{})
				p.send(masked(fin|opBinary, "unwanted"))
				go p.nc.Write(masked(fin|opText, "next"))
				r := wantReader(t, c, spout.BinaryMessage)
				wantBytes(t, r, "un")
				take(t, c)
				if n, err := r.Read(make([]byte, 9)); n != 0 || err == nil || err == io.EOF {
					t.Errorf("the stream that was given up: %d, %v", n, err)
				}
			})
		})
		t.Run(name+", to come", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p := pair(t, false, spout.Options{})
				p.send(masked(opBinary, "unwanted"))
				r := wantReader(t, c, spout.BinaryMessage)
				wantBytes(t, r, "un")
				go func() {
					time.Sleep(time.Second)
					p.send(masked(opContinuation, strings.Repeat("unwanted", 100_000))[:700_000])
					time.Sleep(time.Second)
					p.send(masked(opContinuation, strings.Repeat("unwanted", 100_000))[700_000:],
						masked(fin|opContinuation, "unwanted"), masked(fin|opText, "next"))
				}()
				if name == "Serve" {
					defer time.Sleep(3 * time.Second)
					h := &recorder{}
					serve(t, c, h)
					time.Sleep(3 * time.Second)
					h.want(t, "open", "text next")
					return
				}
				take(t, c)
			})
		})
	}
}

// A stream takes no more than 64 KiB, and what one read brought, that nobody wants yet: the peer is
// slowed down.
func TestReaderSlowsThePeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := pair(t, false, spout.Options{})
		sent := 0
		go func() {
			frame := masked(fin|opBinary, strings.Repeat("x", 1<<20))
			for ; sent < len(frame); sent += 1 << 10 {
				p.nc.Write(frame[sent:min(sent+1<<10, len(frame))])
			}
		}()
		r := wantReader(t, c, spout.BinaryMessage)
		synctest.Wait()
		if sent < 64<<10 || sent > 70<<10 {
			t.Errorf("%d bytes taken while nobody reads", sent)
		}
		if n, err := io.Copy(io.Discard, r); n != 1<<20 || err != nil {
			t.Errorf("read %d, %v", n, err)
		}
	})
}

// A message that is cut off by the connection's end is never taken for a whole one.
func TestStreamCutOff(t *testing.T) {
	for name, cut := range map[string]struct {
		by   func(c *spout.Conn, p *peer)
		code spout.Code
	}{
		"peer gone":    {func(c *spout.Conn, p *peer) { p.nc.Close() }, 1006},
		"peer closes":  {func(c *spout.Conn, p *peer) { p.send(masked(fin|opClose, closing(1000, ""))) }, 1000},
		"Close":        {func(c *spout.Conn, p *peer) { c.Close(4000, "") }, 4000},
		"CloseNow":     {func(c *spout.Conn, p *peer) { c.CloseNow() }, 1006},
		"not UTF-8":    {func(c *spout.Conn, p *peer) { p.send(masked(opContinuation, "\xff")) }, 1007},
		"no rest":      {func(c *spout.Conn, p *peer) { p.send(masked(fin|opText, "")) }, 1002},
		"too large":    {func(c *spout.Conn, p *peer) { p.send(header(opContinuation, 1<<20, true)) }, 1009},
		"half a frame": {func(c *spout.Conn, p *peer) { p.send(masked(fin|opContinuation, "abc")[:8]); p.nc.Close() }, 1006},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p := pair(t, false, spout.Options{})
				p.send(masked(opText, "first"))
				r := wantReader(t, c, spout.TextMessage)
				wantBytes(t, r, "first")
				go cut.by(c, p)
				rest, err := io.ReadAll(r)
				if spout.CloseCode(err) != cut.code {
					t.Errorf("Reader ended with %q, %v, want code %d", rest, err, cut.code)
				}
			})
			synctest.Test(t, func(t *testing.T) {
				c, p := pair(t, false, spout.Options{})
				p.send(masked(opText, "first"))
				go cut.by(c, p)
				if m, err := c.Read(t.Context()); spout.CloseCode(err) != cut.code || m.Data != nil {
					t.Errorf("Read returned %q, %v, want code %d", m, err, cut.code)
				}
			})
		})
	}
}

// The context of Reader bounds the wait for the message and for all of its pieces.
func TestReaderContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := pair(t, false, spout.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := c.Reader(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waiting for a message: %v", err)
		}
		p.send(masked(opText, "first"))
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, r, err := c.Reader(ctx)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		all, err := io.ReadAll(r)
		if string(all) != "first" || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("after %v: %q, %v", time.Since(start), all, err)
		}
		if errors.Is(err, net.ErrClosed) || spout.CloseCode(err) != 0 {
			t.Errorf("the connection is over: %v", err)
		}
		p.send(masked(fin|opContinuation, "rest"), masked(fin|opText, "next"))
		wantMessage(t, c, spout.TextMessage, "next")
	})
}
