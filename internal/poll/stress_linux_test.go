package poll

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Many connections are opened, echo through handlers that sleep at random or end their goroutine, and are closed by
// either side at random, so that the system uses their descriptors again all the time. What they carry says of which
// connection it is, and the how manieth: loss, doubling, disorder and misdelivery are seen at both ends.
func TestStress(t *testing.T) {
	for _, loops := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d loops", loops), func(t *testing.T) {
			s := &stress{t: t, e: newEngine(loops)}
			until := time.Now().Add(stressTime / 2)
			var clients sync.WaitGroup
			for i := range 32 {
				clients.Go(func() {
					for time.Now().Before(until) && !t.Failed() {
						s.visit(kinds[i%len(kinds)].connect)
					}
				})
			}
			clients.Wait()
			s.servers.Wait()
			t.Logf("%d connections, %d of them cut off; %d records echoed, %d calls of Ready that were detained, %d that ended their goroutine",
				s.ids.Load(), s.cuts.Load(), s.records.Load(), s.detained.Load(), s.exits.Load())
			if s.records.Load() == 0 || s.exits.Load() == 0 || s.cuts.Load() == 0 {
				t.Error("not all of what is to be tested happened")
			}
			s.e.mu.Lock()
			defer s.e.mu.Unlock()
			if s.e.crew != nil {
				t.Error("the engine goes on without a socket")
			}
		})
	}
}

type stress struct {
	t       *testing.T
	e       *Engine
	routes  [4]Route
	servers sync.WaitGroup // one for each socket that is not closed

	ids                            atomic.Uint32
	cuts, records, detained, exits atomic.Uint64
}

// record is what connections carry: their number, and that of the record.
const recordSize = 8

func appendRecord(b []byte, id, n uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, id), n)
}

// visit is the life of a connection, seen by its client.
func (s *stress) visit(connect func() (near, far duplex, err error)) {
	near, far, err := connect()
	if err != nil {
		s.t.Error(err)
		return
	}
	defer far.Close()
	far.SetDeadline(time.Now().Add(time.Minute))
	id := s.ids.Add(1)
	h := &stressed{s: s, id: id, route: id % 4, rng: rand.New(rand.NewPCG(uint64(id), 0))}
	h.stopped = func(error) { h.close() }
	s.servers.Add(1)
	if err := s.e.Adopt(&h.Socket, near, h, &s.routes[h.route]); err != nil {
		s.t.Error(err)
		s.servers.Done()
		return
	}
	go h.Release()

	total := uint32(rand.IntN(2000))
	// The server hangs up after some records; the client may cut the connection off, with a reset.
	cut := rand.IntN(4) == 0
	var sender sync.WaitGroup
	sender.Go(func() {
		for n := uint32(0); n < total; {
			var b []byte
			for range 1 + rand.IntN(64) {
				if n < total {
					b = appendRecord(b, id, n)
					n++
				}
			}
			if rand.IntN(8) == 0 && len(b) > 3 { // in two pieces
				far.Write(b[:3])
				b = b[3:]
			}
			if _, err := far.Write(b); err != nil {
				return
			}
			if rand.IntN(4) == 0 {
				h.Wake()
			}
			if cut && rand.IntN(8) == 0 {
				s.cuts.Add(1)
				if tcp, ok := far.(*net.TCPConn); ok {
					tcp.SetLinger(0)
				}
				far.Close()
				return
			}
		}
		far.CloseWrite()
	})
	buf := make([]byte, recordSize)
	var n uint32
	for ; ; n++ {
		if _, err = io.ReadFull(far, buf); err != nil {
			break
		}
		if !bytes.Equal(buf, appendRecord(nil, id, n)) {
			s.t.Errorf("connection %d: the client got %x, want record %d", id, buf, n)
			break
		}
		s.records.Add(1)
	}
	sender.Wait()
	reset := errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.EPIPE)
	switch {
	case err == io.EOF && n == total: // all of it
	case cut && (reset || err == io.EOF || err == io.ErrUnexpectedEOF):
	case h.hangsUp() && (reset || err == io.EOF || err == io.ErrUnexpectedEOF):
	default:
		s.t.Errorf("connection %d: %d records of %d came back, %v", id, n, total, err)
	}
}

// stressed is the server's side of a connection.
type stressed struct {
	sender
	s     *stress
	id    uint32
	route uint32
	rng   *rand.Rand

	running atomic.Bool
	rest    []byte // of a record
	next    uint32
	over    bool
	ending  bool // to be closed when the queue is written; guarded by sender.mu
}

// hangsUp reports whether the server closes connections of this number before their end.
func (h *stressed) hangsUp() bool { return h.id%5 == 0 }

func (h *stressed) Ready(why Readiness, buf []byte) (more bool) {
	if !h.running.CompareAndSwap(false, true) {
		h.s.t.Errorf("connection %d: Ready by two goroutines at once", h.id)
	}
	defer h.running.Store(false)
	if buf == nil {
		buf = make([]byte, 512)
	}
	for share := 4; !h.over; share-- {
		if share == 0 {
			return true
		}
		n, err := h.Read(buf)
		switch {
		case err == ErrAgain:
			return false
		case err != nil || n == 0:
			h.end(err != nil)
			return false
		}
		h.take(buf[:n])
		if n < len(buf) && why&(HungUp|Woken) == 0 {
			return false
		}
	}
	return false
}

func (h *stressed) take(p []byte) {
	var answer []byte
	h.rest = append(h.rest, p...)
	for ; len(h.rest) >= recordSize; h.rest = h.rest[recordSize:] {
		if !bytes.Equal(h.rest[:recordSize], appendRecord(nil, h.id, h.next)) {
			h.s.t.Errorf("connection %d: the server got %x, want record %d", h.id, h.rest[:recordSize], h.next)
			h.end(true)
			return
		}
		answer = appendRecord(answer, h.id, h.next)
		h.next++
	}
	h.mu.Lock()
	h.send(answer)
	h.mu.Unlock()
	switch {
	case h.hangsUp() && h.next > 300:
		h.end(true)
	case h.route == 1 && h.rng.IntN(64) == 0:
		time.Sleep(time.Duration(h.rng.IntN(12)) * time.Millisecond)
	case h.route == 2 && h.rng.IntN(16) == 0:
		time.Sleep(time.Millisecond)
	case h.route == 3 && h.rng.IntN(64) == 0:
		h.s.exits.Add(1)
		runtime.Goexit()
	}
}

// end closes the connection: at once, or when all is written.
func (h *stressed) end(now bool) {
	h.over = true
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ending = true
	h.dead = h.dead || now
	if h.stalled && h.dead {
		h.stalled, h.writing = false, false
	}
	h.close()
}

// close closes the socket if nobody writes and it is time. h.mu is held.
func (h *stressed) close() {
	if h.ending && !h.writing {
		h.ending = false
		go func() {
			if err := h.Close(); err != nil {
				h.s.t.Errorf("connection %d: %v", h.id, err)
			}
			h.s.servers.Done()
		}()
	}
}

func (h *stressed) Detained() { h.s.detained.Add(1) }
