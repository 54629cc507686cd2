package spout_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// overListener serves on loopback over TLS, through srv.Listener, and returns the address and the
// configuration of its clients.
func overListener(t *testing.T, srv *spout.Server, h http.Handler) (addr string, client *tls.Config) {
	t.Helper()
	server, client := testTLS(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, &http.Server{Handler: h}, srv.Listener(ln, server))
	return ln.Addr().String(), client
}

// secureEcho is an echo server through Server.Listener.
func secureEcho(t *testing.T, o spout.Options) (addr string, client *tls.Config) {
	srv := &spout.Server{Options: o}
	return overListener(t, srv, srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error { return c.Send(m) }))
}

// dialListener connects a peer.
func dialListener(t testing.TB, addr string, config *tls.Config) *peer {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return newPeer(t, tls.Client(nc, config), time.Minute)
}

// versions runs a test for each version of TLS.
func versions(t *testing.T, test func(t *testing.T, version uint16)) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(v), func(t *testing.T) { test(t, v) })
	}
}

// Through Server.Listener, a client that speaks TLS is served, by either version; the request says so, and
// the connection ends as any other does: with a close frame, then with TLS's own word for the end.
func TestListener(t *testing.T) {
	versions(t, func(t *testing.T, version uint16) {
		srv := &spout.Server{}
		h := &recorder{message: func(c *spout.Conn, m spout.Message) error { return c.Send(m) }}
		states := make(chan *tls.ConnectionState, 1)
		addr, config := overListener(t, srv, srv.Handler(func(r *http.Request) (spout.Handler, error) {
			states <- r.TLS
			return h, nil
		}))
		config.MinVersion, config.MaxVersion = version, version
		config.NextProtos = []string{"h2", "http/1.1"}
		p := dialListener(t, addr, config).upgrade("/")
		if state := <-states; state == nil || state.Version != version || state.NegotiatedProtocol != "http/1.1" {
			t.Errorf("the request was told %+v of TLS", state)
		}
		p.hello()
		for _, b := range masked(fin|opText, "byte by byte") {
			p.send([]byte{b}) // a record each
		}
		p.want(fin|opText, "byte by byte")
		var many []byte
		for i := range 1000 {
			many = append(many, masked(fin|opText, fmt.Sprint(i))...)
		}
		p.send(many)
		for i := range 1000 {
			p.want(fin|opText, fmt.Sprint(i))
		}
		p.finish(1000)
		p.wantEnd() // which is an error if close_notify is missing
		if end := h.wait(t); end.Code != 1000 || !end.Remote {
			t.Errorf("ended with %v", end)
		}
	})
}
