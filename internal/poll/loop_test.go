package poll

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// client is a handler whose parts a test gives, with its socket and the peer's side of it.
type client struct {
	Socket
	*file
	ready    func(c *client, why Readiness, buf []byte) bool
	writable func(c *client)

	mu       sync.Mutex
	detained int // how often
}

func (c *client) Ready(why Readiness, buf []byte) bool {
	if c.ready == nil {
		c.drain(buf)
		return false
	}
	return c.ready(c, why, buf)
}

func (c *client) Writable() {
	if c.writable != nil {
		c.writable(c)
	}
}

func (c *client) Detained() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.detained++
}

func (c *client) wasDetained() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.detained
}

// drain reads what is there. It reports whether the end came.
func (c *client) drain(buf []byte) (read []byte, end bool) {
	if buf == nil {
		buf = make([]byte, 4096)
	}
	for {
		n, err := c.Read(buf)
		if err != nil {
			return read, false
		}
		if n == 0 {
			return read, true
		}
		read = append(read, buf[:n]...)
	}
}

// adopt gives an engine a new socket.
func adopt(t testing.TB, e *Engine, k *kernel, r *Route, ready func(c *client, why Readiness, buf []byte) bool) *client {
	t.Helper()
	c := &client{file: k.open(1 << 20), ready: ready}
	if err := e.adopt(&c.Socket, c.file.fd, c, r); err != nil {
		t.Fatal(err)
	}
	return c
}

// journal is what happened, in order.
type journal struct {
	mu  sync.Mutex
	log []string
}

func (j *journal) note(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.log = append(j.log, fmt.Sprintf(format, args...))
}

// want holds what happened against a list, and forgets it.
func (j *journal) want(t testing.TB, log ...string) {
	t.Helper()
	synctest.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	if !slices.Equal(j.log, log) {
		t.Errorf("got %q, want %q", j.log, log)
	}
	j.log = nil
}

// working returns how many goroutines the engines have.
func working() int {
	buf := make([]byte, 1<<20)
	return strings.Count(string(buf[:runtime.Stack(buf, true)]), "created by github.com/spoutws/spout/internal/poll.")
}

// closeAll closes sockets whose handlers are not running.
func closeAll(t testing.TB, clients ...*client) {
	t.Helper()
	synctest.Wait()
	for _, c := range clients {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	synctest.Wait()
}

// Events are told in their order, by one goroutine, with its buffer.
func TestEventsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKernel(t)
		e := k.engine(1)
		var j journal
		var lead *byte // the leader, known by its buffer
		var all []*client
		for i := range 3 {
			c := adopt(t, e, k, nil, func(c *client, why Readiness, buf []byte) bool {
				if len(buf) != bufferSize || lead != nil && &buf[0] != lead {
					t.Errorf("a buffer of %d bytes, or another one", len(buf))
				}
				lead = &buf[0]
				read, end := c.drain(buf)
				j.note("%d %s %v %v", i, read, why, end)
				return false
			})
			all = append(all, c)
			c.Release()
		}
		synctest.Wait()
		for _, i := range []int{2, 0, 1, 0} {
			all[i].send([]byte("x"), false)
		}
		all[1].send(nil, true)
		j.want(t, "2 x 1 false", "0 xx 1 false", "1 x 3 true")
		closeAll(t, all...)
		if e.crew != nil {
			t.Error("the engine goes on without sockets")
		}
	})
}

// What happens before Release is told by Release.
func TestRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKernel(t)
		e := k.engine(1)
		var j journal
		c := adopt(t, e, k, nil, func(c *client, why Readiness, buf []byte) bool {
			read, _ := c.drain(buf)
			j.note("%s %v %v", read, why, buf == nil)
			return false
		})
		c.send([]byte("early"), false)
		j.want(t)
		c.Wake()
		j.want(t)
		c.Release()
		j.want(t, fmt.Sprintf("early %v true", Readable|Woken))
		c.send([]byte("late"), false)
		j.want(t, fmt.Sprintf("late %v false", Readable))
		closeAll(t, c)
	})
}

// A handler that blocks keeps others waiting for 4 to 8 ms, once: its route is then known to be slow, until
// 1,000 calls in a row were quick.
func TestTakeover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKernel(t)
		e := k.engine(1)
		var slow, other Route
		block := 20 * time.Millisecond
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
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if inline != i || apart != a {
				t.Errorf("%d calls by the leader and %d in goroutines of their own, want %d and %d", inline, apart, i, a)
			}
			inline, apart = 0, 0
		}
		a, b := adopt(t, e, k, &slow, work), adopt(t, e, k, &slow, work)
		var served time.Time
		c := adopt(t, e, k, &other, func(c *client, _ Readiness, buf []byte) bool {
			c.drain(buf)
			served = time.Now()
			return false
		})
		for _, c := range []*client{a, b, c} {
			c.Release()
		}
		synctest.Wait()
		time.Sleep(time.Second) // the monitor sleeps

		start := time.Now()
		for _, c := range []*client{a, b, c} {
			c.send([]byte("x"), false)
		}
		time.Sleep(19 * time.Millisecond)
		synctest.Wait()
		wait := served.Sub(start)
		t.Logf("others waited for %v", wait)
		if wait < 4*time.Millisecond || wait > 8*time.Millisecond {
			t.Errorf("others waited for %v, want 4 to 8 ms", wait)
		}
		want(1, 1)
		time.Sleep(time.Second)
		if a.wasDetained() != 1 || b.wasDetained() != 0 || c.wasDetained() != 0 {
			t.Errorf("Detained was called %d, %d and %d times, want 1, 0, 0", a.wasDetained(), b.wasDetained(), c.wasDetained())
		}

		// From now on nobody waits.
		start = time.Now()
		for _, c := range []*client{a, b, c} {
			c.send([]byte("x"), false)
		}
		synctest.Wait()
		if wait := served.Sub(start); wait != 0 {
			t.Errorf("others waited for %v", wait)
		}
		time.Sleep(time.Second)
		want(0, 2)

		block = 0
		for range quickCalls {
			a.send([]byte("x"), false)
			synctest.Wait()
		}
		want(0, quickCalls)
		for range 10 {
			a.send([]byte("x"), false)
			b.send([]byte("x"), false)
			synctest.Wait()
		}
		want(20, 0)

		block = time.Millisecond // not quick, but nobody is kept waiting long
		a.send([]byte("x"), false)
		time.Sleep(time.Second)
		want(1, 0)
		closeAll(t, a, b, c)
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
			synctest.Test(t, func(t *testing.T) {
				const sockets, rounds = 100, 20
				k := newKernel(t)
				e := k.engine(1)
				var r Route
				var all []*client
				var served sync.WaitGroup
				for range sockets {
					c := adopt(t, e, k, &r, func(c *client, why Readiness, buf []byte) bool {
						if why&Readable != 0 {
							c.drain(buf)
							time.Sleep(test.block)
							served.Done()
						}
						return false
					})
					all = append(all, c)
					c.Release()
				}
				synctest.Wait()
				start := time.Now()
				for range rounds {
					served.Add(sockets)
					for _, c := range all {
						c.send([]byte("x"), false)
					}
					served.Wait()
				}
				took, alone := time.Since(start), test.block*sockets*rounds
				t.Logf("%v, one after the other %v", took, alone)
				if test.slow && took > alone/4 {
					t.Errorf("it took %v, one after the other %v", took, alone)
				}
				if r.slow() != test.slow {
					t.Errorf("the route is slow: %v", r.slow())
				}
				closeAll(t, all...)
			})
		})
	}
}

// Nor does a loop count as busy that has little to do.
func TestNoTakeoverOfFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKernel(t)
		e := k.engine(1)
		var r Route
		c := adopt(t, e, k, &r, func(c *client, _ Readiness, buf []byte) bool {
			c.drain(buf)
			time.Sleep(time.Millisecond)
			return false
		})
		c.Release()
		for range 1000 {
			time.Sleep(3*time.Millisecond + time.Microsecond) // so that the monitor looks now here, now there
			c.send([]byte("x"), false)
		}
		time.Sleep(time.Second)
		if r.slow() || c.wasDetained() > 0 {
			t.Error("a handler that keeps nobody waiting is said to be slow")
		}
		closeAll(t, c)
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

// Those that want to go on have their next turn behind the others.
func TestFairness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKernel(t)
		e := k.engine(1)
		var j journal
		greedy := adopt(t, e, k, nil, nil)
		other := adopt(t, e, k, nil, func(c *client, _ Readiness, buf []byte) bool {
			read, _ := c.drain(buf)
			j.note("other %s", read)
			return false
		})
		n := 0
		greedy.ready = func(c *client, why Readiness, buf []byte) bool {
			n++
			read, err := c.Read(buf[:1])
			j.note("greedy %d %v", read, why)
			if n == 2 {
				other.send([]byte("y"), false) // while the greedy one is queued, or about to be
			}
			return err == nil
		}
		greedy.Release()
		other.Release()
		synctest.Wait()
		j.want(t)
		greedy.send([]byte("xxx"), false)
		other.send([]byte("y"), false)
		j.want(t, "greedy 1 1", "other y", "greedy 1 1", "other y", "greedy 1 1", "greedy 0 1")
		closeAll(t, greedy, other)
	})
}

// A handler that wants to go on is called again, whatever it was called for, and with the same reasons: be it that
// its goroutine leads still, does not any more, or never did.
func TestMoreIsCalledAgain(t *testing.T) {
	for _, why := range []Readiness{Readable, Woken, Readable | HungUp} {
		for _, how := range []string{"leading", "deposed", "deposed later", "apart"} {
			t.Run(fmt.Sprintf("%s after %v", how, why), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					k := newKernel(t)
					e := k.engine(1)
					var r Route
					var j journal
					calls := 0
					first := true
					c := adopt(t, e, k, &r, nil)
					c.ready = func(c *client, got Readiness, buf []byte) bool {
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
								t.Errorf("called for %v, want %v", got, why)
							}
							if how == "deposed" {
								time.Sleep(20 * time.Millisecond)
							}
							return true
						}
						if calls == 2 && got&why != why {
							t.Errorf("called again for %v, want %v still", got, why)
						}
						if calls == 2 && how == "deposed later" {
							time.Sleep(20 * time.Millisecond)
							return true
						}
						if calls == 2 && (buf != nil) != (how == "leading") {
							t.Errorf("called again with a buffer of %d bytes", len(buf))
						}
						_, end := c.drain(buf)
						j.note("again %v", end)
						return false
					}
					if how == "apart" {
						r.detained()
					}
					c.Release()
					synctest.Wait()
					c.send([]byte("x"), why&HungUp != 0)
					time.Sleep(time.Second)
					j.want(t, fmt.Sprintf("again %v", why&HungUp != 0))

					// It is nobody's now.
					c.Wake()
					synctest.Wait()
					j.want(t, fmt.Sprintf("again %v", why&HungUp != 0))
					closeAll(t, c)
				})
			})
		}
	}
}

// What a leader has queued when it is deposed is not lost.
func TestQueuedSocketOfADeposedLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKernel(t)
		e := k.engine(1)
		var j journal
		greedy := adopt(t, e, k, nil, func(c *client, _ Readiness, buf []byte) bool {
			n, err := c.Read(make([]byte, 1))
			j.note("greedy %d", n)
			return err == nil
		})
		blocking := adopt(t, e, k, nil, func(c *client, _ Readiness, buf []byte) bool {
			c.drain(buf)
			j.note("blocks")
			time.Sleep(time.Hour)
			j.note("goes on")
			return false
		})
		greedy.Release()
		blocking.Release()
		synctest.Wait()
		j.want(t)
		greedy.send([]byte("xx"), false)
		blocking.send([]byte("x"), false)
		time.Sleep(20 * time.Millisecond)
		j.want(t, "greedy 1", "blocks", "greedy 1", "greedy 0")
		greedy.send([]byte("x"), false)
		j.want(t, "greedy 1", "greedy 0")
		time.Sleep(time.Hour)
		j.want(t, "goes on")
		closeAll(t, greedy, blocking)
	})
}

// A handler that ends its goroutine is called again in another one, and the others do not notice: whether the goroutine
// was a leader, was one once, or never.
func TestGoexit(t *testing.T) {
	for _, how := range []string{"leading", "deposed", "apart"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := newKernel(t)
				e := k.engine(1)
				var j journal
				var r Route
				leaves := true
				a := adopt(t, e, k, &r, func(c *client, why Readiness, buf []byte) bool {
					if leaves {
						leaves = false
						if how == "deposed" {
							time.Sleep(20 * time.Millisecond)
						}
						runtime.Goexit()
					}
					read, _ := c.drain(buf)
					j.note("a %s %v %v", read, why, buf == nil)
					return false
				})
				b := adopt(t, e, k, nil, func(c *client, _ Readiness, buf []byte) bool {
					read, _ := c.drain(buf)
					j.note("b %s", read)
					return false
				})
				if how == "apart" {
					r.detained()
				}
				a.Release()
				b.Release()
				synctest.Wait()
				a.send([]byte("x"), false)
				if how == "deposed" {
					b.send([]byte("y"), false)
					time.Sleep(10 * time.Millisecond)
					j.want(t, "b y")
					time.Sleep(10 * time.Millisecond)
				}
				j.want(t, fmt.Sprintf("a x %v true", Woken))
				b.send([]byte("y"), false)
				j.want(t, "b y")
				a.send([]byte("x"), false)
				j.want(t, fmt.Sprintf("a x %v true", Readable)) // a leader must not be lost each time
				closeAll(t, a, b)
			})
		})
	}
}

// Turns that were due behind a handler that ends its goroutine are taken.
func TestGoexitLeavesTheOtherTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKernel(t)
		e := k.engine(1)
		var j journal
		var all []*client
		for i := range 4 {
			left := false
			c := adopt(t, e, k, nil, func(c *client, _ Readiness, buf []byte) bool {
				read, _ := c.drain(buf)
				j.note("%d %s", i, read)
				if i%2 == 0 && !left {
					left = true
					runtime.Goexit()
				}
				return false
			})
			all = append(all, c)
			c.Release()
		}
		synctest.Wait()
		for _, c := range all {
			c.send([]byte("x"), false)
		}
		synctest.Wait()
		j.mu.Lock()
		got := slices.Clone(j.log)
		j.mu.Unlock()
		slices.Sort(got)
		if want := []string{"0 ", "0 x", "1 x", "2 ", "2 x", "3 x"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		closeAll(t, all...)
	})
}

// Wake is told: at once if nobody is in Ready, by who is if somebody is, and not after Close.
func TestWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKernel(t)
		e := k.engine(1)
		var j journal
		keep := adopt(t, e, k, nil, nil) // so that the engine goes on
		keep.Release()
		within := func(*client) {}
		c := adopt(t, e, k, nil, func(c *client, why Readiness, buf []byte) bool {
			j.note("%v %v", why, buf != nil)
			c.drain(buf)
			f := within
			within = func(*client) {}
			f(c)
			return false
		})
		c.Release()
		c.Wake()
		j.want(t, "4 false")
		within = func(c *client) {
			for range 3 {
				c.Wake()
			}
		}
		c.send([]byte("x"), false)
		j.want(t, "1 true", "4 true")

		within = func(c *client) { c.Close() }
		c.Wake()
		j.want(t, "4 false")
		c.Wake()
		j.want(t)
		closeAll(t, keep)
	})
}

// After Close nothing is told: not what was noted before, nor what comes later; nor does a handler that closes its
// socket and ends its goroutine hear of that.
func TestNothingAfterClose(t *testing.T) {
	for _, leaves := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			k := newKernel(t)
			e := k.engine(1)
			keep := adopt(t, e, k, nil, nil)
			keep.Release()
			calls := 0
			c := adopt(t, e, k, nil, func(c *client, why Readiness, buf []byte) bool {
				calls++
				c.Wake()
				if err := c.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
				c.Wake()
				if leaves {
					runtime.Goexit()
				}
				return false
			})
			c.Release()
			synctest.Wait()
			c.send([]byte("x"), true)
			synctest.Wait()
			c.Wake()
			synctest.Wait()
			if calls != 1 {
				t.Errorf("Ready was called %d times", calls)
			}
			if err := c.Close(); err == nil {
				t.Error("Close closes twice")
			}
			if err := c.Shutdown(2); err == nil {
				t.Error("Shutdown works after Close")
			}
			closeAll(t, keep)
		})
	}
}

// Writability is told when it is awaited, also while Ready is under way, and not when it isn't.
func TestWritable(t *testing.T) {
	for _, blocks := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			k := newKernel(t)
			e := k.engine(1)
			var j journal
			c := &client{file: k.open(3)}
			c.ready = func(c *client, _ Readiness, buf []byte) bool {
				c.drain(buf)
				if blocks {
					time.Sleep(time.Hour)
					j.note("done")
				}
				return false
			}
			c.writable = func(c *client) {
				n, err := c.Write([]byte("56789"))
				j.note("%d %v", n, err)
				c.AwaitWritable(n < 5)
			}
			if err := e.adopt(&c.Socket, c.file.fd, c, nil); err != nil {
				t.Fatal(err)
			}
			j.want(t) // it is writable, and nobody asked
			c.Release()
			c.send([]byte("x"), false)
			if blocks {
				time.Sleep(20 * time.Millisecond)
			}
			synctest.Wait()
			c.AwaitWritable(true)
			if n, err := c.Write([]byte("01234")); n != 3 || err != nil {
				t.Errorf("Write took %d bytes, %v", n, err)
			}
			j.want(t)
			if got := c.file.took(2); string(got) != "012" {
				t.Errorf("got %q", got)
			}
			j.want(t, "2 <nil>")
			c.file.took(1 << 20)
			j.want(t, "5 <nil>")
			c.file.took(1)
			j.want(t)
			if blocks {
				time.Sleep(time.Hour)
				j.want(t, "done")
			}
			closeAll(t, c)
		})
	}
}

// WriteBoth writes what is taken of two parts, as if they were one.
func TestWriteBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKernel(t)
		e := k.engine(1)
		body := strings.Repeat("0123456789abcdef", 20_000)
		for _, room := range []int{0, 1, 4, 5, 6, 100_000, len(body) + 4, len(body) + 5, len(body) + 6} {
			c := &client{file: k.open(room)}
			if err := e.adopt(&c.Socket, c.file.fd, c, nil); err != nil {
				t.Fatal(err)
			}
			c.Release()
			n, err := c.WriteBoth([]byte("head:"), []byte(body))
			want := ("head:" + body)[:min(room, len(body)+5)]
			if got := c.file.took(0); n != len(want) || err != nil || string(got) != want {
				t.Errorf("with room for %d bytes, %d were taken, %v, and %d arrived", room, n, err, len(got))
			}
			closeAll(t, c)
		}
	})
}

// A handler that takes long in Writable, too, gives the loop to another leader.
func TestTakeoverInWritable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKernel(t)
		e := k.engine(1)
		var j journal
		c := adopt(t, e, k, nil, func(c *client, _ Readiness, buf []byte) bool {
			read, _ := c.drain(buf)
			j.note("ready %s after %d, own %v", read, c.wasDetained(), buf == nil)
			return false
		})
		c.writable = func(*client) { time.Sleep(20 * time.Millisecond) }
		other := adopt(t, e, k, nil, func(c *client, _ Readiness, buf []byte) bool {
			c.drain(buf)
			j.note("other")
			return false
		})
		c.Release()
		other.Release()
		synctest.Wait()
		c.AwaitWritable(true)
		c.send([]byte("x"), false)
		other.send([]byte("y"), false)
		time.Sleep(10 * time.Millisecond)
		j.want(t, "other")
		time.Sleep(10 * time.Millisecond)
		j.want(t, "ready x after 1, own true") // nobody would see it take long again
		c.AwaitWritable(false)
		c.send([]byte("x"), false)
		j.want(t, "ready x after 1, own false")
		closeAll(t, c, other)
	})
}

// An event of a socket that is gone reaches nobody, though its slot and its descriptor are used again.
func TestStaleEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKernel(t)
		e := k.engine(1)
		var j journal
		note := func(name string) func(c *client, why Readiness, buf []byte) bool {
			return func(c *client, why Readiness, buf []byte) bool {
				read, _ := c.drain(buf)
				j.note("%s %s", name, read)
				return false
			}
		}
		old := adopt(t, e, k, nil, note("old"))
		old.Release()
		var fresh *client
		first := adopt(t, e, k, nil, func(c *client, why Readiness, buf []byte) bool {
			c.drain(buf)
			// The event of the old one has happened, and is not yet told.
			old.Close()
			fresh = adopt(t, e, k, nil, note("new"))
			fresh.writable = func(*client) { j.note("writable") }
			if fresh.Socket.slot == old.Socket.slot && fresh.file.fd == old.file.fd {
				j.note("same")
			}
			fresh.Release()
			fresh.AwaitWritable(true)
			old.send([]byte("late"), true)
			return false
		})
		first.Release()
		synctest.Wait()
		k.mu.Lock() // told in one call of wait
		for _, f := range []*file{first.file, old.file} {
			f.in = []byte("x")
			f.change()
		}
		k.mu.Unlock()
		// "writable" is the first event of the new one; the turn of the old one had begun to be due.
		synctest.Wait()
		j.mu.Lock()
		log := slices.DeleteFunc(slices.Clone(j.log), func(s string) bool { return s == "writable" })
		j.log = nil
		j.mu.Unlock()
		if !slices.Equal(log, []string{"same"}) {
			t.Errorf("got %q, want nothing of the old connection", log)
		}
		fresh.AwaitWritable(false)
		fresh.send([]byte("y"), false)
		j.want(t, "new y")
		closeAll(t, first, fresh)
	})
}

// The engine stops with its last socket, whichever goroutine closes that, and starts again with the next.
func TestStopsAndStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKernel(t)
		e := k.engine(2)
		for round := range 5 {
			var all []*client
			for i := range 3 {
				c := adopt(t, e, k, nil, func(c *client, _ Readiness, buf []byte) bool {
					if _, end := c.drain(buf); end {
						switch i {
						case 0:
							c.Close() // within the leader
						case 1:
							time.Sleep(20 * time.Millisecond)
							c.Close() // within one that was
						default:
							go c.Close()
						}
					}
					return false
				})
				all = append(all, c)
				c.Release()
			}
			synctest.Wait()
			if n := working(); n != 2+1 {
				t.Errorf("round %d: %d goroutines for 2 loops, want 3", round, n)
			}
			for i := range all {
				all[(i+round)%3].send(nil, true)
				time.Sleep(time.Second)
			}
			synctest.Wait()
			if n := working(); n != 0 || e.crew != nil {
				t.Errorf("round %d: %d goroutines without a socket", round, n)
			}
		}
	})
}

// A socket that can't be added leaves nothing behind.
func TestRefusedSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKernel(t)
		e := k.engine(1)
		k.refuse = errors.New("no room")
		f := k.open(1)
		c := &client{file: f}
		if err := e.adopt(&c.Socket, f.fd, c, nil); !errors.Is(err, k.refuse) {
			t.Errorf("got %v, want %v", err, k.refuse)
		}
		synctest.Wait()
		if n := working(); n != 0 || e.crew != nil {
			t.Errorf("%d goroutines without a socket", n)
		}
		if f.gone {
			t.Error("the descriptor is closed")
		}
		k.refuse = nil
		again := adopt(t, e, k, nil, nil)
		again.Release()
		closeAll(t, again)

		failing := &Engine{newSystem: func() (system, error) { return nil, k.refuse }, loops: func() int { return 1 }}
		k.refuse = errors.New("no descriptors")
		if err := failing.adopt(&c.Socket, f.fd, c, nil); !errors.Is(err, k.refuse) {
			t.Errorf("got %v, want %v", err, k.refuse)
		}
	})
}

// While nothing happens, the monitor waits without a timer; what happens then is watched.
func TestMonitorSleeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKernel(t)
		e := k.engine(2)
		var served time.Time
		a := adopt(t, e, k, nil, nil)
		b := adopt(t, e, k, nil, nil) // of the other loop
		c := adopt(t, e, k, nil, func(c *client, _ Readiness, buf []byte) bool {
			served = time.Now()
			c.drain(buf)
			return false
		})
		a.ready = func(c *client, _ Readiness, buf []byte) bool {
			read, _ := c.drain(buf)
			if string(read) == "block" {
				time.Sleep(20 * time.Millisecond)
			}
			return false
		}
		for _, c := range []*client{a, b, c} {
			c.Release()
		}
		if a.loop != c.loop || a.loop == b.loop {
			t.Fatal("sockets are not shared out to the loops in turn")
		}
		for range 5 {
			time.Sleep(time.Minute)
			synctest.Wait()
			if e.crew.watching.Load() {
				t.Error("the monitor has a timer while nothing happens")
			}
			a.send([]byte("x"), false)
			synctest.Wait()
			if !e.crew.watching.Load() {
				t.Error("the monitor sleeps while something happens")
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			start := time.Now()
			a.send([]byte("block"), false)
			c.send([]byte("x"), false)
			time.Sleep(time.Minute)
			synctest.Wait()
			if wait := served.Sub(start); wait < 4*time.Millisecond || wait > 8*time.Millisecond {
				t.Errorf("after a pause, others waited for %v, want 4 to 8 ms", wait)
			}
		}
		closeAll(t, a, b, c)
	})
}
