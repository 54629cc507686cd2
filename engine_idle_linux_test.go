package spout_test

import (
	"net/http"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// settled returns how many goroutines there are when those that were about to end have done so.
func settled() int {
	n := runtime.NumGoroutine()
	for calm := 0; calm < 10; calm++ {
		time.Sleep(10 * time.Millisecond)
		if now := runtime.NumGoroutine(); now < n {
			n, calm = now, 0
		}
	}
	return n
}

// A connection that waits has no goroutine: after an echo and a split frame, be it served or read in a loop that
// nobody is in; nor when a message has arrived that nobody receives, and more bytes behind it. (With
// SPOUT_ENGINE=goroutine, each has one.) All of them go on when it is their turn.
func TestEngineIdleConnectionsHaveNoGoroutine(t *testing.T) {
	const n = 500
	most := n / 50 // which others may have begun meanwhile
	if os.Getenv("SPOUT_ENGINE") == "goroutine" {
		most += n
	}
	srv := &spout.Server{Options: patient}
	conns := make(chan *spout.Conn, 1)
	mux := http.NewServeMux()
	mux.Handle("/echo", srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error { return c.Send(m) }))
	mux.HandleFunc("/accept", func(w http.ResponseWriter, r *http.Request) {
		if c, err := srv.Accept(w, r); err == nil {
			conns <- c
		}
	})
	addr := serveTCP(t, &http.Server{Handler: mux})
	split := masked(fin|opText, "split")

	type end struct {
		c *spout.Conn
		p *peer
	}
	echo := func(e end) {
		e.p.send(masked(fin|opText, "hello"))
		wantMessage(t, e.c, spout.TextMessage, "hello")
		if err := e.c.Send(spout.Text("hello")); err != nil {
			t.Fatal(err)
		}
		e.p.want(fin|opText, "hello")
	}
	for _, test := range []struct {
		name, path string
		before     func(e end)
		after      func(e end)
	}{
		{"served", "/echo", func(e end) {
			e.p.hello()
			e.p.send(split[:3])
		}, func(e end) {
			e.p.send(split[3:])
			e.p.want(fin|opText, "split")
		}},
		{"accepted and silent", "/accept", func(end) {}, echo},
		{"read before", "/accept", func(e end) {
			echo(e)
			e.p.send(split[:3])
		}, func(e end) {
			e.p.send(split[3:])
			wantMessage(t, e.c, spout.TextMessage, "split")
		}},
		{"unread message and more", "/accept", func(e end) {
			e.p.send(masked(fin|opText, "first"), masked(fin|opText, "second"), split[:3])
			e.p.send(split[3:])
		}, func(e end) {
			for _, want := range []string{"first", "second", "split"} {
				wantMessage(t, e.c, spout.TextMessage, want)
			}
			echo(e)
		}},
		{"unread message and much more", "/accept", func(e end) {
			e.p.send(masked(fin|opText, "first"), masked(fin|opBinary, string(make([]byte, 100_000))))
		}, func(e end) {
			wantMessage(t, e.c, spout.TextMessage, "first")
			wantMessage(t, e.c, spout.BinaryMessage, string(make([]byte, 100_000)))
			echo(e)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			first := dialTCP(t, addr).upgrade("/echo") // with which the engine starts
			first.hello()
			before := settled()
			var all []end
			for range n {
				e := end{p: dialTCP(t, addr).upgrade(test.path)}
				if test.path == "/accept" {
					e.c = <-conns
				}
				test.before(e)
				all = append(all, e)
			}
			goroutines := settled() - before
			t.Logf("%d goroutines for %d connections", goroutines, n)
			if goroutines > most {
				t.Errorf("%d goroutines for %d connections, want at most %d", goroutines, n, most)
			}
			for _, e := range all {
				test.after(e)
				e.p.nc.Close()
			}
		})
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
