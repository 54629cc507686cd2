package poll

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// Those that want to go on have their next turn behind the others.
func TestFairness(t *testing.T) {
	onRig(t, 1, func(r *rig) {
		greedy := r.open(nil, nil)
		other := r.open(nil, r.notes("other"))
		n := 0
		greedy.ready = func(c *client, why Readiness, buf []byte) bool {
			n++
			read, err := c.Read(buf[:1])
			r.note("greedy %d %v", read, why)
			if n == 2 {
				receive("y", other) // while the greedy one is queued, or about to be
			}
			return err == nil
		}
		r.want()
		receive("xxx", greedy)
		receive("y", other)
		r.want("greedy 1 1", "other y", "greedy 1 1", "other y", "greedy 1 1", "greedy 0 1")
		r.closeAll(greedy, other)
	})
}

// A handler that wants to go on is called again, whatever it was called for, and with the same reasons: be it that
// its goroutine leads still, does not any more, or never did.
func TestMoreIsCalledAgain(t *testing.T) {
	for _, why := range []Readiness{Readable, Woken, Readable | HungUp} {
		for _, how := range []string{"leading", "deposed", "deposed later", "apart"} {
			t.Run(fmt.Sprintf("%s after %v", how, why), func(t *testing.T) {
				onRig(t, 1, func(r *rig) {
					var route Route
					if how == "apart" {
						route.detained()
					}
					calls := 0
					first := true
					c := r.open(&route, func(c *client, got Readiness, buf []byte) bool {
						if first { // has it called again for why, by the same goroutine
							first = false
							c.drain(buf)
							if why&Woken != 0 {
								c.Wake()
								return false
							}
						}
						if calls++; calls == 1 {
							if got&why != why {
								r.Errorf("called for %v, want %v", got, why)
							}
							if how == "deposed" {
								time.Sleep(tooLong)
							}
							return true
						}
						if calls == 2 && got&why != why {
							r.Errorf("called again for %v, want %v still", got, why)
						}
						if calls == 2 && how == "deposed later" {
							time.Sleep(tooLong)
							return true
						}
						if calls == 2 && (buf != nil) != (how == "leading") {
							r.Errorf("called again with a buffer of %d bytes", len(buf))
						}
						_, end := c.drain(buf)
						r.note("again %v", end)
						return false
					})
					c.send([]byte("x"), why&HungUp != 0)
					time.Sleep(time.Second)
					r.want(fmt.Sprintf("again %v", why&HungUp != 0))

					// It is nobody's now.
					c.Wake()
					synctest.Wait()
					r.want(fmt.Sprintf("again %v", why&HungUp != 0))
					r.closeAll(c)
				})
			})
		}
	}
}

// What a leader has queued when it is deposed is not lost.
func TestQueuedSocketOfADeposedLeader(t *testing.T) {
	onRig(t, 1, func(r *rig) {
		greedy := r.open(nil, func(c *client, _ Readiness, buf []byte) bool {
			n, err := c.Read(make([]byte, 1))
			r.note("greedy %d", n)
			return err == nil
		})
		blocking := r.open(nil, func(c *client, _ Readiness, buf []byte) bool {
			c.drain(buf)
			r.note("blocks")
			time.Sleep(time.Hour)
			r.note("goes on")
			return false
		})
		r.want()
		receive("xx", greedy)
		receive("x", blocking)
		time.Sleep(tooLong)
		r.want("greedy 1", "blocks", "greedy 1", "greedy 0")
		receive("x", greedy)
		r.want("greedy 1", "greedy 0")
		time.Sleep(time.Hour)
		r.want("goes on")
		r.closeAll(greedy, blocking)
	})
}
