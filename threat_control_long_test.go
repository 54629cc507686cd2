//go:build long && unix && !race

// The race detector makes these long, and a sync.Pool forget at random. They run without it.

package spout_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// control counts the control frames that a connection gets.
type control struct {
	spout.HandlerFunc
	count, want int
	done        chan struct{} // closed when there were as many
}

func newControl(want int) *control { return &control{want: want, done: make(chan struct{})} }

func (h *control) got() {
	if h.count++; h.count == h.want {
		close(h.done)
	}
}

func (h *control) OnPing(*spout.Conn, []byte) { h.got() }
func (h *control) OnPong(*spout.Conn, []byte) { h.got() }

// usage is what a process has used up.
type usage struct {
	start         time.Time
	cpu           time.Duration
	objects, size int64
}

func used(t testing.TB) (u usage) {
	t.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		t.Fatal(err)
	}
	u.start, u.cpu = time.Now(), time.Duration(r.Utime.Nano()+r.Stime.Nano())
	u.objects, u.size = allocated()
	return u
}

// since returns what was used since before, and notes it for a number of frames.
func (u usage) since(t testing.TB, before usage, what string, frames int) usage {
	t.Helper()
	d := usage{cpu: u.cpu - before.cpu, objects: u.objects - before.objects, size: u.size - before.size}
	t.Logf("%d %s: %v, %v of CPU with both ends, %v a frame; %d objects of %d bytes allocated",
		frames, what, u.start.Sub(before.start), d.cpu, d.cpu/time.Duration(frames), d.objects, d.size)
	return d
}

// controlled connects a peer to a server on loopback that has h for a handler.
func controlled(t testing.TB, h spout.Handler) *peer {
	t.Helper()
	srv := &spout.Server{Options: spout.Options{WriteTimeout: time.Minute}}
	return dialTCP(t, serveTCP(t, &http.Server{
		Handler:     srv.Handler(func(*http.Request) (spout.Handler, error) { return h, nil }),
		ConnContext: smallSockets,
	})).upgrade("/")
}

// T5: pongs that nobody takes do not pile up.
func TestT5PingFlood(t *testing.T) {
	const total, atMost, each = 200_000_000, 4_000_000, 1000
	block := bytes.Repeat(masked(fin|opPing, strings.Repeat("p", 125)), each)
	blocks := total/len(block) + 1
	h := newControl(blocks * each)
	p := controlled(t, h)
	p.nc.(*net.TCPConn).SetReadBuffer(4 << 10)
	heap, before := live(), used(t)
	for range blocks {
		if _, err := p.nc.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	<-h.done
	u := used(t).since(t, before, "pings of 125 bytes, of which no pong was taken", blocks*each)
	held := live() - heap
	t.Logf("%d bytes of pings hold %d bytes", blocks*len(block), held)
	// What was allocated on the way bounds what was held at any time.
	if held > atMost || u.size > atMost {
		t.Errorf("%d bytes held, %d allocated, over %d", held, u.size, atMost)
	}
	figure(t, max(held, u.size) <= atMost, "4 MB", "200 MB of pings: %s held, %s allocated on the way", kB(held), kB(u.size))
}

// T6: control frames cost no allocation and little time. What is allocated is for a whole piece of
// input: the pong that stands for those which were left out, at most.
func TestT6ControlFrames(t *testing.T) {
	const one = 100 // frames, at least, for an object
	for _, c := range []struct {
		name   string
		frame  []byte
		frames int
	}{
		{"empty pongs", masked(fin|opPong, ""), 2_000_000},
		{"pongs of 125 bytes", masked(fin|opPong, strings.Repeat("p", 125)), 500_000},
		{"empty pings", masked(fin|opPing, ""), 2_000_000},
		{"pings of 125 bytes", masked(fin|opPing, strings.Repeat("p", 125)), 500_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			const each = 10_000
			block := bytes.Repeat(c.frame, each)
			h := newControl(c.frames)
			p := controlled(t, h)
			go io.Copy(io.Discard, p.nc)
			before := used(t)
			for range c.frames / each {
				if _, err := p.nc.Write(block); err != nil {
					t.Fatal(err)
				}
			}
			<-h.done
			u := used(t).since(t, before, c.name, c.frames)
			if c.name == "empty pongs" {
				figure(t, u.cpu <= 200*time.Millisecond, "200 ms", "2 M pongs: %v of CPU, by both ends", u.cpu.Round(time.Millisecond))
				figure(t, u.objects <= int64(c.frames/one), "one for 100", "2 M pongs: %d objects allocated", u.objects)
			}
			if u.objects > int64(c.frames/one) {
				t.Errorf("%d objects allocated, over one for %d frames", u.objects, one)
			}
		})
	}
	t.Run("one ping at a time", func(t *testing.T) {
		const frames = 20_000
		h := newControl(frames + 1)
		p := controlled(t, h)
		ping, pong := masked(fin|opPing, "are you there?"), make([]byte, 2+14)
		exchange := func() {
			if _, err := p.nc.Write(ping); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(p.nc, pong); err != nil {
				t.Fatal(err)
			}
		}
		exchange()
		before := used(t)
		for range frames {
			exchange()
		}
		if u := used(t).since(t, before, "pings, each answered before the next", frames); u.objects > frames/one {
			t.Errorf("%d objects allocated, over one for %d frames", u.objects, one)
		}
	})
	t.Run("without a network", func(t *testing.T) {
		const frames, each = 2_000_000, 10_000
		h := newControl(frames)
		s := &source{block: bytes.Repeat(masked(fin|opPong, ""), each), times: frames / each, closed: make(chan struct{})}
		before := used(t)
		c := spout.NewConn(s, false, nil)
		serve(t, c, h)
		<-h.done
		if u := used(t).since(t, before, "empty pongs", frames); u.objects > frames/one {
			t.Errorf("%d objects allocated, over one for %d frames", u.objects, one)
		}
	})
}

// source is a stream that has a block to read a number of times, and then is silent.
type source struct {
	block  []byte
	times  int
	left   []byte
	closed chan struct{}
}

func (s *source) Read(p []byte) (int, error) {
	if len(s.left) == 0 {
		if s.times == 0 {
			<-s.closed
			return 0, io.EOF
		}
		s.times--
		s.left = s.block
	}
	n := copy(p, s.left)
	s.left = s.left[n:]
	return n, nil
}

func (s *source) Write(p []byte) (int, error) { return len(p), nil }

func (s *source) Close() error {
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	return nil
}
