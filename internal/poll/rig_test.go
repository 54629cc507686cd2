package poll

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// tooLong is longer than a leader is left with a handler.
const tooLong = 20 * time.Millisecond

// rig is an engine over a kernel in memory, and what is noted of its sockets.
type rig struct {
	*testing.T
	journal
	k *kernel
	e *Engine
}

// onRig calls f with a new rig, whose time is that of testing/synctest.
func onRig(t *testing.T, loops int, f func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		k := newKernel(t)
		f(&rig{T: t, k: k, e: k.engine(loops)})
	})
}

// client is a handler whose parts a test gives, with its socket and the peer's side of it.
type client struct {
	Socket
	*file
	ready    readyFunc // drains what comes if it is nil
	writable func(c *client)

	mu       sync.Mutex
	detained int // how often
}

type readyFunc func(c *client, why Readiness, buf []byte) bool

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

// receive has the peer send a text to each of the clients.
func receive(text string, clients ...*client) {
	for _, c := range clients {
		c.send([]byte(text), false)
	}
}

// adopt returns a new socket of the engine, of which the caller is the owner, and whose peer takes so many bytes.
func (r *rig) adopt(route *Route, room int, ready readyFunc) *client {
	r.Helper()
	c := &client{file: r.k.open(room), ready: ready}
	if err := r.e.adopt(&c.Socket, c.file.fd, c, route); err != nil {
		r.Fatal(err)
	}
	return c
}

// open returns a new socket of the engine whose peer takes all.
func (r *rig) open(route *Route, ready readyFunc) *client {
	r.Helper()
	c := r.adopt(route, 1<<20, ready)
	c.Release()
	synctest.Wait()
	return c
}

// notes returns a ready that notes its name and what came.
func (r *rig) notes(name string) readyFunc {
	return func(c *client, _ Readiness, buf []byte) bool {
		read, _ := c.drain(buf)
		r.note("%s %s", name, read)
		return false
	}
}

// closeAll closes sockets whose handlers are not running.
func (r *rig) closeAll(clients ...*client) {
	r.Helper()
	synctest.Wait()
	for _, c := range clients {
		if err := c.Close(); err != nil {
			r.Errorf("Close: %v", err)
		}
	}
	synctest.Wait()
}

// wantStopped holds that nothing of the engine is left running.
func (r *rig) wantStopped() {
	r.Helper()
	synctest.Wait()
	if n := working(); n != 0 || r.e.crew != nil {
		r.Errorf("%d goroutines without a socket", n)
	}
}

// working returns how many goroutines the engines have.
func working() int {
	buf := make([]byte, 1<<20)
	return strings.Count(string(buf[:runtime.Stack(buf, true)]), "created by github.com/spoutws/spout/internal/poll.")
}

// wantTakeover holds how long a socket has waited because of a handler that blocks.
func (r *rig) wantTakeover(wait time.Duration) {
	r.Helper()
	r.Logf("others waited for %v", wait)
	if wait < 4*time.Millisecond || wait > 8*time.Millisecond {
		r.Errorf("others waited for %v, want 4 to 8 ms", wait)
	}
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

// take returns what happened when all is quiet, and forgets it.
func (j *journal) take() []string {
	synctest.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	log := j.log
	j.log = nil
	return log
}

// want holds what happened against a list, and forgets it.
func (r *rig) want(log ...string) {
	r.Helper()
	if got := r.take(); !slices.Equal(got, log) {
		r.Errorf("got %q, want %q", got, log)
	}
}
