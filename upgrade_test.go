package spout_test

import (
	"net/http"
	"runtime"
	"slices"
	"testing"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/spouttest"
)

// A client that has its connection may rely on the server's having it too.
func TestConnsHasWhatAClientHas(t *testing.T) {
	var srv spout.Server
	d := spouttest.Dialer(t, srv.HandlerFunc(func(*spout.Conn, spout.Message) error { return nil }))
	for want := range 50 {
		if _, err := d.Dial(t.Context(), spouttest.URL("/")); err != nil {
			t.Fatal(err)
		}
		if n := len(slices.Collect(srv.Conns())); n != want+1 {
			t.Fatalf("%d connections, want %d", n, want+1)
		}
	}
}

// What is sent to a connection that Conns gives away early goes behind the answer to its handshake.
func TestNothingIsSentBeforeTheAnswer(t *testing.T) {
	for range 50 {
		var srv spout.Server
		sent := make(chan error, 1)
		h := srv.Handler(func(*http.Request) (spout.Handler, error) {
			go func() {
				for {
					for c := range srv.Conns() {
						sent <- c.Send(spout.Text("early"))
						return
					}
					runtime.Gosched()
				}
			}()
			return spout.HandlerFunc(func(*spout.Conn, spout.Message) error { return nil }), nil
		})
		c := spouttest.Dial(t, h, "/")
		m, err := c.Read(t.Context())
		if err != nil || m.String() != "early" {
			t.Fatalf("got %q, %v", m, err)
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
	}
}
