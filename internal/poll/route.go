package poll

import (
	"sync/atomic"
	"time"
)

// Route is a kind of sockets whose handlers do the same work. The zero value is ready.
type Route struct {
	quick atomic.Int32 // calls that must still be quick until the route is; 0: it is
}

const (
	quickCall  = 250 * time.Microsecond
	quickCalls = 1000
)

func (r *Route) slow() bool { return r != nil && r.quick.Load() > 0 }

// detained marks the route as slow.
func (r *Route) detained() {
	if r != nil {
		r.quick.Store(quickCalls)
	}
}

// took learns from one call of a slow route's handler.
func (r *Route) took(d time.Duration) {
	if d >= quickCall {
		r.quick.Store(quickCalls)
	} else if r.quick.Add(-1) < 0 {
		r.quick.Store(0)
	}
}
