package poll

import (
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"
)

// node is a connection: its handler, its peer, and what is true of it.
type node struct {
	sender
	m    *model
	id   int
	file *file
	rng  *rand.Rand // the handler's

	// The peer's:
	sent  int // bytes
	ended bool

	// The handler's, serial by the engine's promise:
	running atomic.Bool
	got     int
	ends    int
	pausing bool // does not read until it is woken
	over    bool // the descriptor is closed, or soon
	told    bool // by another goroutine, so that Ready may be called once more
	closed  atomic.Bool
	exits   int // how often Ready may yet end its goroutine

	asked   atomic.Bool   // to close
	resumed atomic.Bool   // to read on
	wakes   atomic.Uint64 // calls of Wake that have begun
	seen    atomic.Uint64 // of them, those that a Ready with Woken came after

	// Guarded by sender.mu:
	queued  int // bytes, ever
	arrived int // of them, those that the peer has
}

// octet is the n-th byte that a connection carries, in either direction: others carry others.
func octet(id, n int) byte { return byte(id*31 + n*7 + n>>8) }

// octets returns so many of them, from the n-th on.
func octets(id, n, size int) []byte {
	p := make([]byte, size)
	for i := range p {
		p[i] = octet(id, n+i)
	}
	return p
}

// check looks whether n, which has been left alone for long, has all it is to have.
func (n *node) check() {
	t := n.m.t
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.running.Load() {
		t.Errorf("connection %d: Ready has not returned", n.id)
		return
	}
	n.checkRead()
	if n.closed.Load() {
		return
	}
	if n.wakes.Load() != n.seen.Load() {
		t.Errorf("connection %d: %d calls of Wake, Ready came after %d", n.id, n.wakes.Load(), n.seen.Load())
	}
	if n.arrived != n.queued || n.writing {
		t.Errorf("connection %d: the peer has %d bytes of %d, writing %v", n.id, n.arrived, n.queued, n.writing)
	}
}

// checkRead looks whether what the peer has sent came, without anybody asking for it.
func (n *node) checkRead() {
	if n.closed.Load() || n.pausing {
		return
	}
	if n.got != n.sent {
		n.m.t.Errorf("connection %d: %d bytes of %d came", n.id, n.got, n.sent)
	}
	if n.ended != (n.ends == 1) {
		n.m.t.Errorf("connection %d: %d ends, of a peer that has ended: %v", n.id, n.ends, n.ended)
	}
}

func (n *node) wake() {
	n.wakes.Add(1)
	n.Wake()
}

func (n *node) peerSends(size int, end bool) {
	if n.ended {
		return
	}
	p := octets(n.id, n.sent, size)
	n.sent += size
	n.ended = end
	n.file.send(p, end)
}

func (n *node) peerTakes(room int) {
	p := n.file.took(room)
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, b := range p {
		if b != octet(n.id, n.arrived+i) {
			n.m.t.Errorf("connection %d: the peer got a wrong byte at %d", n.id, n.arrived+i)
			break
		}
	}
	n.arrived += len(p)
}

func (n *node) Ready(why Readiness, buf []byte) (more bool) {
	t := n.m.t
	if !n.running.CompareAndSwap(false, true) {
		t.Errorf("connection %d: Ready by two goroutines at once", n.id)
	}
	defer n.running.Store(false)
	if why == 0 || why&^(Readable|HungUp|Woken) != 0 {
		t.Errorf("connection %d: Ready for %b", n.id, why)
	}
	if n.over && !n.told {
		t.Errorf("connection %d: Ready after Close", n.id)
	}
	if why&Woken != 0 {
		n.seen.Store(n.wakes.Load())
		if n.resumed.Load() {
			n.pausing = false
		}
	}
	if n.over {
		return false
	}
	if n.asked.Load() && why&Woken != 0 {
		n.end()
		return false
	}
	n.act()
	if buf == nil {
		buf = make([]byte, 64)
	}
	buf = buf[:min(len(buf), 1+n.rng.IntN(64))]
	for !n.pausing && n.ends == 0 {
		k, err := n.Read(buf)
		if err == ErrAgain {
			return false
		}
		n.read(buf[:k])
		if k == 0 {
			if n.ends++; n.rng.IntN(2) == 0 {
				n.end()
			}
			return false
		}
		n.act()
		// What epoll is trusted with: nothing is left after a short read, but perhaps the end.
		if k < len(buf) && why&(HungUp|Woken) == 0 {
			return false
		}
		if n.rng.IntN(4) == 0 {
			return true
		}
	}
	return false
}

// pull reads in a goroutine of the program, if nobody else is in Ready.
func (n *node) pull() {
	if !n.Take() {
		n.wake()
		return
	}
	defer n.Release()
	if !n.running.CompareAndSwap(false, true) {
		n.m.t.Errorf("connection %d: Take during Ready", n.id)
	}
	defer n.running.Store(false)
	buf := make([]byte, 50)
	for !n.over && !n.pausing && n.ends == 0 {
		k, err := n.Read(buf)
		if err == ErrAgain {
			return
		}
		n.read(buf[:k])
		if n.m.k.pause(); k == 0 {
			n.ends++
		}
	}
}

// read looks whether what was read is what follows.
func (n *node) read(p []byte) {
	for i, b := range p {
		if b != octet(n.id, n.got+i) {
			n.m.t.Errorf("connection %d: a wrong byte at %d", n.id, n.got+i)
		}
	}
	n.got += len(p)
}

// act is what a handler may do in its event.
func (n *node) act() {
	switch n.rng.IntN(20) {
	case 0:
		time.Sleep(time.Duration(n.rng.IntN(30)) * time.Millisecond)
	case 1:
		n.write(n.rng.IntN(100))
	case 2:
		n.wake()
	case 3:
		if n.exits > 0 {
			n.exits--
			n.wakes.Add(1) // which is as if it were woken
			runtime.Goexit()
		}
	case 4:
		if !n.resumed.Load() {
			n.pausing = true
		}
	case 5:
		runtime.Gosched()
	}
}

// end closes the connection, or has another goroutine close it.
func (n *node) end() {
	n.over, n.told = true, n.rng.IntN(2) == 0
	if n.told {
		go n.close()
	} else {
		n.close()
	}
}

func (n *node) close() {
	n.mu.Lock()
	n.dead = true
	for n.writing && !n.stalled {
		n.mu.Unlock()
		time.Sleep(time.Millisecond)
		n.mu.Lock()
	}
	n.mu.Unlock()
	if err := n.Close(); err != nil {
		n.m.t.Errorf("connection %d: Close: %v", n.id, err)
	}
	n.closed.Store(true)
}

// write sends so many bytes.
func (n *node) write(size int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.dead {
		return
	}
	p := octets(n.id, n.queued, size)
	n.queued += size
	n.send(p)
}

func (n *node) Detained() {
	n.mu.Lock() // which must not be what Ready waits for
	defer n.mu.Unlock()
}
