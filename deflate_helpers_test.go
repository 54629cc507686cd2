package spout_test

import (
	"bytes"
	"compress/flate"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
)

// A deflatePeer is a peer that speaks permessage-deflate, by the compressor of the standard
// library, which the library under test does not use.
type deflatePeer struct {
	*peer
	side   side
	answer string // Sec-WebSocket-Extensions of the answer

	out      bytes.Buffer
	w        *flate.Writer // with context takeover, if it was agreed on
	takeover bool          // of the other side's messages
	received []byte        // what they may refer to
}

const flushTail = "\x00\x00\xff\xff"

// offer has a client offer extensions, and returns its connection.
func offer(t testing.TB, o spout.Options, extensions string) (*spout.Conn, *deflatePeer) {
	t.Helper()
	srv := &spout.Server{Options: o}
	h, conns := held(srv)
	p := serveMemory(t, &http.Server{Handler: h}).dial(t)
	p.send([]byte(request("/", "Sec-WebSocket-Extensions: "+extensions)))
	resp := p.response()
	if resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("handshake answered with %s", resp.Status)
	}
	answers := resp.Header.Values("Sec-Websocket-Extensions")
	if len(answers) > 1 {
		t.Fatalf("answered with %q", answers)
	}
	c := <-conns
	t.Cleanup(func() { c.CloseNow() })
	return c, newDeflatePeer(t, p, sides[0], strings.Join(answers, ""))
}

func newDeflatePeer(t testing.TB, p *peer, s side, answer string) *deflatePeer {
	own, other := "client", "server"
	if s.client {
		own, other = other, own
	}
	z := &deflatePeer{peer: p, side: s, answer: answer, takeover: !strings.Contains(answer, other+"_no_context_takeover")}
	if !strings.Contains(answer, own+"_no_context_takeover") {
		z.w = z.writer()
	}
	return z
}

// compressed returns a connection of either side on which compression was agreed on, both ways
// with takeover.
func compressed(t testing.TB, s side, o spout.Options) (*spout.Conn, *deflatePeer) {
	t.Helper()
	if o.Compression == nil {
		o.Compression = &spout.Deflate{}
	}
	// The compressor of the peer can't be held to a smaller window.
	d := *o.Compression
	d.ReceiveWindow = 32 << 10
	o.Compression = &d
	if o.Logger == nil {
		o.Logger = silent
	}
	if !s.client {
		return offer(t, o, "permessage-deflate; client_max_window_bits=15")
	}
	p, dialled := dialPeer(t, &spout.Dialer{Options: o}, "ws://spout.test/")
	answer := "permessage-deflate"
	p.accept("Sec-WebSocket-Extensions: " + answer)
	c, err := dialled()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.CloseNow() })
	return c, newDeflatePeer(t, p, s, answer)
}

// eachCompressedSide runs a test under synctest with a compressed connection of either side.
func eachCompressedSide(t *testing.T, o spout.Options, test func(t *testing.T, c *spout.Conn, p *deflatePeer)) {
	for _, s := range sides {
		t.Run(s.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p := compressed(t, s, o)
				p.nc.SetReadDeadline(time.Now().Add(24 * time.Hour))
				test(t, c, p)
			})
		})
	}
}

func (p *deflatePeer) writer() *flate.Writer {
	w, err := flate.NewWriter(&p.out, flate.BestCompression)
	if err != nil {
		p.t.Fatal(err)
	}
	return w
}

// deflate returns the payload of a compressed message.
func (p *deflatePeer) deflate(message string) string {
	p.t.Helper()
	w := p.w
	if w == nil {
		w = p.writer()
	}
	p.out.Reset()
	if _, err := io.WriteString(w, message); err != nil {
		p.t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		p.t.Fatal(err)
	}
	payload, ok := strings.CutSuffix(p.out.String(), flushTail)
	if !ok {
		p.t.Fatal("a flush without its tail")
	}
	return payload
}

// sendDeflated sends compressed text.
func (p *deflatePeer) sendDeflated(messages ...string) {
	p.t.Helper()
	p.send(p.deflated(messages...))
}

// deflated returns compressed text as frames, to be sent whenever that is.
func (p *deflatePeer) deflated(messages ...string) (frames []byte) {
	p.t.Helper()
	for _, m := range messages {
		frames = append(frames, p.side.frame(fin|rsv1|opText, p.deflate(m))...)
	}
	return frames
}

// inflate returns the message whose payload this is.
func (p *deflatePeer) inflate(payload string) string {
	p.t.Helper()
	final := "\x01\x00\x00\xff\xff"
	message, err := io.ReadAll(flate.NewReaderDict(strings.NewReader(payload+flushTail+final), p.received))
	if err != nil {
		p.t.Fatalf("inflating %d bytes: %v", len(payload), err)
	}
	if p.takeover {
		p.received = append(p.received, message...)
		p.received = p.received[max(0, len(p.received)-32<<10):]
	}
	return string(message)
}

// message reads a message, pongs aside, and returns its first byte, its size on the wire and
// what it says.
func (p *deflatePeer) message() (b0 byte, size int, message string) {
	p.t.Helper()
	payload := ""
	for first := true; ; {
		f := p.read()
		if f.op() >= opClose {
			if f.op() == opPong {
				continue
			}
			p.t.Fatalf("got %v, want a message", f)
		}
		if first {
			b0, first = f.b0&^fin, false
		} else if f.b0&^fin != opContinuation {
			p.t.Fatalf("got %v within a message", f)
		}
		if payload += string(f.payload); f.b0&fin == 0 {
			continue
		}
		size = len(payload)
		if b0&rsv1 != 0 {
			payload = p.inflate(payload)
		}
		return b0, size, payload
	}
}

// wantDeflated reads compressed messages, which must be these, and returns their sizes on the wire.
func (p *deflatePeer) wantDeflated(messages ...string) (sizes []int) {
	p.t.Helper()
	for _, want := range messages {
		b0, size, got := p.message()
		if b0 != rsv1|opText || got != want {
			p.t.Fatalf("got %02x %.60q, want compressed %.60q", b0, got, want)
		}
		sizes = append(sizes, size)
	}
	return sizes
}
