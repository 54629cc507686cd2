package spout_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
)

// T8: a handshake that is never completed is ended by the HTTP server's ReadHeaderTimeout, which
// the bytes that drip in do not prolong.
func TestT8HalfHandshake(t *testing.T) {
	const timeout, count = 10 * time.Second, 300
	half, _, _ := strings.Cut(request("/"), "Sec-WebSocket-Version")
	inTime, all := 0, 0
	for _, c := range []struct {
		name, start string
		drips       bool
	}{
		{"nothing", "", false},
		{"half", half, false},
		{"half, then a byte each second", half + "X-Drip: ", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := echoServer(spout.Options{})
				server.ReadHeaderTimeout = timeout
				m := serveMemory(t, server)
				start := time.Now()
				ends := make(chan time.Duration, count)
				for range count {
					p := m.dial(t)
					if c.start != "" {
						p.send([]byte(c.start))
					}
					if c.drips {
						p.drip(time.Second, []byte("x"))
					}
					go func() {
						io.Copy(io.Discard, p.nc)
						ends <- time.Since(start)
					}()
				}
				closed := 0
				for range count {
					if took := <-ends; took == timeout {
						closed++
					} else {
						t.Errorf("closed after %v", took)
					}
				}
				t.Logf("%d of %d closed after %v", closed, count, timeout)
				m.dial(t).upgrade("/").hello()
				inTime += closed
				all += count
			})
		})
	}
	figure(t, inTime == all, "all by 11 s", "%d of %d half handshakes closed after %v", inTime, all, timeout)
}

// T8: a client that does not take the answer to its handshake holds nothing up for longer than the
// write timeout.
func TestT8AnswerNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := &spout.Server{Options: spout.Options{Logger: silent}}
		type result struct {
			err  error
			took time.Duration
		}
		results := make(chan result, 1)
		m := serveMemory(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			start := time.Now()
			_, err := srv.Accept(w, r)
			results <- result{err, time.Since(start)}
		})})
		p := m.dial(t)
		p.send([]byte(request("/")))
		r := <-results
		t.Logf("given up after %v: %v", r.took, r.err)
		if _, ok := errors.AsType[*spout.HandshakeError](r.err); !ok || r.took != 10*time.Second {
			t.Error("want a HandshakeError after 10 s")
		}
		p.wantEnd()
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// T9: a connection whose peer is silent, half open, or for ever within a frame is closed when it was
// promised.
func TestT9PeerWithoutLife(t *testing.T) {
	mute := func(*peer) {}
	listening := func(p *peer) { p.listen() }
	// once sends b and no more; dripping sends a zero each second after it.
	once := func(b []byte) func(*peer) {
		return func(p *peer) {
			listening(p)
			p.send(b)
		}
	}
	dripping := func(b []byte) func(*peer) {
		return func(p *peer) {
			once(b)(p)
			p.drip(time.Second, []byte{0})
		}
	}
	const s = time.Second
	long := header(fin|opBinary, 1<<20, true)
	ways, late := 0, time.Duration(0)
	for _, c := range []struct {
		name  string
		o     spout.Options
		play  func(*peer)
		after time.Duration
		code  spout.Code
	}{
		{"does not answer", spout.Options{}, listening, 45 * s, 1011},
		{"does not answer, other times", spout.Options{PingInterval: 3 * s, PingTimeout: 7 * s}, listening, 10 * s, 1011},
		{"does not answer, timeout over interval", spout.Options{PingInterval: s, PingTimeout: 60 * s}, listening, 61 * s, 1011},
		{"does not read", spout.Options{}, mute, 35 * s, 1006}, // 10 s after the ping: the write timeout
		{"half a header", spout.Options{}, once(long[:1]), 30 * s, 1008},
		{"a header", spout.Options{}, once(long), 30 * s, 1008},
		{"half a message", spout.Options{}, once(masked(fin|opText, "hello")[:8]), 30 * s, 1008},
		{"half a ping", spout.Options{}, once(masked(fin|opPing, "hello")[:8]), 30 * s, 1008},
		{"dripping", spout.Options{}, dripping(long), 30 * s, 1008},
		{"dripping, no pings", spout.Options{PingInterval: -1}, dripping(long), 30 * s, 1008},
		{"dripping, short timeout", spout.Options{FrameTimeout: 4 * s}, dripping(long), 4 * s, 1008},
		{"fragments without an end", spout.Options{}, once(masked(opText, "hello")), 45 * s, 1011},
	} {
		for _, style := range []string{"served", "read"} {
			t.Run(c.name+", "+style, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server, ended := ending(style, c.o)
					p := serveMemory(t, server).dial(t).upgrade("/")
					start := time.Now()
					c.play(p)
					err := <-ended
					took := time.Since(start)
					t.Logf("after %v: %v", took, err)
					if took != c.after || spout.CloseCode(err) != c.code {
						t.Errorf("want %v after %v", c.code, c.after)
					}
					ways++
					late = max(late, (took - c.after).Abs())
				})
			})
		}
	}
	figure(t, late <= time.Second, "1 s", "%d silent, half-open or endless peers closed within %v of the deadline", ways, late)
}

// T9: bytes that come just when a deadline is looked at don't put it off.
func TestT9BytesAtTheDeadline(t *testing.T) {
	const timeout, rounds = time.Second, 200
	in := make(map[time.Duration]int)
	for range rounds {
		synctest.Test(t, func(t *testing.T) {
			server, ended := ending("served", spout.Options{FrameTimeout: timeout, PingInterval: -1})
			p := serveMemory(t, server).dial(t).upgrade("/")
			p.listen()
			start := time.Now()
			p.send(header(fin|opBinary, 1<<20, true))
			time.Sleep(timeout)
			for range 100 {
				if _, err := p.nc.Write([]byte{0}); err != nil {
					break
				}
			}
			select {
			case err := <-ended:
				if spout.CloseCode(err) != spout.ClosePolicy {
					t.Errorf("closed with %v", err)
				}
			case <-time.After(time.Hour):
				t.Error("never closed")
			}
			in[time.Since(start)]++
		})
	}
	t.Logf("of %d connections, closed after: %v", rounds, in)
	if in[timeout] != rounds {
		t.Errorf("want %v for all", timeout)
	}
}

// T9: any byte is life. A peer that sends one in 19 s and answers no ping lives; when it stops, it
// does not for long.
func TestT9AnyByteIsLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, ended := ending("served", spout.Options{FrameTimeout: -1})
		p := serveMemory(t, server).dial(t).upgrade("/")
		p.listen()
		p.send(header(fin|opBinary, 1<<20, true))
		const pause, count = 19 * time.Second, 1000
		for range count {
			time.Sleep(pause)
			p.send([]byte{0})
		}
		last := time.Now()
		err := <-ended
		t.Logf("alive for %v; %v after the last byte: %v", count*pause, time.Since(last), err)
		if d := time.Since(last); d <= 0 || d > 45*time.Second || spout.CloseCode(err) != spout.CloseInternal {
			t.Errorf("want 1011 within 45 s")
		}
	})
}

// T9: whoever answers pings stays.
func TestT9AnswersAreLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, _ := ending("served", spout.Options{})
		p := serveMemory(t, server).dial(t).upgrade("/")
		start := time.Now()
		for time.Since(start) < 3*time.Hour {
			f := p.read()
			if f.b0 != fin|opPing {
				t.Fatalf("got %v, want a ping", f)
			}
			time.Sleep(19 * time.Second)
			p.send(masked(fin|opPong, string(f.payload)))
		}
		p.hello()
	})
}

// T10: a closing handshake ends after 5 s, whatever the peer does.
func TestT10CloseTimeout(t *testing.T) {
	message := masked(fin|opText, strings.Repeat("m", 1000))
	listening := func(p *peer) { p.listen() }
	goingOn := func(b []byte) func(*peer) {
		return func(p *peer) {
			listening(p)
			p.drip(10*time.Millisecond, b)
		}
	}
	var longest time.Duration
	for _, c := range []struct {
		name string
		play func(*peer)
	}{
		{"does not answer", listening},
		{"does not read", func(*peer) {}},
		{"is silent in mid-frame", func(p *peer) {
			listening(p)
			p.send(message[:500])
		}},
		{"sends a frame byte by byte", func(p *peer) {
			listening(p)
			p.send(header(fin|opBinary, 1<<20, true))
			p.drip(10*time.Millisecond, []byte{0})
		}},
		{"goes on with messages", goingOn(message)},
		{"goes on with pings", goingOn(masked(fin|opPing, "?"))},
		{"sends but does not read", func(p *peer) { p.drip(10*time.Millisecond, message) }},
	} {
		for _, style := range []string{"served", "read"} {
			for _, queued := range []int{0, 1 << 20} {
				t.Run(fmt.Sprintf("%s, %s, %d bytes queued", c.name, style, queued), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						srv := &spout.Server{Options: spout.Options{PingInterval: -1}}
						accept, conns := held(srv)
						p := serveMemory(t, &http.Server{Handler: accept}).dial(t).upgrade("/")
						conn, h := <-conns, echo{ended: make(chan error, 1)}
						if style == "served" {
							go conn.Serve(h)
						} else {
							go h.read(conn)
						}
						c.play(p)
						synctest.Wait()
						if queued > 0 {
							if err := conn.Send(spout.Binary(make([]byte, queued))); err != nil && err != spout.ErrFull {
								t.Fatal(err)
							}
						}
						start := time.Now()
						if err := conn.Close(spout.CloseNormal, "bye"); err != nil || time.Since(start) != 0 {
							t.Fatalf("Close waited %v: %v", time.Since(start), err)
						}
						err := <-h.ended
						<-conn.Context().Done()
						took := time.Since(start)
						t.Logf("after %v: %v", took, context.Cause(conn.Context()))
						longest = max(longest, took)
						if took > 5*time.Second || spout.CloseCode(err) != spout.CloseNormal {
							t.Errorf("over after %v with %v", took, err)
						}
					})
				})
			}
		}
	}
	figure(t, longest <= 5500*time.Millisecond, "5.5 s", "closed after %v, whatever the peer does", longest)
}

// T10: the stream is given up in time even while a handler blocks.
func TestT10CloseBesideBlockedHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var srv spout.Server
		accept, conns := held(&srv)
		p := serveMemory(t, &http.Server{Handler: accept}).dial(t).upgrade("/")
		conn := <-conns
		served := make(chan error)
		go func() {
			served <- conn.Serve(spout.HandlerFunc(func(c *spout.Conn, _ spout.Message) error {
				time.Sleep(time.Hour)
				return nil
			}))
		}()
		p.send(masked(fin|opText, "block"))
		synctest.Wait()
		start := time.Now()
		conn.Close(spout.CloseNormal, "")
		p.wantClose(1000)
		p.wantEnd()
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("the stream ended after %v", took)
		}
		<-served
		if took := time.Since(start); took != time.Hour {
			t.Errorf("Serve returned after %v", took)
		}
	})
}

// T9, T10: the same on sockets. What ends and how is certain, when is only shown.
func TestT10Sockets(t *testing.T) {
	const timeout = 300 * time.Millisecond
	for _, c := range []struct {
		name string
		o    spout.Options
		play func(*peer, *spout.Conn)
		code spout.Code
	}{
		{"no answer to a ping", spout.Options{PingInterval: timeout / 2, PingTimeout: timeout / 2},
			func(*peer, *spout.Conn) {}, 1011},
		{"a frame without an end", spout.Options{FrameTimeout: timeout},
			func(p *peer, _ *spout.Conn) { p.send(header(fin|opText, 5, true)) }, 1008},
		{"no answer to Close", spout.Options{CloseTimeout: timeout},
			func(_ *peer, c *spout.Conn) { c.Close(spout.CloseNormal, "") }, 1000},
		{"Close in mid-frame", spout.Options{CloseTimeout: timeout},
			func(p *peer, c *spout.Conn) {
				p.send(header(fin|opBinary, 1<<20, true))
				p.drip(10*time.Millisecond, []byte{0})
				c.Close(spout.CloseNormal, "")
			}, 1000},
		{"nothing is taken", spout.Options{WriteTimeout: timeout},
			func(_ *peer, c *spout.Conn) {
				for c.Send(spout.Binary(make([]byte, 1<<20))) == nil {
				}
			}, 1006},
		{"nothing is taken, Close", spout.Options{CloseTimeout: timeout},
			func(_ *peer, c *spout.Conn) {
				for c.Send(spout.Binary(make([]byte, 1<<20))) == nil {
				}
				c.Close(spout.CloseNormal, "")
			}, 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := &spout.Server{Options: c.o}
			accept, conns := held(srv)
			p := dialTCP(t, serveTCP(t, &http.Server{Handler: accept, ConnContext: smallSockets})).upgrade("/")
			conn, h := <-conns, echo{ended: make(chan error, 1)}
			go conn.Serve(h)
			start := time.Now()
			c.play(p, conn)
			err := <-h.ended
			t.Logf("after %v, with timeouts of %v: %v", time.Since(start), timeout, err)
			if spout.CloseCode(err) != c.code {
				t.Errorf("want %d", c.code)
			}
		})
	}
}

// T11: the peer reads the close code, although the connection is closed while it sends.
func TestT11CloseCodeArrives(t *testing.T) {
	const rounds, more = 100, 200 << 10
	addr := serveTCP(t, echoServer(spout.Options{}))
	readAll, all := 0, 0
	for _, c := range []struct {
		name  string
		frame []byte
		code  uint16
	}{
		{"too big", header(fin|opBinary, 1<<20+1, true), 1009},
		{"not masked", unmasked(fin|opText, "hello"), 1002},
		{"not UTF-8", masked(fin|opText, "\xff"), 1007},
		{"closed by the peer", masked(fin|opClose, closing(1000, "")), 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			read := 0
			start := time.Now()
			for range rounds {
				p := dialTCP(t, addr).upgrade("/")
				p.send(c.frame, make([]byte, more))
				p.wantClose(c.code)
				p.wantEnd()
				p.nc.Close()
				read++
			}
			t.Logf("%d of %d peers that sent %d bytes more read %d; %v each", read, rounds, more, c.code, time.Since(start)/rounds)
			readAll += read
			all += rounds
		})
	}
	figureAll(t, readAll, all, "peers that send on read the close code")
	dialTCP(t, addr).upgrade("/").hello()
}

// T11: what is drained is bounded in bytes and in time: 256 KiB and one second.
func TestT11DrainEnds(t *testing.T) {
	violation := unmasked(fin|opText, "hello")
	t.Run("bytes", func(t *testing.T) {
		server, ended := ending("served", spout.Options{})
		p := dialTCP(t, serveTCP(t, server)).upgrade("/")
		p.send(violation)
		block := make([]byte, 64<<10)
		sent := 0
		for {
			n, err := p.nc.Write(block)
			sent += n
			if err != nil {
				break
			}
		}
		err := <-ended
		t.Logf("the peer could send %d bytes, those in the kernel's buffers included: %v", sent, err)
		if spout.CloseCode(err) != spout.CloseProtocol {
			t.Error("want 1002")
		}
	})
	t.Run("time", func(t *testing.T) {
		server, ended := ending("served", spout.Options{})
		p := dialTCP(t, serveTCP(t, server)).upgrade("/")
		start := time.Now()
		p.send(violation)
		p.wantClose(1002)
		p.wantEnd()
		halfClosed := time.Since(start)
		err := <-ended // though this side stays open
		t.Logf("half-closed after %v, closed after %v: %v", halfClosed, time.Since(start), err)
		if spout.CloseCode(err) != spout.CloseProtocol {
			t.Error("want 1002")
		}
	})
}
