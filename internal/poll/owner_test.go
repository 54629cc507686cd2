package poll

import (
	"fmt"
	"testing"
	"time"
)

// What happens before Release is told by Release.
func TestRelease(t *testing.T) {
	onRig(t, 1, func(r *rig) {
		c := r.adopt(nil, 1<<20, func(c *client, why Readiness, buf []byte) bool {
			read, _ := c.drain(buf)
			r.note("%s %v %v", read, why, buf == nil)
			return false
		})
		receive("early", c)
		r.want()
		c.Wake()
		r.want()
		c.Release()
		r.want(fmt.Sprintf("early %v true", Readable|Woken))
		receive("late", c)
		r.want(fmt.Sprintf("late %v false", Readable))
		r.closeAll(c)
	})
}

// Leave gives the ownership up as Release does, but does not wait for what is due.
func TestLeave(t *testing.T) {
	onRig(t, 1, func(r *rig) {
		c := r.adopt(nil, 1<<20, func(c *client, why Readiness, buf []byte) bool {
			read, _ := c.drain(buf)
			r.note("%s %v %v", read, why, buf == nil)
			if why&Woken != 0 {
				time.Sleep(time.Hour)
				r.note("done")
			}
			return false
		})
		c.Leave() // when nothing is due
		r.want()
		if !c.Take() {
			r.Fatal("the socket has an owner still")
		}
		receive("early", c)
		c.Wake()
		r.want()
		start := time.Now()
		c.Leave()
		if kept := time.Since(start); kept > 0 {
			r.Errorf("Leave has kept its caller for %v", kept)
		}
		r.want(fmt.Sprintf("early %v true", Readable|Woken))
		if c.Take() {
			r.Error("the socket has no owner while its handler is called")
		}
		receive("late", c)
		r.want()
		time.Sleep(time.Hour)
		r.want("done", fmt.Sprintf("late %v true", Readable))
		r.closeAll(c)
	})
}

// Wake is told: at once if nobody is in Ready, by who is if somebody is, and not after Close.
func TestWake(t *testing.T) {
	onRig(t, 1, func(r *rig) {
		keep := r.open(nil, nil) // so that the engine goes on
		within := func(*client) {}
		c := r.open(nil, func(c *client, why Readiness, buf []byte) bool {
			r.note("%v %v", why, buf != nil)
			c.drain(buf)
			f := within
			within = func(*client) {}
			f(c)
			return false
		})
		c.Wake()
		r.want("4 false")
		within = func(c *client) {
			for range 3 {
				c.Wake()
			}
		}
		receive("x", c)
		r.want("1 true", "4 true")

		within = func(c *client) { c.Close() }
		c.Wake()
		r.want("4 false")
		c.Wake()
		r.want()
		r.closeAll(keep)
	})
}
