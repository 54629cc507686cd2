package poll

import "time"

// patience is how often the monitor looks at the loops: a handler that is under way when it looks
// twice in a row keeps its loop waiting. So does one of many that each take a while, if the loop is at
// work whenever the monitor looks, and takes few turns in between.
const (
	patience  = 4 * time.Millisecond
	fewTurns  = uint64(patience / quickCall)
	slowLooks = 4
)

// watch is the life of the monitor. While the loops have nothing to do, it waits to be called.
func (c *crew) watch() {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	spared := false
	for last := time.Now(); ; last = time.Now() {
		select {
		case <-timer.C:
		case <-c.done:
			return
		}
		// Where processes wait for their turn, the monitor itself does, and a leader that stands still says
		// nothing about its handler. But a handler that computes can be the cause, so once only.
		if late := time.Since(last) > 2*patience; late && !spared {
			spared = true
			c.forgive()
			timer.Reset(patience)
			continue
		}
		spared = false
		if !c.look() {
			c.watching.Store(false)
			if c.quiet() { // else something began before it could be announced
				select {
				case <-c.alert:
				case <-c.done:
					return
				}
			}
			c.watching.Store(true)
		}
		timer.Reset(patience)
	}
}

// look deposes leaders that are kept by a handler. It reports whether any loop is busy, or was
// since it looked last.
func (c *crew) look() (busy bool) {
	for _, l := range c.loops {
		lead := l.leader.Load()
		t := lead.clock.Load()
		if t%2 != 0 || l.seen%2 != 0 || t-l.seen > 2*fewTurns { // it has waited, or is quick
			l.slow = 0
		} else if l.slow++; t == l.seen || l.slow == slowLooks {
			if kept := l.depose(lead, t); kept != nil {
				kept.s.handler.Detained()
			}
			t, l.slow = 0, 0
		}
		busy = busy || t%2 == 0 || t != l.seen
		l.seen = t
	}
	return busy
}

// forgive begins to watch the loops anew.
func (c *crew) forgive() {
	for _, l := range c.loops {
		l.seen, l.slow = l.leader.Load().clock.Load(), 0
	}
}

// quiet reports whether nothing has happened since look.
func (c *crew) quiet() bool {
	for _, l := range c.loops {
		if t := l.leader.Load().clock.Load(); t%2 == 0 || t != l.seen {
			return false
		}
	}
	return true
}

// busy tells the monitor that there is something to do, unless it knows.
func (c *crew) busy() {
	if c.watching.Load() {
		return
	}
	select {
	case c.alert <- struct{}{}:
	default:
	}
}
