package spout_test

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
)

// duplex is one end of a connection whose two directions end separately, as those of TCP do.
type duplex struct {
	net.Conn // to read from
	out      net.Conn
}

func newDuplex() (near, far *duplex) {
	r1, w1 := net.Pipe()
	r2, w2 := net.Pipe()
	return &duplex{r1, w2}, &duplex{r2, w1}
}

func (d *duplex) Write(p []byte) (int, error)        { return d.out.Write(p) }
func (d *duplex) SetWriteDeadline(t time.Time) error { return d.out.SetWriteDeadline(t) }
func (d *duplex) CloseWrite() error                  { return d.out.Close() }
func (d *duplex) Close() error                       { d.out.Close(); return d.Conn.Close() }

// duplexPair is a pair over a duplex.
func duplexPair(t *testing.T, client bool) (*recorder, *spout.Conn, *peer) {
	near, far := newDuplex()
	c := over(t, near, client, spout.Options{})
	h := &recorder{}
	serve(t, c, h)
	synctest.Wait()
	return h, c, newPeer(t, far, 24*time.Hour)
}

// A server that is done ends its sending side at once, so that the peer has all it was sent, and
// reads for a second what the peer still sends, so that nothing of it becomes a reset.
func TestServerHalfCloses(t *testing.T) {
	for name, begin := range map[string]func(c *spout.Conn, p *peer){
		"Close": func(c *spout.Conn, p *peer) {
			c.Close(4000, "")
			p.wantClose(4000)
			p.send(masked(fin|opClose, closing(4000, "")))
		},
		"peer closes": func(c *spout.Conn, p *peer) {
			p.send(masked(fin|opClose, closing(4000, "")))
			p.wantClose(4000)
		},
		"violation": func(c *spout.Conn, p *peer) {
			p.send(unmasked(fin|opText, ""))
			p.wantClose(1002)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, c, p := duplexPair(t, false)
				watch := startWatch(t)
				begin(c, p)
				p.wantEnd()
				watch.want(0)
				p.send(masked(fin|opText, "too late"))
				p.play(func() {
					for { // more, slowly
						if _, err := p.nc.Write([]byte("x")); err != nil {
							return
						}
						time.Sleep(100 * time.Millisecond)
					}
				})
				h.wait(t)
				watch.want(time.Second)
			})
			synctest.Test(t, func(t *testing.T) { // a peer that closes too is not waited for
				h, c, p := duplexPair(t, false)
				watch := startWatch(t)
				begin(c, p)
				p.nc.Close()
				h.wait(t)
				watch.want(0)
			})
			synctest.Test(t, func(t *testing.T) { // nor one that sends more than 256 KiB
				h, c, p := duplexPair(t, false)
				watch := startWatch(t)
				begin(c, p)
				n, err := p.nc.Write(make([]byte, 1<<20))
				if n < 256<<10 || n > 300<<10 || err == nil {
					t.Errorf("the peer could send %d bytes, %v", n, err)
				}
				h.wait(t)
				watch.want(0)
			})
		})
	}
}

// A client leaves it to the server to close the stream, for a second at most: "the client SHOULD
// wait for the server to close the connection" (RFC 6455, 7.1.1).
func TestClientWaitsForTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, c, p := duplexPair(t, true)
		c.Close(4000, "")
		p.wantClose(4000)
		watch := startWatch(t)
		p.send(unmasked(fin|opClose, closing(4000, "")))
		if n, err := p.in.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("got %d, %v", n, err)
		}
		watch.want(time.Second)
		h.wait(t)
	})
	synctest.Test(t, func(t *testing.T) {
		h, c, p := duplexPair(t, true)
		c.Close(4000, "")
		p.wantClose(4000)
		p.send(unmasked(fin|opClose, closing(4000, "")))
		time.Sleep(time.Second / 2)
		watch := startWatch(t)
		p.nc.Close()
		h.wait(t)
		watch.want(0)
	})
}

// What was queued before a Close, or before the peer's, is sent before the close frame.
func TestQueueIsSentBeforeTheEnd(t *testing.T) {
	for name, begin := range map[string]func(c *spout.Conn, p *peer){
		"Close":        func(c *spout.Conn, p *peer) { c.Close(4000, "") },
		"peer closes":  func(c *spout.Conn, p *peer) { p.send(masked(fin|opClose, closing(4000, ""))) },
		"both at once": func(c *spout.Conn, p *peer) { c.Close(4000, ""); p.send(masked(fin|opClose, closing(4000, ""))) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, c, p := duplexPair(t, false)
				for _, s := range []string{"one", "two", "three"} {
					c.Send(text(200_000, s))
				}
				synctest.Wait()
				begin(c, p)
				synctest.Wait()
				p.wantTexts("one", "two", "three")
				p.wantClose(4000)
			})
		})
	}
}

// The connection's context ends when the closing handshake is done, not before.
func TestContextEndsWithTheHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c, p := duplexPair(t, false)
		early := c.Context()
		c.Close(4000, "bye")
		p.wantClose(4000)
		synctest.Wait()
		if early.Err() != nil {
			t.Error("the context ended before the peer answered")
		}
		p.send(masked(fin|opClose, closing(4000, "")))
		synctest.Wait()
		for _, ctx := range []interface{ Err() error }{early, c.Context()} {
			if ctx.Err() == nil {
				t.Error("the context has not ended")
			}
		}
		if end := await(c); end.Code != 4000 || end.Reason != "bye" {
			t.Errorf("its cause is %v", end)
		}
	})
}
