package spout

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/spoutws/spout/internal/proto"
)

// cut is a stream whose input arrives in random pieces and then ends.
type cut struct {
	sink
	input []byte
	rand  *rand.Rand // nil: in as few pieces as there is room for
}

func (c *cut) Read(p []byte) (int, error) {
	if len(c.input) == 0 {
		return 0, io.EOF
	}
	n := len(c.input)
	if c.rand != nil {
		n = 1 + c.rand.IntN(min(n, 1<<c.rand.IntN(10)))
	}
	n = copy(p, c.input[:n])
	c.input = c.input[n:]
	return n, nil
}

// passed is what came of an input: the messages, and how the connection ended.
type passed struct {
	messages []string
	end      string
}

// pull has a connection read the input, and receives message by message.
func (c *cut) pull(client bool, o Options) (p passed) {
	conn := NewConn(c, client, &o)
	for {
		m, err := conn.Read(context.Background())
		if err != nil {
			<-conn.Context().Done()
			p.end = err.Error()
			return p
		}
		p.messages = append(p.messages, fmt.Sprintf("%v %q", m.Type, m))
	}
}

// handle pushes the input into a connection with a handler that answers every message, and holds
// what the connection keeps and sends against what it may.
func (c *cut) handle(t *testing.T, client bool, o Options) (p passed) {
	conn := newConn(c, o.config(!client))
	conn.handler = HandlerFunc(func(conn *Conn, m Message) error {
		p.messages = append(p.messages, fmt.Sprintf("%v %q", m.Type, m))
		return conn.Send(m)
	})
	received := 0
	buf := make([]byte, 64<<10)
	for more := true; more; {
		n, err := c.Read(buf)
		if err != nil {
			conn.broke(err)
			break
		}
		received += n
		more = conn.push(buf[:n])
		if conn.in != nil && cap(conn.in.buf) > 2*received+4<<10 {
			t.Fatalf("%d bytes of memory for a message, after %d bytes of input", cap(conn.in.buf), received)
		}
	}
	conn.finish()
	p.end = conn.end.Error()

	sent := proto.NewDecoder(&proto.Rules{Server: client})
	answers := 0
	for rest := c.b.Bytes(); ; {
		ev, more, err := sent.Next(rest)
		if err != nil {
			t.Fatalf("it sent a frame with %v", err)
		}
		rest = more
		if ev.Kind == proto.Data && ev.End {
			answers++
		}
		if ev.Kind == proto.Close {
			if answers != len(p.messages) || len(rest) > 0 {
				t.Fatalf("%d answers to %d messages, %d bytes behind the close frame", answers, len(p.messages), len(rest))
			}
			return p
		}
		if ev.Kind == proto.NoEvent {
			break
		}
	}
	if conn.end.Code != CloseAbnormal || answers != len(p.messages) {
		t.Fatalf("%d answers to %d messages, no close frame, and %v", answers, len(p.messages), conn.end)
	}
	return p
}

// fuzzConn has one side read any input, however cut.
func fuzzConn(f *testing.F, client bool) {
	frame := func(fin bool, op proto.Op, payload string) []byte {
		return proto.AppendFrame(nil, proto.Header{Fin: fin, Op: op, Masked: !client, Key: 0xdeadbeef}, []byte(payload))
	}
	for i, frames := range [][][]byte{
		{frame(true, proto.OpText, "hello"), frame(true, proto.OpClose, "\x03\xe8bye")},
		{frame(false, proto.OpText, "h\xc3"), frame(true, proto.OpPing, "p"), frame(true, proto.OpContinuation, "\xa9"), frame(true, proto.OpBinary, "")},
		{frame(true, proto.OpBinary, string(make([]byte, 5000))), frame(true, proto.OpText, "\xff")},
		{frame(false, proto.OpBinary, "a"), frame(false, proto.OpContinuation, ""), frame(true, proto.OpText, "b")},
		{frame(true, proto.OpPong, ""), frame(true, proto.OpClose, "\x03"), frame(true, proto.OpText, "late")},
		{frame(true, proto.OpClose, ""), frame(true, proto.OpText, "late")},
		{frame(true, proto.OpText, "cut off")[:8]},
		{{0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
		{{0x82, 0x7f, 0, 0, 0, 0, 0, 0x10, 0, 0, 1, 2, 3}},
	} {
		f.Add(bytes.Join(frames, nil), uint64(i))
	}
	o := Options{PingInterval: -1, MessageLimit: 64 << 10, FragmentLimit: 50, Logger: slog.New(slog.DiscardHandler)}
	f.Fuzz(func(t *testing.T, input []byte, seed uint64) {
		stream := func(r *rand.Rand) *cut { return &cut{input: slices.Clone(input), rand: r} }
		want := stream(nil).handle(t, client, o)
		for style, got := range map[string]passed{
			"served, cut": stream(rand.New(rand.NewPCG(seed, 1))).handle(t, client, o),
			"read, cut":   stream(rand.New(rand.NewPCG(seed, 2))).pull(client, o),
			"read, whole": stream(nil).pull(client, o),
		} {
			if !slices.Equal(got.messages, want.messages) || got.end != want.end {
				t.Errorf("%s: %.200q, %s; served, whole: %.200q, %s", style, got.messages, got.end, want.messages, want.end)
			}
		}
	})
}

func FuzzServerConn(f *testing.F) { fuzzConn(f, false) }
func FuzzClientConn(f *testing.F) { fuzzConn(f, true) }
