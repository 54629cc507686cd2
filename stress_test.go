package spout_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// How the connections of the stress test end.
const (
	endClient  = iota // the client closes when it has sent all
	endServer         // the server does
	endBoth           // both do
	endGentle         // those above lose nothing
	endNow            // CloseNow in the midst of it
	endError          // an event returns an error
	endPanic          // an event panics
	endGoexit         // an event ends its goroutine
	endSource         // the source of a WriteFrom fails
	endServers        // the server is shut down
	endKinds
)

// stressEnd is one end of a connection: what it has sent and received, and how it ended.
type stressEnd struct {
	spout.Base
	t       *testing.T
	id      int // even for clients
	ending  int
	limit   int // of messages, after which an event fails
	shut    func()
	over    sync.WaitGroup
	mu      sync.Mutex
	rand    *rand.Rand
	sent    map[int][]int // by sender, in order: what was accepted
	got     map[int][]int
	events  int // under way
	opens   int
	closes  int
	end     error
	partly  map[int]int // of each sender, the last message that was not read to its end
	severed bool        // a WriteFrom failed in mid-message
}

func (e *stressEnd) intN(n int) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.rand.IntN(n)
}

// begin marks an event, of which there is one at a time, between OnOpen and OnClose.
func (e *stressEnd) begin() (end func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.events++; e.events > 1 || e.opens != 1 || e.closes > 1 {
		e.t.Errorf("end %d: %d events at once, %d OnOpen, %d OnClose", e.id, e.events, e.opens, e.closes)
	}
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.events--
	}
}

func (e *stressEnd) OnOpen(c *spout.Conn) error {
	e.mu.Lock()
	e.opens++
	e.mu.Unlock()
	defer e.begin()()
	e.start(c)
	return nil
}

func (e *stressEnd) OnMessage(c *spout.Conn, m spout.Message) error {
	defer e.begin()()
	e.receive(m.Type, m.Data)
	e.mu.Lock()
	e.limit--
	last := e.limit == 0
	e.mu.Unlock()
	if last {
		switch e.ending {
		case endError:
			return errors.New("the handler fails")
		case endPanic:
			panic("the handler panics")
		case endGoexit:
			runtime.Goexit()
		}
	}
	if e.intN(20) == 0 {
		time.Sleep(time.Duration(e.intN(int(2 * time.Millisecond))))
	}
	return nil
}

func (e *stressEnd) OnPing(*spout.Conn, []byte) { e.begin()() }
func (e *stressEnd) OnPong(*spout.Conn, []byte) { e.begin()() }

func (e *stressEnd) OnClose(_ *spout.Conn, err error) {
	e.mu.Lock()
	e.closes++
	e.end = err
	e.mu.Unlock()
	e.begin()()
	e.over.Done()
}

// payload is message n of a sender: what it must be at the other end.
func payload(sender, n int) spout.Message {
	r := rand.New(rand.NewPCG(uint64(sender), uint64(n)))
	size := r.IntN(2000)
	switch r.IntN(20) {
	case 0:
		size = r.IntN(150_000)
	case 1:
		size = 0
	}
	b := fmt.Appendf(nil, "%d %d\n", sender, n)
	for pattern := fmt.Sprintf("%x", [4]uint64{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()}); len(b) < size; {
		b = append(b, pattern...)
	}
	if n%2 == 0 {
		return spout.Binary(b)
	}
	return spout.Text(string(b))
}

// header returns whose message it is, and which.
func (e *stressEnd) header(b []byte) (sender, n int) {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	if _, err := fmt.Sscan(string(line), &sender, &n); err != nil {
		e.t.Errorf("end %d: message begins with %.50q", e.id, b)
	}
	return sender, n
}

func (e *stressEnd) receive(typ spout.Type, b []byte) {
	sender, n := e.header(b)
	if want := payload(sender, n); typ != want.Type || !bytes.Equal(b, want.Data) {
		e.t.Errorf("end %d: message %d of %d arrived as %v %.50q of %d bytes", e.id, n, sender, typ, b, len(b))
	}
	e.note(e.got, sender, n)
}

func (e *stressEnd) note(list map[int][]int, sender, n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	list[sender] = append(list[sender], n)
}

// start begins to send, from several goroutines.
func (e *stressEnd) start(c *spout.Conn) {
	var senders sync.WaitGroup
	for s := range 1 + e.intN(3) {
		senders.Go(func() { e.send(c, 10*e.id+s) })
	}
	e.over.Go(func() {
		if client := e.id%2 == 0; e.ending == endNow && client {
			time.Sleep(time.Duration(e.intN(int(20 * time.Millisecond))))
			c.CloseNow()
		} else if e.ending == endServers && !client {
			e.shut()
		}
		senders.Wait()
		switch client := e.id%2 == 0; {
		case e.ending == endClient && !client, e.ending == endServer && client, e.ending == endServers:
			return
		}
		c.Close(4000, "done")
		if err := c.Send(spout.Text("late")); spout.CloseCode(err) == 0 {
			e.t.Errorf("end %d: Send after Close: %v", e.id, err)
		}
	})
}

func (e *stressEnd) send(c *spout.Conn, sender int) {
	for n := range 40 {
		m := payload(sender, n)
		var err error
		switch e.intN(8) {
		case 0, 1:
			err = c.Send(m)
		case 2:
			err = c.Send(m.Prepare())
		case 3:
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(e.intN(int(2*time.Millisecond))))
			err = c.Write(ctx, m)
			cancel()
		case 4:
			r := io.MultiReader(bytes.NewReader(m.Data[:len(m.Data)/2]), bytes.NewReader(m.Data[len(m.Data)/2:]))
			fails := e.ending == endSource && n == 20
			if fails {
				r = io.MultiReader(r, failingReader{})
			}
			err = c.WriteFrom(context.Background(), m.Type, r)
			// Nobody waits for the rest of one when the goroutine that reads is gone.
			if fails || err != nil && e.ending == endGoexit {
				e.mu.Lock()
				e.severed = true
				e.mu.Unlock()
			}
		case 5:
			if err := c.Ping([]byte("ping")); err != nil && err != spout.ErrFull && spout.CloseCode(err) == 0 {
				e.t.Errorf("end %d: Ping: %v", e.id, err)
			}
			err = c.Write(context.Background(), m)
		default:
			err = c.Write(context.Background(), m)
		}
		switch {
		case err == nil:
			e.note(e.sent, sender, n)
		case spout.CloseCode(err) != 0, errors.Is(err, errSource):
			return
		case err != spout.ErrFull && !errors.Is(err, context.DeadlineExceeded):
			e.t.Errorf("end %d: %v", e.id, err)
		}
	}
}

var errSource = errors.New("the source fails")

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errSource }

// read receives in a loop until the connection ends, in any of the ways that there are.
func (e *stressEnd) read(c *spout.Conn) {
	for {
		var err error
		if e.intN(3) > 0 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(e.intN(int(5*time.Millisecond))))
			var m spout.Message
			if m, err = c.Read(ctx); err == nil {
				e.receive(m.Type, m.Data)
			}
			cancel()
		} else {
			err = e.stream(c)
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			e.mu.Lock()
			e.end = err
			e.mu.Unlock()
			return
		}
	}
}

// stream receives a message as a stream, of which it reads no more than the beginning now and then.
func (e *stressEnd) stream(c *spout.Conn) error {
	typ, r, err := c.Reader(context.Background())
	if err != nil {
		return err
	}
	var b []byte
	for abandon := e.intN(2) == 0; ; {
		p := make([]byte, 1+e.intN(3000))
		n, err := r.Read(p)
		b = append(b, p[:n]...)
		switch {
		case err == io.EOF:
			e.receive(typ, b)
			return nil
		case err != nil:
			return err
		case abandon && bytes.Contains(b, []byte("\n")):
			sender, n := e.header(b)
			e.note(e.got, sender, n)
			e.mu.Lock()
			e.partly[sender] = n
			e.mu.Unlock()
			return nil
		}
	}
}

// check holds what arrived here against what the other end sent.
func (e *stressEnd) check(other *stressEnd) {
	end, ok := errors.AsType[*spout.CloseError](e.end)
	if !ok {
		e.t.Errorf("end %d ended with %v", e.id, e.end)
		return
	}
	if e.opens != e.closes {
		e.t.Errorf("end %d: %d OnOpen, %d OnClose", e.id, e.opens, e.closes)
	}
	if e.ending < endGentle && end.Code != 4000 && end.Code != spout.CloseServiceRestart {
		e.t.Errorf("end %d, ending %d: %v", e.id, e.ending, end)
	}
	for sender, got := range e.got {
		// What the other end could not complete may have begun to arrive.
		if n, ok := e.partly[sender]; ok && n == got[len(got)-1] && !slices.Contains(other.sent[sender], n) {
			got = got[:len(got)-1]
			e.got[sender] = got
		}
		if sent := other.sent[sender]; len(got) > len(sent) || !slices.Equal(got, sent[:len(got)]) {
			e.t.Errorf("end %d, ending %d: of sender %d came %v, sent were %v", e.id, e.ending, sender, got, sent)
		}
	}
	// The close frame is the last: who has it has had everything before, unless a WriteFrom could not be
	// completed, for which nobody waits when the reading goroutine is gone.
	if !end.Remote || other.severed {
		return
	}
	for sender, sent := range other.sent {
		if got := e.got[sender]; len(got) != len(sent) {
			e.t.Errorf("end %d, ending %d: of sender %d came %d messages of %d, then %v", e.id, e.ending, sender, len(got), len(sent), end)
		}
	}
}

// Many connections, used in all ways at once from many goroutines, keep their promises: messages are
// intact and in order, none comes twice, none that was accepted before Close is lost; OnClose comes once;
// Shutdown returns.
func TestStress(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SPOUT_STRESS_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("SPOUT_STRESS_SEED=%d", seed)
	for i, network := range []string{"memory", "tcp", "tls", "listener"} {
		t.Run(network, func(t *testing.T) { stress(t, network, rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
}

func stress(t *testing.T, network string, r *rand.Rand) {
	const rounds, conns = 2, 2 * endKinds
	for range rounds {
		o := spout.Options{
			SendLimit: []int{1000, 50_000, 1 << 20}[r.IntN(3)], CloseTimeout: 30 * time.Second,
			WriteTimeout: 30 * time.Second, Logger: silent,
		}
		srv := &spout.Server{Options: o}
		var shutdown sync.Once
		ends := make([]*stressEnd, 2*conns)
		for i := range ends {
			ends[i] = &stressEnd{
				t: t, id: i, ending: i / 2 % endKinds, limit: 1 + r.IntN(20), rand: rand.New(rand.NewPCG(r.Uint64(), 0)),
				sent: make(map[int][]int), got: make(map[int][]int), partly: make(map[int]int),
			}
			ends[i].over.Add(1)
		}
		returned := make(chan error, 1)
		shut := func() {
			shutdown.Do(func() { go func() { returned <- srv.Shutdown(context.Background()) }() })
		}
		find := func(r *http.Request) *stressEnd {
			i, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
			return ends[i]
		}
		serve := srv.Handler(func(r *http.Request) (spout.Handler, error) { return find(r), nil })
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			e := find(r)
			if e.intN(2) == 0 || e.ending >= endError && e.ending <= endGoexit {
				serve.ServeHTTP(w, r)
				return
			}
			if c, err := srv.Accept(w, r); err != nil {
				t.Errorf("end %d: %v", e.id, err)
			} else {
				e.start(c)
				go func() {
					defer e.over.Done()
					e.read(c)
				}()
			}
		})}
		d, url := &spout.Dialer{Options: o}, "ws://spout.test"
		stop := func() {}
		switch network {
		case "memory":
			d.Client = &http.Client{Transport: &http.Transport{DialContext: serveMemory(t, server).DialContext}}
		case "tcp":
			url = "ws://" + serveTCP(t, server)
		case "tls":
			ts := httptest.NewTLSServer(server.Handler)
			stop, d.Client, url = ts.Close, ts.Client(), ts.URL
		case "listener":
			addr, config := overListener(t, srv, server.Handler)
			d.Client, url = &http.Client{Transport: &http.Transport{TLSClientConfig: config}}, "wss://"+addr
		}

		// All are there before any is shut down.
		var dialled, all sync.WaitGroup
		for i := range conns {
			dialled.Add(1)
			ends[2*i+1].shut = func() { dialled.Wait(); shut() }
			all.Go(func() {
				near, far := ends[2*i], ends[2*i+1]
				c, err := d.Dial(t.Context(), fmt.Sprintf("%s/%d", url, far.id))
				dialled.Done()
				if err != nil {
					t.Errorf("end %d: %v", near.id, err)
					return
				}
				if near.intN(2) == 0 {
					go c.Serve(near) // which an event may end
				} else {
					near.start(c)
					near.read(c)
					near.over.Done()
				}
				near.over.Wait()
				far.over.Wait()
				<-c.Context().Done()
			})
		}
		all.Wait()
		shut()
		if err := <-returned; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		for c := range srv.Conns() {
			t.Errorf("%v is left after Shutdown", c.RemoteAddr())
		}
		stop()
		for i, e := range ends {
			e.check(ends[i^1])
		}
	}
}
