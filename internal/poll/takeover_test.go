package poll

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A handler that blocks keeps others waiting for 4 to 8 ms, once: its route is then known to be slow, until
// 1,000 calls in a row were quick.
func TestTakeover(t *testing.T) {
	onRig(t, 1, func(r *rig) {
		var slow, other Route
		block := tooLong
		var inline, apart int
		var mu sync.Mutex
		work := func(c *client, _ Readiness, buf []byte) bool {
			mu.Lock()
			if buf != nil {
				inline++
			} else {
				apart++
			}
			mu.Unlock()
			c.drain(buf)
			time.Sleep(block)
			return false
		}
		want := func(i, a int) {
			r.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if inline != i || apart != a {
				r.Errorf("%d calls by the leader and %d in goroutines of their own, want %d and %d", inline, apart, i, a)
			}
			inline, apart = 0, 0
		}
		a, b := r.open(&slow, work), r.open(&slow, work)
		var served time.Time
		c := r.open(&other, func(c *client, _ Readiness, buf []byte) bool {
			c.drain(buf)
			served = time.Now()
			return false
		})
		time.Sleep(time.Second) // the monitor sleeps

		start := time.Now()
		receive("x", a, b, c)
		time.Sleep(tooLong - time.Millisecond)
		synctest.Wait()
		r.wantTakeover(served.Sub(start))
		want(1, 1)
		time.Sleep(time.Second)
		if a.wasDetained() != 1 || b.wasDetained() != 0 || c.wasDetained() != 0 {
			r.Errorf("Detained was called %d, %d and %d times, want 1, 0, 0", a.wasDetained(), b.wasDetained(), c.wasDetained())
		}

		// From now on nobody waits.
		start = time.Now()
		receive("x", a, b, c)
		synctest.Wait()
		if wait := served.Sub(start); wait != 0 {
			r.Errorf("others waited for %v", wait)
		}
		time.Sleep(time.Second)
		want(0, 2)

		block = 0
		for range quickCalls {
			receive("x", a)
			synctest.Wait()
		}
		want(0, quickCalls)
		for range 10 {
			receive("x", a, b)
			synctest.Wait()
		}
		want(20, 0)

		block = time.Millisecond // not quick, but nobody is kept waiting long
		receive("x", a)
		time.Sleep(time.Second)
		want(1, 0)
		r.closeAll(a, b, c)
	})
}

// Handlers that block for less than that, but many of them, one after the other, are found out as well: else the loop
// would serve as many a second as one goroutine can.
func TestTakeoverOfMany(t *testing.T) {
	for _, test := range []struct {
		block time.Duration
		slow  bool
	}{{3 * time.Millisecond, true}, {time.Millisecond, true}, {300 * time.Microsecond, true}, {50 * time.Microsecond, false}} {
		t.Run(test.block.String(), func(t *testing.T) {
			onRig(t, 1, func(r *rig) {
				const sockets, rounds = 100, 20
				var route Route
				var all []*client
				var served sync.WaitGroup
				for range sockets {
					all = append(all, r.open(&route, func(c *client, why Readiness, buf []byte) bool {
						if why&Readable != 0 {
							c.drain(buf)
							time.Sleep(test.block)
							served.Done()
						}
						return false
					}))
				}
				start := time.Now()
				for range rounds {
					served.Add(sockets)
					receive("x", all...)
					served.Wait()
				}
				took, alone := time.Since(start), test.block*sockets*rounds
				r.Logf("%v, one after the other %v", took, alone)
				if test.slow && took > alone/4 {
					r.Errorf("it took %v, one after the other %v", took, alone)
				}
				if route.slow() != test.slow {
					r.Errorf("the route is slow: %v", route.slow())
				}
				r.closeAll(all...)
			})
		})
	}
}

// Nor does a loop count as busy that has little to do.
func TestNoTakeoverOfFew(t *testing.T) {
	onRig(t, 1, func(r *rig) {
		var route Route
		c := r.open(&route, func(c *client, _ Readiness, buf []byte) bool {
			c.drain(buf)
			time.Sleep(time.Millisecond)
			return false
		})
		for range 1000 {
			time.Sleep(3*time.Millisecond + time.Microsecond) // so that the monitor looks now here, now there
			receive("x", c)
		}
		time.Sleep(time.Second)
		if route.slow() || c.wasDetained() > 0 {
			r.Error("a handler that keeps nobody waiting is said to be slow")
		}
		r.closeAll(c)
	})
}

// A handler that takes long in Writable, too, gives the loop to another leader.
func TestTakeoverInWritable(t *testing.T) {
	onRig(t, 1, func(r *rig) {
		c := r.open(nil, func(c *client, _ Readiness, buf []byte) bool {
			read, _ := c.drain(buf)
			r.note("ready %s after %d, own %v", read, c.wasDetained(), buf == nil)
			return false
		})
		c.writable = func(*client) { time.Sleep(tooLong) }
		other := r.open(nil, r.notes("other"))
		c.AwaitWritable(true)
		receive("x", c)
		receive("y", other)
		time.Sleep(tooLong / 2)
		r.want("other y")
		time.Sleep(tooLong / 2)
		r.want("ready x after 1, own true") // nobody would see it take long again
		c.AwaitWritable(false)
		receive("x", c)
		r.want("ready x after 1, own false")
		r.closeAll(c, other)
	})
}

// A call of a slow route that is not quick has all 1,000 begin again.
func TestSlowRouteHasToProveItself(t *testing.T) {
	var r Route
	r.detained()
	for range 3 {
		for range quickCalls - 1 {
			r.took(quickCall - 1)
		}
		if !r.slow() {
			t.Fatal("999 quick calls are enough")
		}
		r.took(quickCall)
	}
	for range quickCalls {
		r.took(0)
	}
	if r.slow() {
		t.Error("1,000 quick calls are not enough")
	}
	r.took(0) // one that began before
	if r.slow() {
		t.Error("a quick call makes it slow")
	}
}
