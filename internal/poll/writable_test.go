package poll

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Writability is told when it is awaited, also while Ready is under way, and not when it isn't.
func TestWritable(t *testing.T) {
	for _, blocks := range []bool{false, true} {
		onRig(t, 1, func(r *rig) {
			c := r.adopt(nil, 3, func(c *client, _ Readiness, buf []byte) bool {
				c.drain(buf)
				if blocks {
					time.Sleep(time.Hour)
					r.note("done")
				}
				return false
			})
			c.writable = func(c *client) {
				n, err := c.Write([]byte("56789"))
				r.note("%d %v", n, err)
				c.AwaitWritable(n < 5)
			}
			r.want() // it is writable, and nobody asked
			c.Release()
			receive("x", c)
			if blocks {
				time.Sleep(tooLong)
			}
			synctest.Wait()
			c.AwaitWritable(true)
			if n, err := c.Write([]byte("01234")); n != 3 || err != nil {
				r.Errorf("Write took %d bytes, %v", n, err)
			}
			r.want()
			if got := c.file.took(2); string(got) != "012" {
				r.Errorf("got %q", got)
			}
			r.want("2 <nil>")
			c.file.took(1 << 20)
			r.want("5 <nil>")
			c.file.took(1)
			r.want()
			if blocks {
				time.Sleep(time.Hour)
				r.want("done")
			}
			r.closeAll(c)
		})
	}
}

// WriteBoth writes what is taken of two parts, as if they were one.
func TestWriteBoth(t *testing.T) {
	onRig(t, 1, func(r *rig) {
		body := strings.Repeat("0123456789abcdef", 20_000)
		for _, room := range []int{0, 1, 4, 5, 6, 100_000, len(body) + 4, len(body) + 5, len(body) + 6} {
			c := r.adopt(nil, room, nil)
			c.Release()
			n, err := c.WriteBoth([]byte("head:"), []byte(body))
			want := ("head:" + body)[:min(room, len(body)+5)]
			if got := c.file.took(0); n != len(want) || err != nil || string(got) != want {
				r.Errorf("with room for %d bytes, %d were taken, %v, and %d arrived", room, n, err, len(got))
			}
			r.closeAll(c)
		}
	})
}
