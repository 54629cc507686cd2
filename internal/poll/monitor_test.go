package poll

import (
	"testing"
	"testing/synctest"
	"time"
)

// While nothing happens, the monitor waits without a timer; what happens then is watched.
func TestMonitorSleeps(t *testing.T) {
	onRig(t, 2, func(r *rig) {
		var served time.Time
		a := r.open(nil, func(c *client, _ Readiness, buf []byte) bool {
			read, _ := c.drain(buf)
			if string(read) == "block" {
				time.Sleep(tooLong)
			}
			return false
		})
		b := r.open(nil, nil) // of the other loop
		c := r.open(nil, func(c *client, _ Readiness, buf []byte) bool {
			served = time.Now()
			c.drain(buf)
			return false
		})
		if a.loop != c.loop || a.loop == b.loop {
			r.Fatal("sockets are not shared out to the loops in turn")
		}
		for range 5 {
			time.Sleep(time.Minute)
			synctest.Wait()
			if r.e.crew.watching.Load() {
				r.Error("the monitor has a timer while nothing happens")
			}
			receive("x", a)
			synctest.Wait()
			if !r.e.crew.watching.Load() {
				r.Error("the monitor sleeps while something happens")
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			start := time.Now()
			receive("block", a)
			receive("x", c)
			time.Sleep(time.Minute)
			synctest.Wait()
			r.wantTakeover(served.Sub(start))
		}
		r.closeAll(a, b, c)
	})
}

// What begins while the monitor goes to sleep is not missed: it sees that or is told, whichever of the two does its next
// step first.
func TestMonitorIsToldWhileItGoesToSleep(t *testing.T) {
	for _, order := range []string{"mmll", "mlml", "mllm", "lmml", "lmlm", "llmm"} {
		const waits = 7 // on the clock
		lead := &leader{}
		lead.clock.Store(waits)
		l := &loop{seen: waits}
		l.leader.Store(lead)
		c := &crew{loops: []*loop{l}, alert: make(chan struct{}, 1)}
		c.watching.Store(true)
		if c.look() || !c.quiet() {
			t.Fatal("the monitor does not go to sleep")
		}
		sees := false
		steps := map[rune][]func(){
			'm': {func() { c.watching.Store(false) }, func() { sees = !c.quiet() }},
			'l': {func() { lead.clock.Store(waits + 1) }, c.busy},
		}
		for _, who := range order {
			steps[who][0]()
			steps[who] = steps[who][1:]
		}
		if told := len(c.alert) > 0; !sees && !told {
			t.Errorf("in the order %s, the monitor goes on sleeping", order)
		}
	}
}
