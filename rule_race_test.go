package spout_test

import (
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/spoutws/spout"
)

// Both ends close, drop, send, ping and stream at once, over sockets and pipes: each gets one OnClose,
// last, and all calls return.
func TestOneOnCloseWhateverHappens(t *testing.T) {
	networks := map[string]func(t *testing.T) (net.Conn, net.Conn){
		"TCP": func(t *testing.T) (net.Conn, net.Conn) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			near, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			far, err := ln.Accept()
			if err != nil {
				t.Fatal(err)
			}
			return near, far
		},
		"pipe": func(*testing.T) (net.Conn, net.Conn) { return net.Pipe() },
	}
	ends := map[string]func(c *spout.Conn){
		"Close":    func(c *spout.Conn) { c.Close(4000, "") },
		"CloseNow": func(c *spout.Conn) { c.CloseNow() },
		"error":    func(c *spout.Conn) { c.Send(spout.Text("fail")) },
		"lost":     func(*spout.Conn) {}, // the other end does something
	}
	for network, connect := range networks {
		for a, endA := range ends {
			for b, endB := range ends {
				if a == "lost" && b == "lost" {
					continue
				}
				t.Run(network+" "+a+" "+b, func(t *testing.T) {
					near, far := connect(t)
					var wg sync.WaitGroup
					start := func(nc net.Conn, client bool, end func(*spout.Conn)) *recorder {
						c := over(t, nc, client, spout.Options{})
						h := &recorder{message: func(c *spout.Conn, m spout.Message) error {
							if m.String() == "fail" {
								return errTest
							}
							return c.Send(spout.Text("echo"))
						}}
						wg.Go(func() { c.Serve(h) })
						for _, f := range []func(){
							func() { c.Send(spout.Text("hello")) },
							func() { c.Write(t.Context(), spout.Text("hello")) },
							func() { c.WriteFrom(t.Context(), spout.TextMessage, strings.NewReader("hello")) },
							func() { c.Ping(nil) },
							func() { end(c) },
							func() { end(c) },
							func() { <-c.Context().Done() },
						} {
							wg.Go(f)
						}
						return h
					}
					ha, hb := start(near, true, endA), start(far, false, endB)
					wg.Wait()
					for _, h := range []*recorder{ha, hb} {
						if n := len(h.log); n < 2 || h.log[0] != "open" || !strings.HasPrefix(h.log[n-1], "close") || len(h.ends) != 1 {
							t.Errorf("events %q, %d times OnClose", h.log, len(h.ends))
						}
						if h.overlaps {
							t.Error("two events at once")
						}
					}
				})
			}
		}
	}
}
