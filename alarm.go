package spout

import (
	"container/heap"
	"slices"
	"sync"
	"time"
)

// alarms call the tick of each connection when it is due, with one runtime timer for all: one
// each would cost more memory than the rest of an idle connection's state. The zero value is
// ready.
type alarms struct {
	mu    sync.Mutex
	queue alarmQueue
	timer *time.Timer
}

// set makes c's tick run at t, and at no other time.
func (a *alarms) set(c *Conn, t instant) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c.alarm = t
	if c.slot == 0 {
		heap.Push(&a.queue, c)
	} else {
		heap.Fix(&a.queue, int(c.slot)-1)
	}
	if a.queue[0] == c {
		a.wind()
	}
}

// remove forgets c.
func (a *alarms) remove(c *Conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.slot != 0 {
		heap.Remove(&a.queue, int(c.slot)-1)
	}
	a.wind()
}

// wind sets the timer for the first alarm. a.mu is held.
func (a *alarms) wind() {
	switch {
	case len(a.queue) == 0 && a.timer != nil:
		// Not kept for the next connection, which may live in another bubble of synctest.
		a.timer.Stop()
		a.timer = nil
	case len(a.queue) == 0:
	case a.timer == nil:
		a.timer = time.AfterFunc(a.queue[0].alarm.in(), a.ring)
	default:
		a.timer.Reset(a.queue[0].alarm.in())
	}
}

func (a *alarms) ring() {
	a.mu.Lock()
	var due []*Conn
	for t := now(); len(a.queue) > 0 && a.queue[0].alarm <= t; {
		due = append(due, heap.Pop(&a.queue).(*Conn))
	}
	a.wind()
	a.mu.Unlock()
	for _, c := range due {
		c.tick()
	}
}

// alarmQueue is a heap for package container/heap.
type alarmQueue []*Conn

func (q alarmQueue) Len() int           { return len(q) }
func (q alarmQueue) Less(i, j int) bool { return q[i].alarm < q[j].alarm }
func (q alarmQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].slot, q[j].slot = int32(i+1), int32(j+1)
}

func (q *alarmQueue) Push(x any) {
	c := x.(*Conn)
	*q = append(*q, c)
	c.slot = int32(len(*q))
}

func (q *alarmQueue) Pop() any {
	last := len(*q) - 1
	c := (*q)[last]
	*q = slices.Delete(*q, last, last+1)
	c.slot = 0
	return c
}
