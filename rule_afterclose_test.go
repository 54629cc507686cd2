package spout_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/spouttest"
)

// What AfterClose was given runs once, in order, before OnClose, whatever one of them does; after the end at
// once.
func TestAfterClose(t *testing.T) {
	for _, style := range []string{"handler", "accept"} {
		t.Run(style, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				var order []string
				note := func(s string) func() { return func() { order = append(order, s) } }
				attach := func(c *spout.Conn) {
					c.AfterClose(note("first"))
					c.AfterClose(func() { panic("second") })
					c.AfterClose(note("third"))
				}
				conns := make(chan *spout.Conn, 1)
				srv := &spout.Server{Options: spout.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}}
				h := srv.Handler(func(*http.Request) (spout.Handler, error) {
					return &recorder{
						open:  func(c *spout.Conn) error { attach(c); conns <- c; return nil },
						close: func(*spout.Conn, error) { note("OnClose")() },
					}, nil
				})
				if style == "accept" {
					h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						c, err := srv.Accept(w, r)
						if err != nil {
							t.Error(err)
							return
						}
						attach(c)
						conns <- c
						c.Read(t.Context())
					})
				}
				spouttest.Dial(t, h, "/").Close(1000, "")
				synctest.Wait()
				want := []string{"first", "third", "OnClose"}
				if style == "accept" {
					want = want[:2]
				}
				if !slices.Equal(order, want) {
					t.Errorf("order %q, want %q", order, want)
				}
				if !strings.Contains(log.String(), "second") {
					t.Errorf("the panic was not logged: %s", log.String())
				}
				(<-conns).AfterClose(note("late"))
				if order[len(order)-1] != "late" {
					t.Errorf("not called after the end: %q", order)
				}
			})
		})
	}
}

// One that ends its goroutine keeps OnClose from nothing.
func TestAfterCloseGoexit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed := false
		var srv spout.Server
		spouttest.Dial(t, srv.Handler(func(*http.Request) (spout.Handler, error) {
			return &recorder{
				open:  func(c *spout.Conn) error { c.AfterClose(runtime.Goexit); return nil },
				close: func(*spout.Conn, error) { closed = true },
			}, nil
		}), "/").Close(1000, "")
		synctest.Wait()
		if !closed {
			t.Error("OnClose was not called")
		}
	})
}
