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

	"github.com/spoutws/spout/internal/deflate"
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
	err      error
}

// conn returns a connection that reads the input, with compression if o says so.
func (c *cut) conn(client bool, o Options) *Conn {
	conn := newConn(c, o.config(!client))
	if o.Compression != nil {
		d := deflate.Direction{Takeover: true, Bits: 12}
		conn.agree(agreement{compressed: true, terms: deflate.Terms{Send: d, Receive: d}})
	}
	return conn
}

// pull has a connection read the input, and receives message by message.
func (c *cut) pull(client bool, o Options) (p passed) {
	conn := c.conn(client, o)
	conn.stream.run(nil, false)
	for {
		m, err := conn.Read(context.Background())
		if err != nil {
			<-conn.Context().Done()
			p.err = err
			return p
		}
		p.messages = append(p.messages, fmt.Sprintf("%v %q", m.Type, m))
	}
}

// handle pushes the input into a connection with a handler that answers every message, and holds
// what the connection keeps and sends against what it may.
func (c *cut) handle(t *testing.T, client bool, o Options) (p passed) {
	conn := c.conn(client, o)
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
		more = conn.stream.(*netStream).push(buf[:n])
		if conn.in != nil && cap(conn.in.buf) > 2*received+4<<10 {
			t.Fatalf("%d bytes of memory for a message, after %d bytes of input", cap(conn.in.buf), received)
		}
	}
	conn.finish()
	p.err = conn.end

	sent := proto.NewDecoder(&proto.Rules{Server: client, Deflate: o.Compression != nil})
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
	compressed := func(fin bool, payload string) []byte {
		h := proto.Header{Fin: fin, RSV: proto.RSV1, Op: proto.OpText, Masked: !client, Key: 0xdeadbeef}
		return proto.AppendFrame(nil, h, []byte(payload))
	}
	hello := "\xf2\x48\xcd\xc9\xc9\x07\x00" // RFC 7692, 7.2.3.1
	for i, frames := range [][][]byte{
		{frame(true, proto.OpText, "hello"), frame(true, proto.OpClose, "\x03\xe8bye")},
		{frame(false, proto.OpText, "h\xc3"), frame(true, proto.OpPing, "p"), frame(true, proto.OpContinuation, "\xa9"), frame(true, proto.OpBinary, "")},
		{frame(true, proto.OpBinary, string(make([]byte, 5000))), frame(true, proto.OpText, "\xff")},
		{frame(false, proto.OpBinary, "a"), frame(false, proto.OpContinuation, ""), frame(true, proto.OpText, "b")},
		{frame(true, proto.OpPong, ""), frame(true, proto.OpClose, "\x03"), frame(true, proto.OpText, "late")},
		{frame(true, proto.OpClose, ""), frame(true, proto.OpText, "late")},
		{frame(true, proto.OpText, "cut off")[:8]},
		{{0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
		{compressed(true, hello), frame(true, proto.OpPing, ""), compressed(true, "\xf2\x00\x11\x00\x00"), compressed(true, "\x00")},
		{compressed(false, hello[:3]), frame(true, proto.OpPing, ""), frame(true, proto.OpContinuation, hello[3:])},
		{compressed(true, hello[:3]), frame(true, proto.OpClose, "\x03\xe8")},
		{compressed(true, "\x00\x01\x00\xfe\xff\xff\x00"), frame(true, proto.OpClose, "")},
		{{0x82, 0x7f, 0, 0, 0, 0, 0, 0x10, 0, 0, 1, 2, 3}},
	} {
		f.Add(bytes.Join(frames, nil), uint64(i))
	}
	o := Options{PingInterval: -1, MessageLimit: 64 << 10, FragmentLimit: 50, Logger: slog.New(slog.DiscardHandler)}
	f.Fuzz(func(t *testing.T, input []byte, seed uint64) {
		stream := func(r *rand.Rand) *cut { return &cut{input: slices.Clone(input), rand: r} }
		for _, o.Compression = range []*Deflate{nil, {MinSize: -1}} {
			want := stream(nil).handle(t, client, o)
			for style, got := range map[string]passed{
				"served, cut": stream(rand.New(rand.NewPCG(seed, 1))).handle(t, client, o),
				"read, cut":   stream(rand.New(rand.NewPCG(seed, 2))).pull(client, o),
				"read, whole": stream(nil).pull(client, o),
			} {
				// That a compressed message is bad is found when it is received, and then the stream may have ended.
				late := o.Compression != nil && CloseCode(want.err) == CloseInvalidText && CloseCode(got.err) == CloseAbnormal
				if !slices.Equal(got.messages, want.messages) || fmt.Sprint(got.err) != fmt.Sprint(want.err) && !late {
					t.Errorf("%s: %.200q, %s; served, whole: %.200q, %s", style, got.messages, got.err, want.messages, want.err)
				}
			}
		}
	})
}

func FuzzServerConn(f *testing.F) { fuzzConn(f, false) }
func FuzzClientConn(f *testing.F) { fuzzConn(f, true) }
