package poll

import (
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
)

// Events are told in their order, by one goroutine, with its buffer.
func TestEventsInOrder(t *testing.T) {
	onRig(t, 1, func(r *rig) {
		var lead *byte // the leader, known by its buffer
		var all []*client
		for i := range 3 {
			all = append(all, r.open(nil, func(c *client, why Readiness, buf []byte) bool {
				if len(buf) != bufferSize || lead != nil && &buf[0] != lead {
					r.Errorf("a buffer of %d bytes, or another one", len(buf))
				}
				lead = &buf[0]
				read, end := c.drain(buf)
				r.note("%d %s %v %v", i, read, why, end)
				return false
			}))
		}
		for _, i := range []int{2, 0, 1, 0} {
			receive("x", all[i])
		}
		all[1].send(nil, true)
		r.want("2 x 1 false", "0 xx 1 false", "1 x 3 true")
		r.closeAll(all...)
		if r.e.crew != nil {
			r.Error("the engine goes on without sockets")
		}
	})
}

// After Close nothing is told: not what was noted before, nor what comes later; nor does a handler that closes its
// socket and ends its goroutine hear of that.
func TestNothingAfterClose(t *testing.T) {
	for _, leaves := range []bool{false, true} {
		onRig(t, 1, func(r *rig) {
			keep := r.open(nil, nil) // so that the engine goes on
			calls := 0
			c := r.open(nil, func(c *client, why Readiness, buf []byte) bool {
				calls++
				c.Wake()
				if err := c.Close(); err != nil {
					r.Errorf("Close: %v", err)
				}
				c.Wake()
				if leaves {
					runtime.Goexit()
				}
				return false
			})
			c.send([]byte("x"), true)
			synctest.Wait()
			c.Wake()
			synctest.Wait()
			if calls != 1 {
				r.Errorf("Ready was called %d times", calls)
			}
			if err := c.Close(); err == nil {
				r.Error("Close closes twice")
			}
			if err := c.Shutdown(2); err == nil {
				r.Error("Shutdown works after Close")
			}
			r.closeAll(keep)
		})
	}
}

// An event of a socket that is gone reaches nobody, though its slot and its descriptor are used again.
func TestStaleEvent(t *testing.T) {
	onRig(t, 1, func(r *rig) {
		old := r.open(nil, r.notes("old"))
		var fresh *client
		first := r.open(nil, func(c *client, why Readiness, buf []byte) bool {
			c.drain(buf)
			// The event of the old one has happened, and is not yet told.
			old.Close()
			fresh = r.adopt(nil, 1<<20, r.notes("new"))
			fresh.writable = func(*client) { r.note("writable") }
			if fresh.Socket.slot == old.Socket.slot && fresh.file.fd == old.file.fd {
				r.note("same")
			}
			fresh.Release()
			fresh.AwaitWritable(true)
			old.send([]byte("late"), true)
			return false
		})
		r.k.mu.Lock() // told in one call of wait
		for _, f := range []*file{first.file, old.file} {
			f.in = []byte("x")
			f.change()
		}
		r.k.mu.Unlock()
		// "writable" is the first event of the new one; the turn of the old one had begun to be due.
		log := slices.DeleteFunc(r.take(), func(s string) bool { return s == "writable" })
		if !slices.Equal(log, []string{"same"}) {
			r.Errorf("got %q, want nothing of the old connection", log)
		}
		fresh.AwaitWritable(false)
		receive("y", fresh)
		r.want("new y")
		r.closeAll(first, fresh)
	})
}
