package poll

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// POLL_SEED=n replays schedule n alone, 20 times, since what goroutines do at once is not part of it.
const seedVariable = "POLL_SEED"

// Random schedules of what peers, programs and handlers do: whatever happens, each socket sees its peer's bytes, in
// order, exactly once, and the end exactly once; Ready is called by one goroutine at a time and never after Close;
// what is written arrives; nobody uses a descriptor that is closed, or another connection's; and in the end nothing
// is left running.
func TestSchedules(t *testing.T) {
	if s := os.Getenv(seedVariable); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			replay(t, seed)
		}
		return
	}
	limit := 3 * time.Second
	if testing.Short() {
		limit = time.Second / 2
	}
	first := rand.Uint64() >> 1
	seed := first
	for start := time.Now(); time.Since(start) < limit && !t.Failed(); seed++ {
		replay(t, seed)
	}
	t.Logf("%d schedules, from %d on", seed-first, first)
}

func replay(t *testing.T, seed uint64) {
	ok := t.Run(fmt.Sprint(seed), func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := newModel(t, seed)
			m.play()
		})
	})
	if !ok {
		t.Errorf("replay it: %s=%d go test -race -run %s", seedVariable, seed, t.Name())
	}
}

// model is one schedule.
type model struct {
	t      *testing.T
	rng    *rand.Rand
	k      *kernel
	e      *Engine
	routes [2]Route
	nodes  []*node
	others sync.WaitGroup // goroutines of the program
}

// node is a connection: its handler, its peer, and what is true of it.
type node struct {
	Socket
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

	mu       sync.Mutex
	queue    []byte
	queued   int // bytes, ever
	writing  bool
	stalled  bool
	writable bool
	dead     bool
	arrived  int // bytes of the queue that the peer has
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{t: t, rng: rand.New(rand.NewPCG(seed, 0)), k: newKernel(t)}
	m.e = m.k.engine(1 + m.rng.IntN(2))
	if m.rng.IntN(2) == 0 {
		var n atomic.Uint64
		rate := 2 + m.rng.Uint64N(5)
		m.k.pause = func() {
			if n.Add(1)%rate == 0 {
				runtime.Gosched()
			}
		}
	}
	return m
}

// octet is the n-th byte that a connection carries, in either direction: others carry others.
func octet(id, n int) byte { return byte(id*31 + n*7 + n>>8) }

func (m *model) play() {
	for range 1 + m.rng.IntN(5) {
		m.open()
	}
	for range 10 + m.rng.IntN(50) {
		m.step()
	}
	m.settle()
}

func (m *model) open() {
	n := &node{m: m, id: len(m.nodes), file: m.k.open(m.rng.IntN(300))}
	n.rng = rand.New(rand.NewPCG(m.rng.Uint64(), 1))
	n.exits = m.rng.IntN(3)
	m.nodes = append(m.nodes, n)
	if m.rng.IntN(2) == 0 { // early bytes
		n.peerSends(m.rng.IntN(100), false)
	}
	var r *Route
	if i := m.rng.IntN(len(m.routes) + 1); i < len(m.routes) {
		r = &m.routes[i]
	}
	if err := m.e.adopt(&n.Socket, n.file.fd, n, r); err != nil {
		m.t.Fatal(err)
	}
	if m.rng.IntN(2) == 0 {
		n.wake()
	}
	go n.Release() // its goroutine may be ended by Ready
}

// step is one thing that happens.
func (m *model) step() {
	n := m.nodes[m.rng.IntN(len(m.nodes))]
	switch m.rng.IntN(13) {
	case 0, 1, 2:
		n.peerSends(1+m.rng.IntN(200), m.rng.IntN(10) == 0)
	case 3:
		if m.rng.IntN(3) == 0 {
			n.peerSends(0, true)
		}
	case 4:
		n.peerTakes(m.rng.IntN(200))
	case 5:
		n.wake()
	case 6:
		m.others.Go(n.wake)
	case 7:
		n.asked.Store(true)
		n.wake()
	case 8:
		size := m.rng.IntN(200)
		m.others.Go(func() { n.write(size) })
	case 9:
		m.others.Go(func() {
			n.Control(func(fd int) error {
				m.k.mu.Lock()
				defer m.k.mu.Unlock()
				if m.k.of(fd) != n.file {
					m.t.Errorf("connection %d: Control got the descriptor of another one", n.id)
				}
				return nil
			})
		})
	case 10:
		m.open()
	case 11:
		go n.pull() // whose goroutine may be ended by Ready
	case 12:
		time.Sleep(time.Duration(m.rng.IntN(15)) * time.Millisecond)
	}
	if m.rng.IntN(3) == 0 {
		synctest.Wait()
	}
}

// settle lets everything come to its end, and looks whether it is the right one.
func (m *model) settle() {
	m.others.Wait()
	time.Sleep(time.Minute)
	synctest.Wait()
	for _, n := range m.nodes {
		n.checkRead()
	}
	for _, n := range m.nodes {
		n.resumed.Store(true)
		n.peerTakes(1 << 20)
		n.wake()
	}
	time.Sleep(time.Minute)
	synctest.Wait()
	for _, n := range m.nodes {
		n.peerTakes(0)
		n.check()
	}
	for _, n := range m.nodes {
		n.asked.Store(true)
		n.wake()
	}
	time.Sleep(time.Minute)
	synctest.Wait()
	for _, n := range m.nodes {
		if !n.closed.Load() {
			m.t.Errorf("connection %d was not told to close", n.id)
		}
	}
	if m.e.crew != nil {
		m.t.Error("the engine goes on without a socket")
	} // and if a goroutine does, synctest.Test says so
	for _, f := range m.k.files {
		if f != nil {
			m.t.Errorf("descriptor %d is not closed", f.fd)
		}
	}
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
	p := make([]byte, size)
	for i := range p {
		p[i] = octet(n.id, n.sent+i)
	}
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

// write queues bytes and writes what is taken.
func (n *node) write(size int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.dead {
		return
	}
	for range size {
		n.queue = append(n.queue, octet(n.id, n.queued))
		n.queued++
	}
	if !n.writing {
		n.writing = true
		n.flush()
	}
}

// flush writes until nothing is left or taken. n.mu is held, but not while writing.
func (n *node) flush() {
	n.AwaitWritable(true)
	n.stalled = false
	for !n.dead && len(n.queue) > 0 {
		n.writable = false
		p := n.queue
		n.mu.Unlock()
		k, err := n.Write(p)
		n.mu.Lock()
		if err != nil {
			n.m.t.Errorf("connection %d: Write: %v", n.id, err)
		}
		n.queue = n.queue[k:]
		if k < len(p) && !n.writable && !n.dead {
			n.stalled = true
			return
		}
	}
	n.AwaitWritable(false)
	n.writing = false
}

func (n *node) Writable() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stalled {
		if !n.dead {
			n.flush()
		}
	} else {
		n.writable = true
	}
}

func (n *node) Detained() {
	n.mu.Lock() // which must not be what Ready waits for
	defer n.mu.Unlock()
}
