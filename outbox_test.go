package spout

import (
	"math/rand/v2"
	"testing"

	"github.com/spoutws/spout/internal/proto"
)

// memory returns the bytes of memory that the connection has for what waits.
func (o *outbox) memory() int {
	n := cap(o.control) + cap(o.flightOf)
	for _, queue := range [][]chunk{o.chunks, o.held} {
		for _, ch := range queue {
			if !ch.shared {
				n += cap(ch.b)
			}
		}
	}
	return n
}

// A prepared message that is queued by reference does not make the one behind it take a buffer that
// it leaves empty.
func TestQueueOfPreparedAndOtherMessages(t *testing.T) {
	for _, n := range []int{5, 4200, 20_000} {
		o := &outbox{newestn: -1}
		prepared, other := Binary(make([]byte, shareFrom)).Prepare(), Binary(make([]byte, n))
		for o.size < 1<<20 {
			o.add(prepared.frame())
			o.add(other.frame())
		}
		t.Logf("%d KiB of memory for %d KiB of messages", o.memory()>>10, o.size>>10)
		if o.memory() > o.size+largeBuffer {
			t.Errorf("%d bytes of memory for %d bytes of messages, with %d between prepared ones", o.memory(), o.size, n)
		}
		o.drop()
	}
}

// Whatever the sizes of messages, and however the peer takes them, what waits holds at most 64 KiB beyond
// the limit, or beyond what has been taken by an empty queue.
func TestMemoryOfQueue(t *testing.T) {
	var most int
	for seed := range uint64(100) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		o := &outbox{newestn: -1, limit: 1 << (12 + rnd.IntN(10))}
		sizes := []int{0, 100, 5000, 17_000, 40_000, 70_000, 300_000}[:1+rnd.IntN(7)]
		shared := Binary(make([]byte, shareFrom+rnd.IntN(70_000))).Prepare()
		for range 1500 {
			f := Binary(make([]byte, sizes[rnd.IntN(len(sizes))])).frame()
			switch rnd.IntN(20) {
			case 0:
				o.addPing([]byte("ping"))
			case 1:
				if o.load() {
					o.wrote(rnd.IntN(len(o.flight) + 1))
				}
			case 2:
				f = shared.frame()
				fallthrough
			default:
				if o.room(f.size(o.mask)) {
					o.add(f)
				}
			}
			beyond := o.memory() - max(o.limit, o.size+o.flown)
			if most = max(most, beyond); beyond > 64<<10 {
				t.Fatalf("seed %d: a limit of %d, %d bytes queued, %d of them taken, %d bytes of memory", seed, o.limit, o.size, o.flown, o.memory())
			}
		}
		o.drop()
		o.land()
	}
	t.Logf("at most %.1f KiB beyond the limit", float64(most)/1024)
}

// Control frames that can't leave at once still go before the close frame: a pong that finds no room among
// the others, or one that has to wait for the end of a frame.
func TestNothingFollowsTheCloseFrame(t *testing.T) {
	data := make([]byte, proto.MaxControl)
	for name, wait := range map[string]func(t *testing.T, o *outbox, load func() bool){
		"for room": func(t *testing.T, o *outbox, _ func() bool) {
			for o.addPing(data) {
			}
			o.addPong(data)
			if o.newestn < 0 {
				t.Fatal("there was room for the pong")
			}
		},
		"for the end of a frame": func(t *testing.T, o *outbox, load func() bool) {
			o.addFrame(proto.Header{Fin: true, Op: proto.OpBinary}, make([]byte, largeBuffer+1000), false)
			load()
			o.addPong(data)
			if !o.inFrame {
				t.Fatal("no frame is under way")
			}
		},
		"for the end of a frame, before others": func(t *testing.T, o *outbox, load func() bool) {
			for range 3 {
				o.addFrame(proto.Header{Fin: true, Op: proto.OpBinary}, make([]byte, largeBuffer+1000), false)
			}
			load()
			o.addPong(data)
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := &outbox{newestn: -1}
			var sent []byte
			load := func() bool {
				if !o.load() {
					return false
				}
				sent = append(sent, o.flight...)
				o.wrote(len(o.flight))
				return true
			}
			wait(t, o, load)
			o.addClose(proto.AppendClose(nil, proto.CodeNormal, ""))
			for load() {
			}
			var last proto.Kind
			pongs := 0
			d := proto.NewDecoder(&proto.Rules{})
			for rest := sent; len(rest) > 0; {
				ev, r, err := d.Next(rest)
				if err != nil {
					t.Fatal(err)
				}
				rest, last = r, ev.Kind
				if ev.Kind == proto.Pong {
					pongs++
				}
			}
			if last != proto.Close || pongs != 1 {
				t.Errorf("last frame %v, %d pongs", last, pongs)
			}
		})
	}
}
