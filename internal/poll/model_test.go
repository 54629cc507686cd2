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
	n.stopped = func(err error) {
		if err != nil {
			m.t.Errorf("connection %d: Write: %v", n.id, err)
		}
	}
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
