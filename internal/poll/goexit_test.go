package poll

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"
)

// A handler that ends its goroutine is called again in another one, and the others do not notice: whether the goroutine
// was a leader, was one once, or never.
func TestGoexit(t *testing.T) {
	for _, how := range []string{"leading", "deposed", "apart"} {
		t.Run(how, func(t *testing.T) {
			onRig(t, 1, func(r *rig) {
				var route Route
				if how == "apart" {
					route.detained()
				}
				leaves := true
				a := r.open(&route, func(c *client, why Readiness, buf []byte) bool {
					if leaves {
						leaves = false
						if how == "deposed" {
							time.Sleep(tooLong)
						}
						runtime.Goexit()
					}
					read, _ := c.drain(buf)
					r.note("a %s %v %v", read, why, buf == nil)
					return false
				})
				b := r.open(nil, r.notes("b"))
				receive("x", a)
				if how == "deposed" {
					receive("y", b)
					time.Sleep(tooLong / 2)
					r.want("b y")
					time.Sleep(tooLong / 2)
				}
				r.want(fmt.Sprintf("a x %v true", Woken))
				receive("y", b)
				r.want("b y")
				receive("x", a)
				r.want(fmt.Sprintf("a x %v true", Readable)) // a leader must not be lost each time
				r.closeAll(a, b)
			})
		})
	}
}

// Turns that were due behind a handler that ends its goroutine are taken.
func TestGoexitLeavesTheOtherTurns(t *testing.T) {
	onRig(t, 1, func(r *rig) {
		var all []*client
		for i := range 4 {
			left := false
			all = append(all, r.open(nil, func(c *client, _ Readiness, buf []byte) bool {
				read, _ := c.drain(buf)
				r.note("%d %s", i, read)
				if i%2 == 0 && !left {
					left = true
					runtime.Goexit()
				}
				return false
			}))
		}
		receive("x", all...)
		got := r.take()
		slices.Sort(got)
		if want := []string{"0 ", "0 x", "1 x", "2 ", "2 x", "3 x"}; !slices.Equal(got, want) {
			r.Errorf("got %q, want %q", got, want)
		}
		r.closeAll(all...)
	})
}
