package natsbroker

import (
	"hash/maphash"
	"runtime"
	"sync"

	"github.com/nats-io/nats.go"
)

// Of what has come and was not delivered yet:
const (
	arrivals    = 8192     // messages at the most that wait to be sorted
	maxWaiting  = 64 << 20 // bytes, of all workers
	itemWeight  = 128      // bytes that a message weighs beside its own
	mostWorkers = 8
)

// inbox takes all that comes over a connection in its order, and sorts it to the workers: what belongs to
// a room goes to the same one always. It never waits for a worker; what is too much for one is dropped, and the
// room told so.
type inbox struct {
	arrived chan *nats.Msg
	sort    func(m *nats.Msg)
	workers []*worker
	control *worker // of what nodes say to each other
	closed  chan struct{}
	all     sync.WaitGroup

	mu  sync.Mutex
	own map[*nats.Msg]func() // messages that are none: what is to be called in their place
}

// item is something for a worker: a message of a room, or a call.
type item struct {
	room *room
	msg  *nats.Msg
	call func()
}

func (it *item) size() int {
	if it.msg == nil {
		return 0
	}
	return len(it.msg.Data) + len(it.msg.Subject) + itemWeight
}

func newInbox(sort func(m *nats.Msg)) *inbox {
	in := &inbox{
		arrived: make(chan *nats.Msg, arrivals), sort: sort, own: map[*nats.Msg]func(){}, closed: make(chan struct{}),
		workers: make([]*worker, min(max(2, runtime.GOMAXPROCS(0)), mostWorkers)),
	}
	in.control = newWorker(0)
	in.all.Go(in.control.run)
	for i := range in.workers {
		in.workers[i] = newWorker(maxWaiting / len(in.workers))
		in.all.Go(in.workers[i].run)
	}
	in.all.Go(in.run)
	return in
}

func (in *inbox) close() {
	close(in.closed)
	in.control.close()
	for _, w := range in.workers {
		w.close()
	}
	in.all.Wait()
}

func (in *inbox) run() {
	for {
		select {
		case m := <-in.arrived:
			if m.Sub != nil {
				in.sort(m)
				continue
			}
			in.mu.Lock()
			call := in.own[m]
			delete(in.own, m)
			in.mu.Unlock()
			call()
		case <-in.closed:
			return
		}
	}
}

// do has f called when all that has come before is sorted. f must not wait for anything.
func (in *inbox) do(f func()) {
	m := new(nats.Msg)
	in.mu.Lock()
	in.own[m] = f
	in.mu.Unlock()
	select {
	case in.arrived <- m:
	case <-in.closed:
	}
}

// doAt has f called by the worker when it is through with all that has come before.
func (in *inbox) doAt(w *worker, f func()) { in.do(func() { w.push(item{call: f}) }) }

// doAll has f called by every worker when it is through with all that has come before.
func (in *inbox) doAll(f func(w *worker)) {
	in.do(func() {
		for _, w := range in.workers {
			w.push(item{call: func() { f(w) }})
		}
	})
}

var seed = maphash.MakeSeed()

// worker returns who delivers what has this key.
func (in *inbox) worker(key string) *worker {
	return in.workers[maphash.String(seed, key)%uint64(len(in.workers))]
}

// worker delivers what came for some of the rooms, one after the other.
type worker struct {
	limit int

	mu      sync.Mutex
	more    sync.Cond
	queue   []item
	waiting int // bytes in queue and under way
	closed  bool

	// For the worker itself:
	rooms  map[*room]struct{} // those with subscriptions
	doubts uint64             // how often what was on its way may have been lost
	reason error              // the last time
}

func newWorker(limit int) *worker {
	w := &worker{limit: limit, rooms: map[*room]struct{}{}}
	w.more.L = &w.mu
	return w
}

func (w *worker) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.more.Signal()
}

// push adds something. Of messages it takes no more than the limit.
func (w *worker) push(it item) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if size := it.size(); size > 0 && w.waiting+size > w.limit {
		if it.room.dropped {
			return
		}
		it.room.dropped = true
		it.msg = nil
	} else if size > 0 {
		w.waiting += size
		it.room.dropped = false
	}
	w.queue = append(w.queue, it)
	w.more.Signal()
}

func (w *worker) run() {
	var batch []item
	for {
		w.mu.Lock()
		for len(w.queue) == 0 && !w.closed {
			w.more.Wait()
		}
		if w.closed {
			w.mu.Unlock()
			return
		}
		batch, w.queue = w.queue, batch[:0]
		w.mu.Unlock()
		for i := range batch {
			w.handle(batch[i])
			batch[i] = item{}
		}
	}
}

func (w *worker) handle(it item) {
	switch {
	case it.call != nil:
		it.call()
	case it.msg != nil:
		w.mu.Lock()
		w.waiting -= it.size()
		w.mu.Unlock()
		it.room.receive(it.msg)
	default:
		it.room.lose(errTooFast)
	}
}
