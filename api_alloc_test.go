//go:build !race

package spout_test

import (
	"io"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/spoutws/spout"
)

// Over TCP, an echoed message of 128 bytes costs one allocation, which is the message, and a control
// frame none; a large one that is released costs memory only while it begins. The race detector makes
// pools forget, so this is not for it.
func TestAllocations(t *testing.T) {
	served := func(h spout.Handler) func(c *spout.Conn) {
		return func(c *spout.Conn) { c.Serve(h) }
	}
	echo := func(c *spout.Conn, m spout.Message) error { return c.Send(m) }
	message, control := strings.Repeat("m", 128), strings.Repeat("c", 125)
	large := strings.Repeat("m", 128<<10)
	for _, test := range []struct {
		name    string
		serve   func(c *spout.Conn)
		send    []byte
		receive []byte
		most    float64
	}{
		{"echo by Send", served(spout.HandlerFunc(echo)), masked(fin|opText, message), unmasked(fin|opText, message), 1},
		{"echo by Write", served(spout.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
			return c.Write(t.Context(), m)
		})), masked(fin|opBinary, message), unmasked(fin|opBinary, message), 1},
		{"echo in a loop", func(c *spout.Conn) {
			for {
				m, err := c.Read(t.Context())
				if err != nil {
					return
				}
				c.Send(m)
			}
		}, masked(fin|opBinary, message), unmasked(fin|opBinary, message), 1},
		// It comes in pieces, and grows up to 16 KiB in memory that is not used again.
		{"released", served(spout.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
			defer m.Release()
			return c.Send(m)
		})), masked(fin|opBinary, large), unmasked(fin|opBinary, large), 8},
		{"ping", served(spout.HandlerFunc(echo)), masked(fin|opPing, control), unmasked(fin|opPong, control), 0},
		{"pong", served(spout.HandlerFunc(echo)), masked(fin|opPong, control), nil, 0},
		{"ping to an event", served(&onPing{}), masked(fin|opPing, control), unmasked(fin|opPong, control), 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			var srv spout.Server
			addr := serveTCP(t, &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if c, err := srv.Accept(w, r); err == nil {
					go test.serve(c)
				}
			})})
			p := dialTCP(t, addr).upgrade("/")
			nc := p.nc.(*net.TCPConn)
			got := make([]byte, len(test.receive))
			n := 0
			exchange := func() {
				if _, err := nc.Write(test.send); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(nc, got); err != nil || string(got) != string(test.receive) {
					t.Fatalf("got %q, %v", got, err)
				}
				n++
			}
			settle := func() { // an echo behind what was sent, so that all of it is done
				p.send(masked(fin|opPing, "settled"))
				p.want(fin|opPong, "settled")
			}
			for range 100 {
				exchange()
			}
			settle()
			defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection empties the pools
			const runs = 5000
			const few = 50 // of the settling and the runtime
			// An event that the system holds up for some milliseconds is taken for a slow one, and then each of the
			// next thousand costs its goroutine, too.
			const tries = 5
			var all float64
			var size uint64
			for try := range tries {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				for range runs {
					exchange()
				}
				settle()
				runtime.ReadMemStats(&after)
				all = float64(after.Mallocs - before.Mallocs)
				size = (after.TotalAlloc - before.TotalAlloc) / runs
				t.Logf("%.3f allocations each, %d bytes", all/runs, size)
				if all <= test.most*runs+few {
					break
				}
				if try == tries-1 {
					t.Errorf("%.3f allocations each, want at most %v", all/runs, test.most)
				}
			}
			if size > uint64(len(test.receive)/3+1<<10) {
				t.Errorf("%d bytes allocated each", size)
			}
			p.finish(1000)
		})
	}
}

type onPing struct{ spout.Base }

func (*onPing) OnMessage(*spout.Conn, spout.Message) error { return nil }
func (*onPing) OnPing(_ *spout.Conn, data []byte)          { _ = data[0] }
