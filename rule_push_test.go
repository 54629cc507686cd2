package spout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/spoutws/spout/internal/proto"
)

// sink is a stream that takes everything and has nothing to read: the test pushes.
type sink struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *sink) Read([]byte) (int, error) { return 0, errors.New("nobody reads this") }
func (s *sink) Close() error             { return nil }
func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// noter is a handler that notes what its events got.
type noter struct {
	Base
	log []string
}

func (n *noter) OnMessage(c *Conn, m Message) error {
	n.log = append(n.log, fmt.Sprintf("%v %s", m.Type, m))
	return c.Send(m)
}
func (n *noter) OnPing(_ *Conn, data []byte) { n.log = append(n.log, "ping "+string(data)) }
func (n *noter) OnPong(_ *Conn, data []byte) { n.log = append(n.log, "pong "+string(data)) }
func (n *noter) OnClose(_ *Conn, err error)  { n.log = append(n.log, err.Error()) }
func (n *noter) want(t *testing.T, w *noter) {
	t.Helper()
	if !slices.Equal(n.log, w.log) {
		t.Errorf("events:\n%.2000q\nwant:\n%.2000q", n.log, w.log)
	}
}

// pushed is a connection whose bytes the test pushes, with its handler and what it wrote.
func pushed(t *testing.T) (*Conn, *noter, *sink) {
	o := Options{PingInterval: -1}
	s, h := &sink{}, &noter{}
	c := newConn(s, o.config(true))
	c.handler = h
	return c, h, s
}

// conversation is what a client sends, different for each n.
func conversation(n int) (b []byte) {
	frame := func(fin bool, op proto.Op, payload string) {
		b = proto.AppendFrame(b, proto.Header{Fin: fin, Op: op, Masked: true, Key: proto.Key(rand.Uint32())}, []byte(payload))
	}
	for i := range 20 {
		frame(true, proto.OpText, fmt.Sprintf("text %d of %d, ünïcödé €", i, n))
		frame(false, proto.OpText, strings.Repeat("€", i*n))
		frame(true, proto.OpPing, fmt.Sprintf("ping %d of %d", i, n))
		frame(false, proto.OpContinuation, "")
		frame(true, proto.OpContinuation, "end")
		frame(true, proto.OpBinary, strings.Repeat("\xff", 70_000/(i+1)/n))
		frame(true, proto.OpPong, strings.Repeat("p", 125))
		frame(true, proto.OpBinary, "")
	}
	frame(true, proto.OpClose, "\x0f\xa0bye")
	return b
}

// Many connections may be fed through one small buffer, in turns, by whoever has bytes for them: none
// keeps a reference to it.
func TestPushThroughASharedBuffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var shared [16]byte
		const conns = 4
		var cs [conns]*Conn
		var hs [conns]*noter
		var sinks [conns]*sink
		var input [conns][]byte
		for i := range conns {
			cs[i], hs[i], sinks[i] = pushed(t)
			input[i] = conversation(i + 1)
		}
		whole := slices.Clone(input[:])
		for left := conns; left > 0; {
			i := rand.IntN(conns)
			if len(input[i]) == 0 {
				continue
			}
			n := copy(shared[:1+rand.IntN(len(shared))], input[i])
			input[i] = input[i][n:]
			more := cs[i].stream.(*netStream).push(shared[:n])
			for j := range shared {
				shared[j] = 0xAA // which must not be seen by anybody
			}
			if more != (len(input[i]) > 0) {
				t.Fatalf("push wants more: %v, with %d bytes to come", more, len(input[i]))
			}
			if !more {
				left--
			}
		}
		for i := range conns {
			cs[i].finish()
			c, h, s := pushed(t)
			if c.stream.(*netStream).push(slices.Clone(whole[i])) {
				t.Fatal("push wants more after a close frame")
			}
			c.finish()
			synctest.Wait()
			hs[i].want(t, h)
			if len(h.log) != 20*6+1 {
				t.Errorf("%d events", len(h.log))
			}
			// Pongs may stand elsewhere among the data, and some of them be left out.
			if got, want := withoutPongs(t, sinks[i].b.Bytes()), withoutPongs(t, s.b.Bytes()); !bytes.Equal(got, want) {
				t.Errorf("connection %d wrote %d bytes, want %d, or others", i, len(got), len(want))
			}
		}
	})
}

// withoutPongs returns what was written without the pongs in it.
func withoutPongs(t *testing.T, b []byte) (rest []byte) {
	for len(b) > 0 {
		size := proto.HeaderSize(b[0], b[1])
		n := int(b[1])
		switch n {
		case 126:
			n = int(b[2])<<8 | int(b[3])
		case 127:
			n = int(b[6])<<24 | int(b[7])<<16 | int(b[8])<<8 | int(b[9])
		}
		if proto.Op(b[0]&0xF) != proto.OpPong {
			rest = append(rest, b[:size+n]...)
		}
		b = b[size+n:]
	}
	return rest
}

// A step stops where the program must receive something first, and hands back the rest.
func TestStepStopsForTheProgram(t *testing.T) {
	c, _, _ := pushed(t)
	c.handler = nil
	frame := func(s string) []byte {
		return proto.AppendFrame(nil, proto.Header{Fin: true, Op: proto.OpText, Masked: true, Key: 0x01020304}, []byte(s))
	}
	input := append(frame("one"), frame("two")...)
	step := func(p []byte) ([]byte, stepNext) {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.step(p)
	}
	rest, next := step(input)
	if next != stepPause || len(rest) != len(frame("two")) {
		t.Fatalf("with a message waiting: %d bytes left, next is %d", len(rest), next)
	}
	for _, want := range []string{"one", "two"} {
		m, err := c.Read(context.Background())
		if err != nil || m.String() != want {
			t.Fatalf("got %q, %v, want %q", m, err, want)
		}
		if rest, next = step(rest); next != stepMore || len(rest) > 0 {
			t.Fatalf("after %q: %d bytes left, next is %d", want, len(rest), next)
		}
	}
	c.CloseNow()
	if _, next = step(frame("three")); next != stepDone {
		t.Errorf("after CloseNow the next is %d", next)
	}
	c.finish()
}

// A step allocates nothing for control frames, and for a message no more than the message.
func TestStepAllocations(t *testing.T) {
	header := func(op proto.Op) proto.Header { return proto.Header{Fin: true, Op: op, Masked: true, Key: 0x01020304} }
	payload := bytes.Repeat([]byte("x"), 125)
	for name, test := range map[string]struct {
		frame []byte
		most  float64
	}{
		"pong":    {proto.AppendFrame(nil, header(proto.OpPong), payload), 0},
		"ping":    {proto.AppendFrame(nil, header(proto.OpPing), payload), 0},
		"message": {proto.AppendFrame(nil, header(proto.OpBinary), append(payload, "xyz"...)), 1},
	} {
		t.Run(name, func(t *testing.T) {
			c, _, _ := pushed(t)
			c.handler = HandlerFunc(func(*Conn, Message) error { return nil })
			c.writing = true // what is sent stays queued, so that only the step is measured
			defer func() {
				c.mu.Lock()
				c.endWriting()
				c.mu.Unlock()
				c.CloseNow()
				c.finish()
			}()
			work := make([]byte, len(test.frame))
			got := testing.AllocsPerRun(1000, func() {
				copy(work, test.frame) // which is unmasked in place
				c.stream.(*netStream).push(work)
			})
			if got > test.most {
				t.Errorf("%v allocations, want at most %v", got, test.most)
			}
		})
	}
}
