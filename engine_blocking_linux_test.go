package spout_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// blockade is where the handlers of a test block: for as long as it is up, and each says so first.
type blockade struct {
	blocked chan string
	up      chan struct{}
}

func newBlockade(t testing.TB) *blockade {
	b := &blockade{make(chan string, 100), make(chan struct{})}
	t.Cleanup(b.end) // before the server is awaited
	return b
}

func (b *blockade) here(what string) {
	b.blocked <- what
	<-b.up
}

// end lets all go that are blocked.
func (b *blockade) end() {
	select {
	case <-b.up:
	default:
		close(b.up)
	}
}

// await waits until a handler is blocked.
func (b *blockade) await(t testing.TB, what string) {
	t.Helper()
	select {
	case got := <-b.blocked:
		if got != what {
			t.Fatalf("blocked in %q, want %q", got, what)
		}
	case <-time.After(time.Minute):
		t.Fatalf("%s was not called", what)
	}
}

// An event that blocks, whichever it is and for whatever it waits, keeps no other connection waiting, be it of the
// same handler or of another one, nor new connections; and its own connection goes on when it returns.
func TestEngineBlockedEventHarmsNobody(t *testing.T) {
	for _, what := range []string{"OnOpen", "OnMessage", "OnPing", "OnPong", "OnClose", "Write", "Read"} {
		t.Run(what, func(t *testing.T) {
			b := newBlockade(t)
			pulled := make(chan *spout.Conn, 1)
			h := &recorder{
				open: func(*spout.Conn) error {
					if what == "OnOpen" {
						b.here(what)
					}
					return nil
				},
				message: func(c *spout.Conn, m spout.Message) error {
					if m.String() != "block" {
						return c.Send(m)
					}
					switch what {
					case "OnMessage":
						b.here(what)
					case "Write": // until the peer reads
						b.blocked <- what
						for range 16 {
							if err := c.Write(t.Context(), text(1<<20, "much")); err != nil {
								return err
							}
						}
					case "Read": // of another connection, for a message that its peer sends later
						other := <-pulled
						b.blocked <- what
						m, err := other.Read(t.Context())
						if err != nil || m.String() != "late" {
							t.Errorf("the other connection got %v, %v", m, err)
						}
						return c.Send(m)
					}
					return c.Send(m)
				},
				ping: func(_ *spout.Conn, data []byte) {
					if what == "OnPing" {
						b.here(what)
					}
				},
				pong: func(_ *spout.Conn, data []byte) {
					if what == "OnPong" {
						b.here(what)
					}
				},
				close: func(*spout.Conn, error) {
					if what == "OnClose" {
						b.here(what)
					}
				},
			}
			o := spout.Options{SendLimit: 1 << 20, Logger: silent}
			srv := &spout.Server{Options: o}
			mux := http.NewServeMux()
			mux.Handle("/blocks", srv.Handler(func(r *http.Request) (spout.Handler, error) {
				if r.URL.RawQuery == "" {
					return spout.HandlerFunc(func(c *spout.Conn, m spout.Message) error { return c.Send(m) }), nil
				}
				return h, nil
			}))
			mux.Handle("/echo", echoServer(o).Handler)
			mux.HandleFunc("/pulled", func(w http.ResponseWriter, r *http.Request) {
				if c, err := srv.Accept(w, r); err == nil {
					pulled <- c
				}
			})
			addr := serveTCP(t, &http.Server{Handler: mux})
			t.Cleanup(b.end)

			var others []*peer
			for range 8 {
				others = append(others, dialTCP(t, addr).upgrade("/blocks"), dialTCP(t, addr).upgrade("/echo"))
			}
			p := dialTCP(t, addr).upgrade("/blocks?it")
			var other *peer
			switch what {
			case "OnPing":
				p.send(masked(fin|opPing, "x"))
			case "OnPong":
				p.send(masked(fin|opPong, "x"))
			case "OnClose":
				p.finish(1000)
				p.nc.Close()
			case "Read":
				other = dialTCP(t, addr).upgrade("/pulled")
				fallthrough
			default:
				p.send(masked(fin|opText, "block"))
			}
			b.await(t, what)
			for range 20 {
				for _, p := range others {
					p.hello()
				}
				dialTCP(t, addr).upgrade("/blocks").hello()
				dialTCP(t, addr).upgrade("/echo").hello()
			}

			switch what {
			case "OnClose":
				b.end()
				h.wait(t)
				return
			case "OnPing":
				p.want(fin|opPong, "x")
			case "Write":
				for range 16 {
					p.wantTexts("much")
				}
			case "Read":
				other.send(masked(fin|opText, "late"))
				p.want(fin|opText, "late")
			}
			b.end()
			if what == "OnOpen" || what == "OnMessage" || what == "Write" {
				p.want(fin|opText, "block")
			}
			p.hello()
			p.finish(1000)
		})
	}
}

// What a handler has sent leaves though it blocks then, and more input follows: whether that came with the
// message, behind the request, or before Serve.
func TestEngineBlockedEventLetsAnswersGo(t *testing.T) {
	for _, how := range []string{"in one piece", "behind the request", "before Serve", "again"} {
		t.Run(how, func(t *testing.T) {
			b := newBlockade(t)
			h := &recorder{message: func(c *spout.Conn, m spout.Message) error {
				if err := c.Send(m); err != nil || m.String() != "block" {
					return err
				}
				b.here("OnMessage")
				return nil
			}}
			srv := &spout.Server{}
			arrived := make(chan struct{})
			hs := srv.Handler(func(*http.Request) (spout.Handler, error) { return h, nil })
			if how == "before Serve" {
				hs = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if c, err := srv.Accept(w, r); err == nil {
						go func() {
							<-arrived
							c.Serve(h)
						}()
					}
				})
			}
			addr := serveTCP(t, &http.Server{Handler: hs})
			t.Cleanup(b.end)
			p := dialTCP(t, addr)
			frames := append(masked(fin|opText, "first"), masked(fin|opText, "block")...)
			frames = append(frames, masked(fin|opText, "more")...)
			switch how {
			case "in one piece", "again":
				p.upgrade("/").send(frames)
			case "behind the request":
				p.send([]byte(request("/")), frames)
				p.wantUpgraded()
			case "before Serve":
				p.upgrade("/").send(frames)
				close(arrived)
			}
			p.wantTexts("first", "block") // while it blocks
			b.await(t, "OnMessage")
			if how == "again" { // of a route that is known to be slow by now
				b.end()
				p.wantTexts("more")
				b.blocked, b.up = make(chan string, 1), make(chan struct{})
				p.send(frames)
				p.wantTexts("first", "block")
				b.await(t, "OnMessage")
			}
			b.end()
			p.wantTexts("more")
			p.finish(1000)
			p.nc.Close()
			h.wait(t)
		})
	}
}

// Handlers that sleep on many connections at once answer everything, in order. The rate is printed.
func TestEngineSleepingHandlers(t *testing.T) {
	const rounds, nap = 10, 20 * time.Millisecond
	srv := &spout.Server{Options: patient}
	addr := serveTCP(t, &http.Server{Handler: srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
		time.Sleep(nap)
		return c.Send(m)
	})})
	var peers []*peer
	for range engineConns {
		peers = append(peers, dialTCP(t, addr).upgrade("/"))
	}
	start := time.Now()
	var all sync.WaitGroup
	for _, p := range peers {
		all.Go(func() {
			for n := 0; n < 2*rounds; n += 2 {
				a, b := strconv.Itoa(n), strconv.Itoa(n+1)
				if _, err := p.nc.Write(append(masked(fin|opText, a), masked(fin|opText, b)...)); err != nil {
					t.Error(err)
					return
				}
				for _, want := range []string{a, b} {
					if f, err := readWireFrame(p.in); err != nil || string(f.payload) != want {
						t.Errorf("got %v, %v, want %s", f, err, want)
						return
					}
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d connections whose handlers sleep for %v: %.0f messages a second", engineConns, nap,
		2*rounds*engineConns/time.Since(start).Seconds())
	for _, p := range peers {
		p.finish(1000)
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// Other goroutines send, ping, close and drop connections while these echo: each has one OnClose, which is the last
// event, and what arrives is whole and in order.
func TestEngineUsedFromOutside(t *testing.T) {
	const clients, lives = 16, 20
	o := patient
	srv := &spout.Server{Options: o}
	type life struct{ *recorder }
	var mu sync.Mutex
	var all []*life
	addr := serveTCP(t, &http.Server{Handler: srv.Handler(func(*http.Request) (spout.Handler, error) {
		l := &life{recorder: &recorder{message: func(c *spout.Conn, m spout.Message) error { return c.Send(m) }}}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, l)
		return l, nil
	})})
	stop := make(chan struct{})
	var meddlers sync.WaitGroup
	for i := range 4 {
		meddlers.Go(func() {
			for n := i; ; n++ {
				k := 0
				for c := range srv.Conns() {
					switch k++; (n + k) % 7 {
					case 0, 1:
						c.Send(spout.Binary([]byte("from outside")))
					case 2, 3:
						c.Ping([]byte("x"))
					case 4:
						if n%10 == 0 {
							c.Close(4000, "")
						}
					case 5:
						if n%10 == 0 {
							c.CloseNow()
						}
					case 6:
						c.RTT()
						c.Buffered()
						c.SetNoDelay(true)
					}
				}
				select {
				case <-stop:
					return
				default:
					time.Sleep(time.Millisecond) // else the clients get no turn
				}
			}
		})
	}
	d := spout.Dialer{Options: patient}
	var echoed int
	var done sync.WaitGroup
	for range clients {
		done.Go(func() {
			for range lives {
				c, err := d.Dial(context.Background(), "ws://"+addr+"/")
				if err != nil {
					continue // it was dropped before it had the answer
				}
				next := 0
				for n := range 200 {
					if c.Send(spout.Text(fmt.Sprint(n))) != nil {
						break
					}
				}
				for next < 200 {
					m, err := c.Read(context.Background())
					if err != nil {
						break
					}
					if m.Type == spout.TextMessage {
						if m.String() != strconv.Itoa(next) {
							t.Errorf("got %s, want %d", m, next)
						}
						next++
					}
				}
				mu.Lock()
				echoed += next
				mu.Unlock()
				c.CloseNow()
			}
		})
	}
	done.Wait()
	close(stop)
	meddlers.Wait()
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, l := range all {
		l.mu.Lock()
		if len(l.ends) != 1 && len(l.log) > 0 || l.overlaps {
			t.Errorf("%d OnClose, two events at once: %v", len(l.ends), l.overlaps)
		}
		if n := len(l.log); n > 0 && len(l.log[n-1]) < 5 || n > 0 && l.log[n-1][:5] != "close" {
			t.Errorf("the last event is %q", l.log[n-1])
		}
		l.mu.Unlock()
	}
	t.Logf("%d connections, %d messages echoed", len(all), echoed)
	if echoed == 0 {
		t.Error("nothing was echoed")
	}
}

// On a connection whose peer takes nothing, Send fills the queue and Write waits for room; both then get the same
// end, which says why, as does OnClose.
func TestEngineWriteTimeout(t *testing.T) {
	for _, how := range []string{"Send", "Write", "Write within an event"} {
		t.Run(how, func(t *testing.T) {
			opened, result := make(chan *spout.Conn, 1), make(chan error, 1)
			fill := func(c *spout.Conn) {
				for {
					var err error
					if how == "Send" {
						err = c.Send(text(1<<16, "x"))
						if err == spout.ErrFull {
							<-c.Context().Done()
							err = c.Send(spout.Text("x"))
						}
					} else {
						err = c.Write(context.Background(), text(1<<16, "x"))
					}
					if err != nil {
						result <- err
						return
					}
				}
			}
			h := &recorder{
				open: func(c *spout.Conn) error {
					opened <- c
					return nil
				},
				message: func(c *spout.Conn, m spout.Message) error {
					fill(c)
					return nil
				},
			}
			srv := &spout.Server{Options: spout.Options{PingInterval: -1, WriteTimeout: 100 * time.Millisecond, Logger: silent}}
			addr := serveTCP(t, &http.Server{Handler: srv.Handler(func(*http.Request) (spout.Handler, error) { return h, nil })})
			p := dialTCP(t, addr).upgrade("/")
			c := <-opened
			if how == "Write within an event" {
				p.send(masked(fin|opText, "go"))
			} else {
				go fill(c)
			}
			err := <-result
			end := h.wait(t)
			for _, err := range []error{err, end} {
				e := wantCloseError(t, err, spout.CloseAbnormal)
				if e.Err == nil || !errors.Is(err, e.Err) || e.Err.Error() != "peer took no byte (Options.WriteTimeout)" {
					t.Errorf("ended with %v", err)
				}
			}
			if err := srv.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// A message much larger than the system's buffers arrives to the byte, though its peer begins late and pauses; what
// is sent meanwhile follows it.
func TestEngineLargeMessage(t *testing.T) {
	const size = 24 << 20
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i ^ i>>8 ^ i>>16)
	}
	srv := &spout.Server{Options: spout.Options{SendLimit: -1}}
	queued := make(chan struct{}, 1)
	addr := serveTCP(t, &http.Server{Handler: srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
		if m.String() != "go" {
			return c.Send(m)
		}
		err := c.Send(spout.Binary(data))
		queued <- struct{}{}
		return err
	})})
	p := dialTCP(t, addr).upgrade("/")
	for range 2 {
		p.send(masked(fin|opText, "go"))
		<-queued
		p.send(masked(fin|opText, "behind"))
		if f := p.read(); f.b0 != fin|opBinary || string(f.payload) != string(data) {
			t.Fatalf("got %.40v of %d bytes, want the message of %d", f, len(f.payload), size)
		}
		p.want(fin|opText, "behind")
	}
	p.finish(1000)
}
