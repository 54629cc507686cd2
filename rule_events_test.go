package spout_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
)

type connector = func(testing.TB, spout.Handler, spout.Options) *peer

// No event comes before OnOpen has returned.
func TestOpenComesFirst(t *testing.T) {
	eachStyle(t, func(t *testing.T, connect connector) {
		opened := make(chan struct{})
		h := &recorder{open: func(*spout.Conn) error { <-opened; return nil }}
		p := connect(t, h, spout.Options{})
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			p.send(masked(fin|opText, "first"), masked(fin|opPing, "second"), masked(fin|opBinary, "third"))
		}()
		synctest.Wait()
		h.want(t, "open")
		close(opened)
		<-sent
		p.want(fin|opPong, "second")
		synctest.Wait()
		h.want(t, "open", "text first", "ping second", "binary third")
	})
}

// Messages and control frames are events in the order in which they came, one at a time, however
// the bytes are cut and however long an event takes.
func TestEventsAreSerialAndInOrder(t *testing.T) {
	eachStyle(t, func(t *testing.T, connect connector) {
		h := &recorder{}
		h.message = func(c *spout.Conn, m spout.Message) error {
			time.Sleep(10 * time.Millisecond) // so that whatever may come meanwhile comes
			return c.Send(m)
		}
		h.ping = func(*spout.Conn, []byte) { time.Sleep(10 * time.Millisecond) }
		h.pong = h.ping
		p := connect(t, h, spout.Options{})
		want := []string{"open"}
		var all []byte
		for i := range 20 {
			text, ping, pong := fmt.Sprintf("m%d", i), fmt.Sprintf("i%d", i), fmt.Sprintf("o%d", i)
			want = append(want, "text "+text, "ping "+ping, "pong "+pong, "binary ab")
			all = append(all, masked(fin|opText, text)...)
			all = append(all, masked(fin|opPing, ping)...)
			all = append(all, masked(fin|opPong, pong)...)
			all = append(all, masked(opBinary, "a")...)
			all = append(all, masked(fin|opContinuation, "b")...)
		}
		go func() {
			for cut := 1; len(all) > 0; cut++ {
				n := min(cut%50+1, len(all))
				p.send(all[:n])
				all = all[n:]
			}
		}()
		for got := 0; got < 40; {
			if p.read().op() != opPong {
				got++
			}
		}
		p.finish(1000)
		h.wait(t)
		h.want(t, append(want, "close 1000")...)
	})
}

// A control frame between the fragments of a message comes before the message, which is whole only
// after it.
func TestControlFrameWithinMessage(t *testing.T) {
	eachStyle(t, func(t *testing.T, connect connector) {
		h := &recorder{}
		p := connect(t, h, spout.Options{})
		p.send(masked(opText, "in two "), masked(fin|opPing, "between"), masked(fin|opContinuation, "parts"))
		p.want(fin|opPong, "between")
		p.finish(1000)
		h.wait(t)
		h.want(t, "open", "ping between", "text in two parts", "close 1000")
	})
}

// After Close no OnMessage begins, though messages may come until the peer has closed too. Pings
// and pongs still are events.
func TestNoMessageAfterClose(t *testing.T) {
	eachStyle(t, func(t *testing.T, connect connector) {
		h := &recorder{message: func(c *spout.Conn, m spout.Message) error { return c.Close(spout.CloseNormal, "enough") }}
		p := connect(t, h, spout.Options{})
		p.send(masked(fin|opText, "one"), masked(fin|opText, "two"), masked(opText, "thr"))
		if f := p.wantClose(1000); string(f.payload[2:]) != "enough" {
			t.Errorf("got %v", f)
		}
		p.send(masked(fin|opContinuation, "ee"), masked(fin|opText, "four"), masked(fin|opClose, closing(1000, "")))
		p.wantEnd()
		h.wait(t)
		h.want(t, "open", "text one", "close 1000")
	})
}

// The data of pings and pongs is only lent; that of messages is the handler's for good.
func TestMessageDataIsTheHandlers(t *testing.T) {
	eachStyle(t, func(t *testing.T, connect connector) {
		var kept []spout.Message
		h := &recorder{message: func(c *spout.Conn, m spout.Message) error {
			kept = append(kept, m)
			return nil
		}}
		p := connect(t, h, spout.Options{})
		var want []string
		for i := range 100 {
			s := fmt.Sprintf("message %d", i)
			want = append(want, s)
			p.send(masked(fin|opText, s))
		}
		p.finish(1000)
		h.wait(t)
		for i, m := range kept {
			if m.String() != want[i] {
				t.Fatalf("message %d is now %q", i, m)
			}
			if n := cap(m.Data); n > len(m.Data)+16 {
				t.Fatalf("message of %d bytes holds %d", len(m.Data), n)
			}
		}
		if len(kept) != len(want) {
			t.Errorf("%d messages, want %d", len(kept), len(want))
		}
	})
}

// A handler gets what it embeds for the events that it does not have itself, and HandlerFunc has
// all that a handler needs.
func TestBaseAndHandlerFuncDoNothing(t *testing.T) {
	eachStyle(t, func(t *testing.T, connect connector) {
		p := connect(t, spout.HandlerFunc(func(c *spout.Conn, m spout.Message) error { return c.Send(m) }), spout.Options{})
		p.send(masked(fin|opPong, "unasked"), masked(fin|opPing, "x"), masked(fin|opText, "hello"))
		p.want(fin|opPong, "x")
		p.want(fin|opText, "hello")
		p.finish(1000)
	})
	eachStyle(t, func(t *testing.T, connect connector) {
		p := connect(t, onlyMessages{}, spout.Options{})
		p.send(masked(fin|opPong, "unasked"), masked(fin|opPing, "x"), masked(fin|opText, "hello"))
		p.want(fin|opPong, "x")
		p.want(fin|opText, "hello")
		p.finish(1000)
	})
}

type onlyMessages struct{ spout.Base }

func (onlyMessages) OnMessage(c *spout.Conn, m spout.Message) error { return c.Send(m) }

// wrapper counts the messages of the handler that it wraps; all else is the wrapped one's.
type wrapper struct {
	spout.Handler
	n int
}

func (w *wrapper) OnMessage(c *spout.Conn, m spout.Message) error {
	w.n++
	return w.Handler.OnMessage(c, m)
}

func TestHandlerMayWrapAnother(t *testing.T) {
	eachStyle(t, func(t *testing.T, connect connector) {
		inner := &recorder{}
		w := &wrapper{Handler: inner}
		p := connect(t, w, spout.Options{})
		p.send(masked(fin|opText, "a"), masked(fin|opPing, "b"))
		p.want(fin|opPong, "b")
		p.finish(4000)
		inner.wait(t)
		inner.want(t, "open", "text a", "ping b", "close 4000")
		if w.n != 1 {
			t.Errorf("wrapper saw %d messages", w.n)
		}
	})
}
