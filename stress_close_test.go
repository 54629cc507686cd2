package spout_test

import (
	"context"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// closer is one side of a connection that both sides close at once.
type closer struct {
	spout.Base
	t      *testing.T
	nc     net.Conn
	code   spout.Code
	sent   int
	got    int
	opens  int
	closes int
	end    *spout.CloseError
}

func (h *closer) OnOpen(*spout.Conn) error { h.opens++; return nil }

func (h *closer) OnMessage(_ *spout.Conn, m spout.Message) error {
	if m.String() != strconv.Itoa(h.got) {
		h.t.Errorf("message %d is %q", h.got, m)
	}
	h.got++
	return nil
}

func (h *closer) OnClose(_ *spout.Conn, err error) { h.closes++; h.end = err.(*spout.CloseError) }

// Both sides of a connection close it at once, ten thousand times: the closing handshake is completed
// whichever close frame comes first, each side gets OnOpen and OnClose once, with its own code or that of
// the other side, and who has the other's code has had all its messages.
func TestStressBothSidesClose(t *testing.T) {
	const rounds, workers = 10_000, 4
	// Over unix sockets: the ports of so many TCP connections would be used up for a minute.
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var connecting sync.Mutex
	connect := func() (near, far net.Conn, err error) {
		connecting.Lock()
		defer connecting.Unlock()
		if near, err = net.Dial("unix", ln.Addr().String()); err == nil {
			far, err = ln.Accept()
		}
		return near, far, err
	}
	o := &spout.Options{Logger: silent, CloseTimeout: time.Minute}
	var left atomic.Int64
	left.Store(rounds)
	var own, crossed, other atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				near, far, err := connect()
				if err != nil {
					t.Error(err)
					return
				}
				sides := []*closer{{t: t, nc: near, code: 4001}, {t: t, nc: far, code: 4002}}
				both := make(chan struct{})
				var two sync.WaitGroup
				for i, h := range sides {
					c := spout.NewConn(h.nc, i == 0, o)
					two.Go(func() { c.Serve(h) })
					two.Go(func() {
						<-both
						for ; h.sent < 3 && c.Write(context.Background(), spout.Text(strconv.Itoa(h.sent))) == nil; h.sent++ {
						}
						c.Close(h.code, "")
					})
				}
				close(both)
				two.Wait()
				for i, h := range sides {
					from := sides[1-i]
					switch {
					case h.opens != 1 || h.closes != 1:
						t.Errorf("%d OnOpen, %d OnClose", h.opens, h.closes)
					case h.end.Err != nil, !h.end.Remote && h.end.Code != h.code, h.end.Remote && h.end.Code != from.code:
						t.Errorf("the side with %v ended with %v", h.code, h.end)
					case h.got > from.sent, h.end.Remote && h.got != from.sent:
						t.Errorf("%d messages of %d arrived, then %v", h.got, from.sent, h.end)
					}
				}
				switch {
				case !sides[0].end.Remote && !sides[1].end.Remote:
					crossed.Add(1)
				case sides[0].end.Remote && sides[1].end.Remote:
					t.Errorf("both sides were closed by the other: %v, %v", sides[0].end, sides[1].end)
				case sides[1].end.Remote:
					own.Add(1)
				default:
					other.Add(1)
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d connections: the client's close frame was first %d times, the server's %d times, %d times they crossed",
		own.Load()+other.Load()+crossed.Load(), own.Load(), other.Load(), crossed.Load())
}
