package spout_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// A client may change its keys, and have the server change its own, in the middle of anything; the
// messages for that may be cut.
func TestListenerKeyUpdates(t *testing.T) {
	addr, config := secureEcho(t, spout.Options{})
	r := dialRecords(t, addr, config)
	p := r.peer(t).upgrade("/")
	const rounds = 20
	for i := range rounds {
		frame := masked(fin|opText, strings.Repeat("x", 1+800*i))
		p.send(frame[:3])
		if err := r.update(byte(i % 2)); err != nil {
			t.Fatal(err)
		}
		p.send(frame[3:])
		p.want(fin|opText, strings.Repeat("x", 1+800*i))
	}
	if r.updates != rounds/2 {
		t.Errorf("the server has changed its key %d times, want %d", r.updates, rounds/2)
	}
	update := keyUpdate(1)
	for _, part := range [][]byte{r.seal(recordHandshake, update[:2]), r.seal(recordHandshake, update[2:])} {
		pieces{r.Conn, 1}.Write(part)
	}
	r.out.next()
	p.hello()
	p.finish(1000)
	p.wantEnd()
}

// What the server has to answer for TLS itself does not grow without bound when it is not taken: a peer that
// goes on like that is cut off.
func TestListenerKeyUpdateFlood(t *testing.T) {
	o := spout.Options{PingInterval: -1}
	if !events {
		o.PingInterval, o.PingTimeout = time.Second, time.Second // crypto/tls waits for the peer then
	}
	srv := &spout.Server{Options: o}
	h := &recorder{}
	addr, config := overListener(t, srv, srv.Handler(func(*http.Request) (spout.Handler, error) { return h, nil }))
	r := dialRecords(t, addr, config)
	r.peer(t).upgrade("/")
	pong := masked(fin|opPong, "")
	flooded := make(chan int)
	go func() {
		n := 0
		for err := error(nil); err == nil; n++ {
			if err = r.update(1); err == nil { // crypto/tls takes few in a row
				_, err = r.Write(pong)
			}
		}
		flooded <- n
	}()
	end := h.wait(t)
	t.Logf("cut off after %d updates: %v", <-flooded, end)
}

// A record that was tampered with ends the connection, and TLS says so to the peer.
func TestListenerBadRecord(t *testing.T) {
	srv := &spout.Server{}
	h := &recorder{}
	addr, config := overListener(t, srv, srv.Handler(func(*http.Request) (spout.Handler, error) { return h, nil }))
	r := dialRecords(t, addr, config)
	r.peer(t).upgrade("/")
	bad := r.seal(recordApplication, masked(fin|opText, "hello"))
	bad[len(bad)-1] ^= 1
	r.Conn.Write(bad)
	if n, err := r.Read(make([]byte, 100)); err == nil || !strings.Contains(err.Error(), "alert [2 20]") {
		t.Errorf("got %d bytes and %v, want the alert bad_record_mac", n, err)
	}
	if end := h.wait(t); end.Code != spout.CloseAbnormal || !strings.Contains(end.Error(), "bad record MAC") {
		t.Errorf("ended with %v", end)
	}
}

// keeping is a connection that keeps what is read from it.
type keeping struct {
	net.Conn
	got bytes.Buffer
}

func (c *keeping) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.got.Write(p[:n])
	return n, err
}

// lastRecord returns the content type of the last TLS record that came.
func (c *keeping) lastRecord() (contentType byte) {
	for b := c.got.Bytes(); len(b) > 5; {
		contentType = b[0]
		b = b[min(len(b), 5+int(binary.BigEndian.Uint16(b[3:]))):]
	}
	return contentType
}

// However the connection ends, TLS's own word for the end goes out last: close_notify, "unless it has already
// sent some error alert" (RFC 8446, 6.1). By TLS 1.2, which shows what a record is; crypto/tls takes an end
// between two records for one.
func TestListenerEnd(t *testing.T) {
	const alert = 21
	for _, v := range []struct {
		name   string
		end    func(p *peer)
		code   spout.Code
		notify bool // of the peer
	}{
		{"in a message", func(p *peer) { p.send(masked(opText, "half of")) }, spout.CloseAbnormal, true},
		{"in a message, without a word", func(p *peer) { p.send(masked(opText, "half of")) }, spout.CloseAbnormal, false},
		{"between messages", func(*peer) {}, spout.CloseAbnormal, true},
		{"between messages, without a word", func(*peer) {}, spout.CloseAbnormal, false},
		{"after a message", func(p *peer) { p.hello() }, spout.CloseAbnormal, true},
		{"with a close frame", func(p *peer) { p.finish(1000) }, spout.CloseNormal, true},
	} {
		t.Run(v.name, func(t *testing.T) {
			srv := &spout.Server{}
			h := &recorder{message: func(c *spout.Conn, m spout.Message) error { return c.Send(m) }}
			addr, config := overListener(t, srv, srv.Handler(func(*http.Request) (spout.Handler, error) { return h, nil }))
			config.MaxVersion = tls.VersionTLS12
			nc, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			kept := &keeping{Conn: nc}
			tc := tls.Client(kept, config)
			p := newPeer(t, tc, time.Minute).upgrade("/")
			v.end(p)
			if v.notify {
				tc.CloseWrite()
			} else {
				nc.(*net.TCPConn).CloseWrite()
			}
			if end := h.wait(t); end.Code != v.code {
				t.Errorf("ended with %v", end)
			}
			p.wantEnd()
			if last := kept.lastRecord(); last != alert {
				t.Errorf("the last record has the type %d, want %d", last, alert)
			}
		})
	}
}
