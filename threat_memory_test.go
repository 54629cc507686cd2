package spout_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
)

// live returns the size of all objects in use, in bytes.
func live() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // the first leaves what is in a sync.Pool
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// allocated returns the number and the size of all objects ever made.
func allocated() (objects, size int64) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Mallocs), int64(m.TotalAlloc)
}

// smallSockets gives the connections of an HTTP server small buffers in the kernel, so that what a
// peer does not take is soon felt.
func smallSockets(ctx context.Context, nc net.Conn) context.Context {
	nc.(*net.TCPConn).SetWriteBuffer(16 << 10)
	return ctx
}

// T1: lengths that nobody can hold are refused at the header.
func TestT1LengthBeyondLimit(t *testing.T) {
	const atMost = 64 << 10
	addr := serveTCP(t, echoServer(spout.Options{}))
	var slowest time.Duration
	var most int64
	for _, c := range []struct {
		name, frame string
		code        uint16
	}{
		{"only the top bit", "82 ff 80 00 00 00 00 00 00 00 37 fa 21 3d", 1002},
		{"all bits", "82 ff ff ff ff ff ff ff ff ff 37 fa 21 3d", 1002},
		{"2^63-1", "82 ff 7f ff ff ff ff ff ff ff 37 fa 21 3d", 1009},
		{"1 TiB", "82 ff 00 00 01 00 00 00 00 00 37 fa 21 3d", 1009},
		{"1 MiB and a byte", "82 ff 00 00 00 00 00 10 00 01 37 fa 21 3d", 1009},
	} {
		t.Run(c.name, func(t *testing.T) {
			// The least of three: whatever else the process does meanwhile allocates too, such as a new leader of
			// the event loop.
			least, quickest := int64(math.MaxInt64), time.Duration(math.MaxInt64)
			for range 3 {
				p := dialTCP(t, addr).upgrade("/")
				_, before := allocated()
				start := time.Now()
				p.send(unhex(c.frame))
				p.wantClose(c.code)
				quickest = min(quickest, time.Since(start))
				_, after := allocated()
				p.wantEnd()
				least = min(least, after-before)
			}
			t.Logf("close frame with %d after %v, %d bytes allocated", c.code, quickest, least)
			slowest, most = max(slowest, quickest), max(most, least)
			if least > atMost {
				t.Errorf("%d bytes allocated, over %d", least, atMost)
			}
		})
	}
	figure(t, slowest <= 100*time.Millisecond, "100 ms", "close frame after %v", slowest.Round(time.Microsecond))
	figure(t, most <= atMost, "64 KiB", "%s allocated, by both ends", kB(most))
	dialTCP(t, addr).upgrade("/").hello()
}

// T1: a sum of lengths must not wrap around either.
func TestT1LengthsAddUp(t *testing.T) {
	addr := serveTCP(t, echoServer(spout.Options{MessageLimit: -1}))
	p := dialTCP(t, addr).upgrade("/")
	p.send(masked(opBinary, "a"), header(fin|opContinuation, 1<<63-1, true))
	p.wantClose(1009)
	p.wantEnd()
}

// T2: memory follows what has arrived, not what is announced.
func TestT2ClaimedLength(t *testing.T) {
	const conns, claim, atMost = 200, 16 << 20, 4_000_000
	var most int64
	for _, style := range []string{"served", "read"} {
		t.Run(style, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, _ := ending(style, spout.Options{MessageLimit: claim})
				m := serveMemory(t, server)
				peers := make([]*peer, conns)
				for i := range peers {
					peers[i] = m.dial(t).upgrade("/")
				}
				synctest.Wait()
				before := live()
				for _, p := range peers {
					p.send(header(fin|opBinary, claim, true), []byte{1})
				}
				synctest.Wait()
				held := live() - before
				t.Logf("%d connections that claim %d bytes and send one hold %d bytes", conns, claim, held)
				if most = max(most, held); held > atMost {
					t.Errorf("over %d", atMost)
				}

				// Twice what has arrived is the most, at any size.
				piece := make([]byte, 997)
				sent := 1
				for sent < 40_000 {
					for _, p := range peers {
						p.send(piece)
					}
					sent += len(piece)
				}
				synctest.Wait()
				held = live() - before
				t.Logf("%d connections that sent %d bytes hold %d bytes each", conns, sent, held/conns)
				if held > conns*int64(2*sent+4<<10) {
					t.Errorf("over %d each", 2*sent+4<<10)
				}
				runtime.KeepAlive(peers)
			})
		})
	}
	figure(t, most <= atMost, "4 MB", "%d connections that claim 16 MiB and send a byte hold %s", conns, kB(most))
}

// T4: a message may have 16,384 frames, and one more is too many, empty or not.
func TestT4FragmentLimit(t *testing.T) {
	const atMost = 16384
	addr := serveTCP(t, echoServer(spout.Options{}))
	for _, payload := range []string{"", "x"} {
		t.Run(fmt.Sprintf("%d bytes each", len(payload)), func(t *testing.T) {
			p := dialTCP(t, addr).upgrade("/")
			first, more := masked(opText, payload), masked(opContinuation, payload)
			p.send(first, bytes.Repeat(more, atMost-2), masked(fin|opContinuation, payload))
			p.want(fin|opText, strings.Repeat(payload, atMost))
			p.send(first, bytes.Repeat(more, atMost-1))
			p.send(masked(fin|opPing, "still open"))
			p.want(fin|opPong, "still open")
			p.send(more)
			p.wantClose(1008)
			p.wantEnd()
		})
	}
	dialTCP(t, addr).upgrade("/").hello()
}

// T4: a million fragments of one message cost no memory, whether they are refused or, without the
// limit, taken.
func TestT4FragmentFlood(t *testing.T) {
	const fragments, block = 1_000_000, 10_000
	var most int64 // but for what they carry
	for _, c := range []struct {
		name, payload string
		limit         int
		atMost        int64
	}{
		{"empty, limited", "", 0, 1_000_000},
		{"empty, no limit", "", -1, 1_000_000},
		{"of one byte, limited", "x", 0, 1_000_000},
		{"of one byte, no limit", "x", -1, 2*fragments + 64<<10},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, ended := ending("served", spout.Options{FragmentLimit: c.limit})
			p := dialTCP(t, serveTCP(t, server)).upgrade("/")
			more := bytes.Repeat(masked(opContinuation, c.payload), block)
			before := live()
			start := time.Now()
			p.send(masked(opBinary, c.payload))
			for range fragments / block {
				if _, err := p.nc.Write(more); err != nil && c.limit < 0 {
					t.Fatal(err)
				}
			}
			if c.limit < 0 {
				p.send(masked(fin|opPing, "all there?"))
				p.want(fin|opPong, "all there?")
			} else if err := <-ended; spout.CloseCode(err) != spout.ClosePolicy {
				t.Errorf("closed with %v, want 1008", err)
			}
			held := live() - before
			t.Logf("%d fragments hold %d bytes, after %v", fragments, held, time.Since(start))
			if held > c.atMost {
				t.Errorf("over %d", c.atMost)
			}
			if c.payload == "" || c.limit == 0 {
				most = max(most, held)
			}
			if c.limit < 0 {
				p.send(masked(fin|opContinuation, ""))
				p.want(fin|opBinary, strings.Repeat(c.payload, 1+fragments))
			}
		})
	}
	figure(t, most <= 1_000_000, "1 MB", "1 M fragments hold %s", kB(most))
}

// T5: of the pongs that wait, 16 are kept and the newest; the write timeout ends the connection.
func TestT5PongsThatWait(t *testing.T) {
	t.Run("kept", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := serveMemory(t, echoServer(spout.Options{})).dial(t).upgrade("/")
			// The first is being written while the others come.
			p.send(masked(fin|opPing, "first"))
			for i := range 1000 {
				p.send(masked(fin|opPing, fmt.Sprint(i)))
			}
			synctest.Wait()
			p.want(fin|opPong, "first")
			for i := range 16 {
				p.want(fin|opPong, fmt.Sprint(i))
			}
			p.want(fin|opPong, "999")
			p.hello()
		})
	})
	t.Run("timeout", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			server, ended := ending("served", spout.Options{})
			p := serveMemory(t, server).dial(t).upgrade("/")
			start := time.Now()
			for {
				if _, err := p.nc.Write(masked(fin|opPing, "again")); err != nil {
					break
				}
				time.Sleep(time.Second / 7)
			}
			err := <-ended
			t.Logf("after %v: %v", time.Since(start), err)
			if e, ok := errors.AsType[*spout.CloseError](err); !ok || e.Code != spout.CloseAbnormal {
				t.Errorf("ended with %v, want 1006", err)
			}
			if d := time.Since(start) - 10*time.Second; d < 0 || d > time.Second/7 {
				t.Errorf("the write timeout of 10 s was noticed %v late", d)
			}
		})
	})
}

// held is an http.Handler that accepts connections and hands them to the test.
func held(srv *spout.Server) (http.Handler, <-chan *spout.Conn) {
	conns := make(chan *spout.Conn, 1)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := srv.Accept(w, r); err == nil {
			conns <- c
		}
	}), conns
}

// T7: the queue for a peer that does not read is bounded in bytes, whatever the size of messages.
func TestT7QueueForSlowPeer(t *testing.T) {
	const limit = 1 << 20
	var srv spout.Server
	h, conns := held(&srv)
	addr := serveTCP(t, &http.Server{Handler: h, ConnContext: smallSockets})
	var beyond int64
	for _, size := range []int{0, 128, 4000, 8000, 8188, 8189, 9000, 32 << 10, 300_000, limit} {
		t.Run(fmt.Sprintf("messages of %d bytes", size), func(t *testing.T) {
			p := dialTCP(t, addr).upgrade("/")
			p.nc.(*net.TCPConn).SetReadBuffer(4 << 10)
			c := <-conns
			m := spout.Binary(make([]byte, size))
			before := live()
			n := 0
			for ; ; n++ {
				if err := c.Send(m); err == spout.ErrFull {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
			queued := c.Buffered()
			held := live() - before
			t.Logf("%d messages sent, %d bytes queued, which hold %d bytes: %d beyond the limit", n, queued, held, held-limit)
			if queued > limit && size < limit {
				t.Errorf("%d bytes queued, over %d", queued, limit)
			}
			if most := int64(limit + 64<<10); held > most {
				t.Errorf("%d bytes held, over %d", held, most)
			}
			runtime.KeepAlive(m)
			c.CloseNow()
			beyond = max(beyond, held-limit)
		})
	}
	figure(t, beyond <= 64<<10, "64 KiB", "the queue for a peer that does not read holds its limit and %.1f KiB", float64(beyond)/1024)
}

// T7: a handler that answers a peer which sends but does not read is not fed further.
func TestT7SenderThatDoesNotRead(t *testing.T) {
	const limit, size = 256 << 10, 1000
	synctest.Test(t, func(t *testing.T) {
		server, ended := ending("served", spout.Options{SendLimit: limit})
		p := serveMemory(t, server).dial(t).upgrade("/")
		start := time.Now()
		message := masked(fin|opBinary, strings.Repeat("m", size))
		taken := 0
		for {
			if _, err := p.nc.Write(message); err != nil {
				break
			}
			taken++
		}
		err := <-ended
		t.Logf("%d messages of %d bytes were taken, %d bytes; ended after %v: %v",
			taken, size, taken*size, time.Since(start), err)
		if taken*size > limit/2+64<<10 {
			t.Errorf("over half of the limit and 64 KiB")
		}
		if time.Since(start) != 10*time.Second {
			t.Error("the write timeout of 10 s was not kept")
		}
		figure(t, time.Since(start) == 10*time.Second, "10 s", "a peer that takes no byte is dropped after %v", time.Since(start))
	})
}

// T7: Write waits for a slow peer; the write timeout ends the waiting.
func TestT7WriteWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var srv spout.Server
		h, conns := held(&srv)
		serveMemory(t, &http.Server{Handler: h}).dial(t).upgrade("/")
		c := <-conns
		m := spout.Binary(make([]byte, 1<<20))
		start := time.Now()
		if err := c.Write(t.Context(), m); err != nil || time.Since(start) != 0 {
			t.Fatalf("the empty queue took a message after %v: %v", time.Since(start), err)
		}
		if err := c.Send(m); err != spout.ErrFull {
			t.Errorf("Send: %v, want ErrFull", err)
		}
		err := c.Write(t.Context(), m)
		t.Logf("Write waited %v: %v", time.Since(start), err)
		if spout.CloseCode(err) != spout.CloseAbnormal || time.Since(start) != 10*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// T7: others do not feel the peers that do not read.
func TestT7OthersUnharmed(t *testing.T) {
	const slow, rounds, repeats = 16, 5000, 15
	var srv spout.Server
	hold, conns := held(&srv)
	mux := http.NewServeMux()
	mux.Handle("/slow", hold)
	mux.Handle("/", echoServer(spout.Options{}).Handler)
	addr := serveTCP(t, &http.Server{Handler: mux, ConnContext: smallSockets})
	p := dialTCP(t, addr).upgrade("/")
	p99 := func() time.Duration {
		runtime.GC()
		times := make([]time.Duration, rounds)
		for i := range times {
			start := time.Now()
			p.hello()
			times[i] = time.Since(start)
		}
		slices.Sort(times)
		return times[rounds*99/100]
	}
	p99()
	m := spout.Binary(make([]byte, 1000))
	// Medians, and by turns, since the machine may do other things meanwhile.
	var without, with [repeats]time.Duration
	for i := range repeats {
		without[i] = p99()
		full := make([]*spout.Conn, slow)
		for i := range full {
			dialTCP(t, addr).upgrade("/slow")
			full[i] = <-conns
			for full[i].Send(m) == nil {
			}
		}
		with[i] = p99()
		for _, c := range full {
			if c.Buffered() == 0 {
				t.Errorf("a peer that does not read has nothing queued")
			}
			c.CloseNow()
		}
	}
	slices.Sort(without[:])
	slices.Sort(with[:])
	alone, beside := without[repeats/2], with[repeats/2]
	ratio := float64(beside) / float64(alone)
	figure(t, ratio <= 1.2, "1.2 x", "p99 of others: %v alone, %v beside %d peers that do not read, %.2f x", alone, beside, slow, ratio)
}
