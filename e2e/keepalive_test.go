//go:build unix

package e2e

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// TestKeepalive pings other libraries' servers at a short interval. They
// answer; when their process stops, but its sockets stay open, our end notices.
func TestKeepalive(t *testing.T) {
	t.Parallel()
	for _, l := range []library{tornado, websockets, ws} {
		t.Run(string(l.peer), func(t *testing.T) {
			t.Parallel()
			them := startEnd(t, l, "listen")
			d := spout.Dialer{Options: spout.Options{PingInterval: time.Millisecond, PingTimeout: 2 * time.Second}}
			c, err := d.Dial(t.Context(), fmt.Sprintf("ws://127.0.0.1:%d", them.next(t).Port))
			if err != nil {
				t.Fatal(err)
			}
			us := styles[len(styles)-1].attach(c)
			us.want(t, opened(""))
			for range 200 { // the answer may come at any moment of our sending
				if got := us.next(t); got.Event != "pong" {
					t.Fatalf("our end saw\n%v, want a pong", got)
				}
			}
			if c.RTT() <= 0 {
				t.Errorf("RTT = %v after 200 pongs", c.RTT())
			}
			if err := them.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			for {
				got := us.next(t)
				if got.Event == "pong" {
					continue // sent before
				}
				if got.Event != "close" || got.Code != 1011 || got.Remote {
					t.Fatalf("our end saw\n%v, want its own close with 1011", got)
				}
				break
			}
		})
	}
}
