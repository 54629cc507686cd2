package poll

import (
	"errors"
	"testing"
	"time"
)

// The engine stops with its last socket, whichever goroutine closes that, and starts again with the next.
func TestStopsAndStarts(t *testing.T) {
	onRig(t, 2, func(r *rig) {
		for round := range 5 {
			var all []*client
			for i := range 3 {
				all = append(all, r.open(nil, func(c *client, _ Readiness, buf []byte) bool {
					if _, end := c.drain(buf); end {
						switch i {
						case 0:
							c.Close() // within the leader
						case 1:
							time.Sleep(tooLong)
							c.Close() // within one that was
						default:
							go c.Close()
						}
					}
					return false
				}))
			}
			if n := working(); n != 2+1 {
				r.Errorf("round %d: %d goroutines for 2 loops, want 3", round, n)
			}
			for i := range all {
				all[(i+round)%3].send(nil, true)
				time.Sleep(time.Second)
			}
			r.wantStopped()
		}
	})
}

// A socket that can't be added leaves nothing behind.
func TestRefusedSocket(t *testing.T) {
	onRig(t, 1, func(r *rig) {
		r.k.refuse = errors.New("no room")
		f := r.k.open(1)
		c := &client{file: f}
		if err := r.e.adopt(&c.Socket, f.fd, c, nil); !errors.Is(err, r.k.refuse) {
			r.Errorf("got %v, want %v", err, r.k.refuse)
		}
		r.wantStopped()
		if f.gone {
			r.Error("the descriptor is closed")
		}
		r.k.refuse = nil
		r.closeAll(r.open(nil, nil))

		refused := errors.New("no descriptors")
		failing := &Engine{newSystem: func() (system, error) { return nil, refused }, loops: func() int { return 1 }}
		if err := failing.adopt(&c.Socket, f.fd, c, nil); !errors.Is(err, refused) {
			r.Errorf("got %v, want %v", err, refused)
		}
	})
}
