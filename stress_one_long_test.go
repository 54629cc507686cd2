//go:build long

package spout_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// shared is one end of the connection that many goroutines share. It counts its events.
type shared struct {
	spout.Base
	t        *testing.T
	echo     bool     // each message is answered with itself
	next     []uint32 // the number of the next message, by sender
	pings    int64
	pongs    int64
	running  atomic.Int32
	closes   []error
	finished chan struct{}
}

func newShared(t *testing.T, senders int, echo bool) *shared {
	return &shared{t: t, echo: echo, next: make([]uint32, senders), finished: make(chan struct{})}
}

// one holds that events come one at a time, and none after OnClose.
func (h *shared) one() (end func()) {
	if n := h.running.Add(1); n != 1 || len(h.closes) > 0 {
		h.t.Errorf("%d events at once, %d OnClose before", n, len(h.closes))
	}
	return func() { h.running.Add(-1) }
}

func (h *shared) OnMessage(c *spout.Conn, m spout.Message) error {
	defer h.one()()
	if len(m.Data) < 8 {
		h.t.Errorf("message of %d bytes", len(m.Data))
		return nil
	}
	sender, n := binary.BigEndian.Uint32(m.Data), binary.BigEndian.Uint32(m.Data[4:])
	if int(sender) >= len(h.next) || h.next[sender] != n || !bytes.Equal(m.Data, sharedMessage(int(sender), n)) {
		h.t.Errorf("message %d of sender %d, of %d bytes, is not what was sent, or not the next one", n, sender, len(m.Data))
		return nil
	}
	h.next[sender]++
	if h.echo {
		return c.Write(context.Background(), m)
	}
	return nil
}

func (h *shared) OnPing(*spout.Conn, []byte) { defer h.one()(); h.pings++ }
func (h *shared) OnPong(*spout.Conn, []byte) { defer h.one()(); h.pongs++ }

func (h *shared) OnClose(_ *spout.Conn, err error) {
	defer h.one()()
	if h.closes = append(h.closes, err); len(h.closes) == 1 {
		close(h.finished)
	}
}

// sharedMessage is message n of a sender.
func sharedMessage(sender int, n uint32) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(sender))
	b = binary.BigEndian.AppendUint32(b, n)
	return append(b, bytes.Repeat([]byte{byte(n)}, int(n*31)%3000)...)
}

// 64 goroutines write, ping and, after ten seconds, close one connection, each when it wants. Each call
// returns nil or says that the connection is closed, exactly one Close is the first, all that was accepted
// before it arrives in order and once, and each side gets one OnClose, with the code of the first.
func TestStressOneConnectionSharedBy64(t *testing.T) {
	const senders, duration = 64, 10 * time.Second
	far := newShared(t, senders, true)
	srv := &spout.Server{Options: spout.Options{Logger: silent, SendLimit: 256 << 10, CloseTimeout: time.Minute}}
	addr := serveTCP(t, &http.Server{Handler: srv.Handler(func(*http.Request) (spout.Handler, error) { return far, nil })})
	d := spout.Dialer{Options: srv.Options}
	c, err := d.Dial(t.Context(), "ws://"+addr)
	if err != nil {
		t.Fatal(err)
	}
	near := newShared(t, senders, false)
	go c.Serve(near)

	var sent [senders]uint32 // what was accepted
	var pings, full, late atomic.Int64
	var first atomic.Uint32 // the code of the Close that came first
	var all sync.WaitGroup
	start := time.Now()
	for s := range senders {
		all.Go(func() {
			for time.Since(start) < duration {
				b := sharedMessage(s, sent[s])
				var err error
				switch rand.IntN(6) {
				case 0:
					err = c.Send(spout.Binary(b))
				case 1:
					err = c.Send(spout.Binary(b).Prepare())
				case 2:
					err = c.WriteFrom(context.Background(), spout.BinaryMessage, io.MultiReader(bytes.NewReader(b[:5]), bytes.NewReader(b[5:])))
				case 3:
					ctx, cancel := context.WithTimeout(context.Background(), rand.N(time.Millisecond))
					err = c.Write(ctx, spout.Binary(b))
					cancel()
				case 4:
					if err = c.Ping(b[:8]); err == nil {
						pings.Add(1)
						continue
					}
				default:
					err = c.Write(context.Background(), spout.Binary(b))
				}
				switch {
				case err == nil:
					sent[s]++
				case err == spout.ErrFull, errors.Is(err, context.DeadlineExceeded):
					full.Add(1)
				case spout.CloseCode(err) != 0:
					late.Add(1)
					return
				default:
					t.Errorf("sender %d: %v", s, err)
				}
			}
			code := spout.Code(4000 + s)
			switch err := c.Close(code, ""); {
			case err == nil:
				if !first.CompareAndSwap(0, uint32(code)) {
					t.Errorf("Close %v was accepted, and %v", code, spout.Code(first.Load()))
				}
			case spout.CloseCode(err) < 4000:
				t.Errorf("Close %v: %v", code, err)
			}
		})
	}
	all.Wait()
	<-near.finished
	<-far.finished

	var accepted, received, echoed uint32
	for s := range senders {
		accepted += sent[s]
		received += far.next[s]
		echoed += near.next[s]
		if far.next[s] != sent[s] {
			t.Errorf("of sender %d came %d messages of %d", s, far.next[s], sent[s])
		}
	}
	t.Logf("%v, %d goroutines: %d messages accepted, %d arrived, %d echoes before the close; %d pings, %d arrived, %d pongs; %d calls found no room, %d the end",
		time.Since(start).Round(time.Millisecond), senders, accepted, received, echoed, pings.Load(), far.pings, near.pongs, full.Load(), late.Load())
	if far.pings > pings.Load() || near.pongs > far.pings || near.pongs == 0 {
		t.Errorf("pings or pongs are lost, or doubled")
	}
	code := spout.Code(first.Load())
	for name, h := range map[string]*shared{"client": near, "server": far} {
		if len(h.closes) != 1 {
			t.Errorf("%s: %d OnClose", name, len(h.closes))
		}
		end := h.closes[0].(*spout.CloseError)
		if end.Code != code || end.Remote != (h == far) || end.Err != nil {
			t.Errorf("%s: ended with %v, want %v", name, end, code)
		}
	}
}
