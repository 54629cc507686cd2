package spout_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
)

// streaming begins a WriteFrom whose bytes come from the returned pipe.
func streaming(t *testing.T, ctx context.Context, c *spout.Conn, typ spout.Type) (w *io.PipeWriter, result chan error) {
	r, w := io.Pipe()
	result = make(chan error, 1)
	go func() { result <- c.WriteFrom(ctx, typ, r) }()
	t.Cleanup(func() { w.Close() })
	return w, result
}

// never is a source that gives nothing, and no error either.
type never struct{ reads int }

func (n *never) Read([]byte) (int, error) {
	n.reads++
	return 0, nil
}

// A source that gives nothing is given up, and harms nothing.
func TestWriteFromWithoutProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := pair(t, false, spout.Options{})
		src := &never{}
		if err := c.WriteFrom(t.Context(), spout.TextMessage, src); !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("got %v after %d reads", err, src.reads)
		}
		c.Send(spout.Text("unharmed"))
		p.wantTexts("unharmed")
	})
}

// Each Read of the source that gives something is a frame; the end of the source is the message's.
func TestWriteFromFrames(t *testing.T) {
	for name, test := range map[string]struct {
		r    io.Reader
		typ  spout.Type
		want []string
	}{
		"empty":               {strings.NewReader(""), spout.BinaryMessage, []string{"\x82"}},
		"one read":            {strings.NewReader("hello"), spout.TextMessage, []string{"\x01hello", "\x80"}},
		"end with the data":   {iotest.DataErrReader(strings.NewReader("hello")), spout.TextMessage, []string{"\x81hello"}},
		"byte by byte":        {iotest.OneByteReader(strings.NewReader("äb")), spout.TextMessage, []string{"\x01\xc3", "\x00\xa4", "\x00b", "\x80"}},
		"binary of any bytes": {strings.NewReader("\xff\xfe"), spout.BinaryMessage, []string{"\x02\xff\xfe", "\x80"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p := pair(t, false, spout.Options{})
				if err := c.WriteFrom(t.Context(), test.typ, test.r); err != nil {
					t.Fatal(err)
				}
				for _, f := range test.want {
					p.want(f[0], f[1:])
				}
				c.Send(spout.Text("next"))
				p.want(fin|opText, "next")
			})
		})
	}
}

// Before its first byte, a WriteFrom that fails sends nothing and harms nothing.
func TestWriteFromFailsBeforeItsFirstByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := pair(t, false, spout.Options{})
		if err := c.WriteFrom(t.Context(), spout.TextMessage, iotest.ErrReader(errTest)); !errors.Is(err, errTest) {
			t.Errorf("source that fails: %v", err)
		}
		err := c.WriteFrom(t.Context(), spout.TextMessage, strings.NewReader("\xffabc"))
		wantUsage(t, err, "UTF-8")
		wantUsage(t, c.WriteFrom(t.Context(), 0, strings.NewReader("x")), "neither")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := c.WriteFrom(ctx, spout.TextMessage, strings.NewReader("x")); !errors.Is(err, context.Canceled) {
			t.Errorf("context that has ended: %v", err)
		}
		c.Send(spout.Text("next"))
		p.want(fin|opText, "next")
	})
}

// In mid-message a failure closes the connection with 1011: the message can't be completed.
func TestWriteFromFailsInMidMessage(t *testing.T) {
	for name, fail := range map[string]func(w *io.PipeWriter, cancel func()){
		"source fails":      func(w *io.PipeWriter, _ func()) { w.CloseWithError(errTest) },
		"context ends":      func(w *io.PipeWriter, cancel func()) { cancel(); w.Write([]byte("x")) },
		"not UTF-8":         func(w *io.PipeWriter, _ func()) { w.Write([]byte("\xff")) },
		"character cut off": func(w *io.PipeWriter, _ func()) { w.Write([]byte("\xc3")); w.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p := pair(t, false, spout.Options{})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				w, result := streaming(t, ctx, c, spout.TextMessage)
				w.Write([]byte("begun"))
				p.want(opText, "begun")
				c.Send(spout.Text("never")) // would follow the message
				go fail(w, cancel)
				err := <-result
				if err == nil || spout.CloseCode(err) != 0 {
					t.Errorf("WriteFrom returned %v", err)
				}
				f := p.read()
				if name == "character cut off" && f.op() == opContinuation {
					f = p.read()
				}
				if f.closeCode() != 1011 {
					t.Errorf("got %v, want a close frame with 1011", f)
				}
				if end := await(c); end.Code != 1011 || !errors.Is(end, err) {
					t.Errorf("ended with %#v, WriteFrom with %v", end, err)
				}
			})
		})
	}
}

// Messages of others wait until the streamed one is complete, and then come in their order; so does
// another stream.
func TestOthersWaitForTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := pair(t, false, spout.Options{})
		c.Send(spout.Text("before"))
		p.want(fin|opText, "before")
		w1, result1 := streaming(t, t.Context(), c, spout.TextMessage)
		w1.Write([]byte("1a"))
		p.want(opText, "1a")
		c.Send(spout.Text("sent"))
		c.Write(t.Context(), spout.Binary([]byte("written")))
		w2, result2 := streaming(t, t.Context(), c, spout.TextMessage)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.WriteFrom(ctx, spout.TextMessage, strings.NewReader("x")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a third one whose context ends while it waits: %v", err)
		}
		w1.Write([]byte("1b"))
		p.want(opContinuation, "1b")
		w1.Close()
		p.want(fin|opContinuation, "")
		p.want(fin|opText, "sent")
		p.want(fin|opBinary, "written")
		w2.Write([]byte("2a"))
		p.want(opText, "2a")
		w2.Close()
		p.want(fin|opContinuation, "")
		if err1, err2 := <-result1, <-result2; err1 != nil || err2 != nil {
			t.Error(err1, err2)
		}
	})
}

// Close during a WriteFrom waits for the message, at most for CloseTimeout.
func TestCloseDuringWriteFrom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := pair(t, false, spout.Options{})
		w, result := streaming(t, t.Context(), c, spout.TextMessage)
		w.Write([]byte("begun"))
		p.want(opText, "begun")
		c.Close(4000, "later")
		w.Write([]byte("more"))
		p.want(opContinuation, "more")
		w.Close()
		p.want(fin|opContinuation, "")
		p.wantClose(4000)
		if err := <-result; err != nil {
			t.Errorf("WriteFrom: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c, p := pair(t, false, spout.Options{})
		w, result := streaming(t, t.Context(), c, spout.TextMessage)
		w.Write([]byte("begun"))
		p.want(opText, "begun")
		start := time.Now()
		c.Close(4000, "too late")
		p.wantEnd()
		if wait := time.Since(start); wait != 5*time.Second {
			t.Errorf("the connection ended after %v", wait)
		}
		w.Write([]byte("more"))
		if err := <-result; spout.CloseCode(err) != 4000 {
			t.Errorf("WriteFrom: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c, p := pair(t, false, spout.Options{})
		w, _ := streaming(t, t.Context(), c, spout.TextMessage)
		w.Write([]byte("begun"))
		p.want(opText, "begun")
		c.Close(4000, "whatever")
		w.CloseWithError(errTest)
		p.wantClose(4000) // at once, in mid-message
	})
}

// A peer that closes during a WriteFrom gets its answer at once, whoever closed first.
func TestPeerClosesDuringWriteFrom(t *testing.T) {
	for name, first := range map[string]func(c *spout.Conn){
		"peer first":   func(*spout.Conn) {},
		"both at once": func(c *spout.Conn) { c.Close(4000, "") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p := pair(t, false, spout.Options{})
				w, result := streaming(t, t.Context(), c, spout.TextMessage)
				w.Write([]byte("begun"))
				p.want(opText, "begun")
				start := time.Now()
				first(c)
				p.send(masked(fin|opClose, closing(4000, "")))
				p.wantClose(4000)
				p.wantEnd()
				if wait := time.Since(start); wait != 0 {
					t.Errorf("the answer took %v", wait)
				}
				w.Write([]byte("more"))
				if err := <-result; spout.CloseCode(err) != 4000 {
					t.Errorf("WriteFrom: %v", err)
				}
			})
		})
	}
}

// A connection that was lost in mid-message sends no close frame afterwards: least of all 1006, which
// "MUST NOT be set as a status code in a Close control frame" (RFC 6455, 7.4.1).
func TestLostDuringWriteFrom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		half := &halfOpen{Conn: near, ended: make(chan struct{})}
		c := over(t, half, false, spout.Options{})
		p := newPeer(t, far, time.Hour)
		w, result := streaming(t, t.Context(), c, spout.TextMessage)
		w.Write([]byte("begun"))
		synctest.Wait() // its frame is on its way
		close(half.ended)
		synctest.Wait()
		w.CloseWithError(errTest)
		if err := <-result; !errors.Is(err, errTest) {
			t.Errorf("WriteFrom: %v", err)
		}
		p.want(opText, "begun")
		p.wantEnd()
	})
}

// halfOpen is a connection that reads nothing until it reads the end.
type halfOpen struct {
	net.Conn
	ended chan struct{}
}

func (h *halfOpen) Read([]byte) (int, error)        { <-h.ended; return 0, io.EOF }
func (h *halfOpen) SetReadDeadline(time.Time) error { return nil }

// WriteFrom waits for room as Write does, and a source that panics closes the connection with 1011
// like any panic within an event.
func TestWriteFromWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := pair(t, false, spout.Options{SendLimit: 600_000})
		result := make(chan error, 1)
		go func() {
			result <- c.WriteFrom(t.Context(), spout.BinaryMessage, strings.NewReader(strings.Repeat("x", 1<<20)))
		}()
		synctest.Wait()
		if got := c.Buffered(); got > 600_000 || got < 580_000 {
			t.Errorf("%d bytes buffered", got)
		}
		if got := len(p.message()); got != 1<<20 {
			t.Errorf("the peer got %d bytes", got)
		}
		if err := <-result; err != nil {
			t.Error(err)
		}
	})
	eachStyle(t, func(t *testing.T, connect connector) {
		h := &recorder{message: func(c *spout.Conn, m spout.Message) error {
			return c.WriteFrom(t.Context(), m.Type, io.MultiReader(strings.NewReader("begun"), panics{}))
		}}
		p := connect(t, h, spout.Options{})
		p.send(masked(fin|opText, "go"))
		p.want(opText, "begun")
		p.wantClose(1011)
	})
}

type panics struct{}

func (panics) Read([]byte) (int, error) { panic("help") }
