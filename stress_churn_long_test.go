//go:build long

package spout_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// census counts the connections of a server.
type census struct {
	t             *testing.T
	opens, closes atomic.Int64
}

// resident is one connection's handler: it echoes, unless it is told to fail.
type resident struct {
	spout.Base
	*census
	next          int
	opened, ended bool
}

func (h *resident) OnOpen(*spout.Conn) error {
	if h.opened || h.ended {
		h.t.Error("OnOpen is not the first event, or comes twice")
	}
	h.opened = true
	h.opens.Add(1)
	return nil
}

func (h *resident) OnMessage(c *spout.Conn, m spout.Message) error {
	if !h.opened || h.ended {
		h.t.Error("OnMessage before OnOpen, or after OnClose")
	}
	switch m.String() {
	case "last words":
		return c.Send(m)
	case "fail":
		return errTest
	case "panic":
		panic("as the client wishes")
	case "exit":
		runtime.Goexit()
	case "close":
		return c.Close(4001, "")
	}
	if m.String() != strconv.Itoa(h.next) {
		h.t.Errorf("message %d is %q", h.next, m)
	}
	h.next++
	return c.Send(m)
}

func (h *resident) OnClose(*spout.Conn, error) {
	if !h.opened || h.ended {
		h.t.Error("OnClose without OnOpen, or twice")
	}
	h.ended = true
	h.closes.Add(1)
}

// visitor is a client that keeps the socket of its connection, to cut it.
type visitor struct {
	*spout.Conn
	socket *net.TCPConn
}

func visit(addr string) (v visitor, err error) {
	d := spout.Dialer{Options: patient, Client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := new(net.Dialer).DialContext(ctx, network, addr)
			if err == nil {
				v.socket = nc.(*net.TCPConn)
			}
			return nc, err
		},
	}}}
	v.Conn, err = d.Dial(context.Background(), "ws://"+addr)
	return v, err
}

// say has message n echoed.
func (v visitor) say(n int) error {
	text := strconv.Itoa(n)
	if err := v.Write(context.Background(), spout.Text(text)); err != nil {
		return err
	}
	m, err := v.Read(context.Background())
	if err == nil && m.String() != text {
		err = errors.New("the answer is " + m.String())
	}
	return err
}

// cut ends a TCP connection with a reset.
func cut(nc *net.TCPConn) {
	nc.SetLinger(0)
	nc.Close()
}

// departures are the ways in which a visitor goes.
var departures = []func(v visitor){
	func(v visitor) { v.Close(spout.CloseNormal, "") },
	func(v visitor) { v.CloseNow() },
	func(v visitor) { cut(v.socket) },
	func(v visitor) { v.Write(context.Background(), spout.Text("last words")); cut(v.socket) },
	func(v visitor) { v.socket.Write([]byte{0x82, 0xFE, 0x01}); v.CloseNow() }, // within a frame's header
	func(v visitor) { v.Send(spout.Text("fail")) },
	func(v visitor) { v.Send(spout.Text("panic")) },
	func(v visitor) { v.Send(spout.Text("exit")) },
	func(v visitor) { v.Send(spout.Text("close")) },
	func(v visitor) { v.Send(spout.Text("close")); v.Close(4002, "") },
}

// A thousand connections talk on, and lose nothing, while a hundred others a second come and die in all the
// ways there are. At the end each connection has had OnOpen and OnClose once, and none is left.
func TestStressChurn(t *testing.T) {
	const residents, perSecond, duration = 1000, 100, 10 * time.Second
	all := &census{t: t}
	srv := &spout.Server{Options: patient}
	addr := serveTCP(t, &http.Server{Handler: srv.Handler(func(*http.Request) (spout.Handler, error) { return &resident{census: all}, nil })})

	var talking, visiting sync.WaitGroup
	var echoes, visits, cutShort atomic.Int64
	start := time.Now()
	for i := range residents {
		v, err := visit(addr)
		if err != nil {
			t.Fatal(err)
		}
		talking.Go(func() {
			for n := 0; n == 0 || time.Since(start) < duration; n++ {
				if err := v.say(n); err != nil {
					t.Errorf("connection %d, message %d: %v", i, n, err)
					return
				}
				echoes.Add(1)
				time.Sleep(rand.N(2 * time.Second))
			}
			v.Close(spout.CloseNormal, "")
			if end := await(v.Conn); end.Code != spout.CloseNormal || end.Err != nil {
				t.Errorf("connection %d ended with %v", i, end)
			}
		})
	}
	ticks := time.NewTicker(time.Second / perSecond)
	defer ticks.Stop()
	most := 0
	for time.Since(start) < duration {
		<-ticks.C
		visiting.Go(func() {
			if rand.IntN(20) == 0 { // gone within the handshake
				nc, err := net.Dial("tcp", addr)
				if err != nil {
					t.Error(err)
					return
				}
				s := request("/")
				nc.Write([]byte(s[:rand.IntN(len(s)+1)]))
				cut(nc.(*net.TCPConn))
				cutShort.Add(1)
				return
			}
			v, err := visit(addr)
			if err != nil {
				t.Errorf("a new connection: %v", err)
				return
			}
			for n := range rand.IntN(5) {
				if err := v.say(n); err != nil {
					t.Errorf("a visitor's message %d: %v", n, err)
				}
				time.Sleep(rand.N(200 * time.Millisecond))
			}
			departures[rand.IntN(len(departures))](v)
			await(v.Conn)
			visits.Add(1)
		})
		if n := runtime.NumGoroutine(); n > most {
			most = n
		}
	}
	visiting.Wait()
	talking.Wait()
	// None is left but those whose OnClose is on its way.
	if err := srv.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	t.Logf("%d connections with %d echoes; %d others came and died, %d within the handshake; %d OnOpen, %d OnClose; at most %d goroutines, %d now",
		residents, echoes.Load(), visits.Load(), cutShort.Load(), all.opens.Load(), all.closes.Load(), most, runtime.NumGoroutine())
	if all.opens.Load() != all.closes.Load() {
		t.Error("the numbers of OnOpen and OnClose differ")
	}
	// A handshake that was cut short may have been complete.
	if n := all.opens.Load(); n < residents+visits.Load() || n > residents+visits.Load()+cutShort.Load() {
		t.Errorf("%d OnOpen for %d connections", n, residents+visits.Load())
	}
}
