package spout_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
)

// crowd is a server in memory with many clients, which answer its close frames.
type crowd struct {
	srv   spout.Server
	m     *memory
	conns []*spout.Conn // of the clients
}

// newCrowd connects n clients. It is for a bubble of synctest.
func newCrowd(t *testing.T, n int, h spout.Handler) *crowd {
	w := &crowd{srv: spout.Server{Options: spout.Options{Logger: silent}}}
	w.m = serveMemory(t, &http.Server{Handler: w.srv.Handler(func(*http.Request) (spout.Handler, error) { return h, nil })})
	d := spout.Dialer{Options: spout.Options{Logger: silent}, Client: &http.Client{Transport: &http.Transport{DialContext: w.m.DialContext}}}
	for range n {
		c, err := d.Dial(t.Context(), "ws://spout.test")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.CloseNow() })
		w.conns = append(w.conns, c)
	}
	return w
}

// shutdown shuts the server down and returns when each client's connection ended, since the beginning,
// sorted.
func (w *crowd) shutdown(t *testing.T, ctx context.Context) (ends []time.Duration, err error) {
	start := time.Now()
	told := make(chan time.Duration, len(w.conns))
	for _, c := range w.conns {
		go func() {
			if end := await(c); end.Code != spout.CloseServiceRestart || !end.Remote {
				t.Errorf("a client's connection ended with %v", end)
			}
			told <- time.Since(start)
		}()
	}
	err = w.srv.Shutdown(ctx)
	for range w.conns {
		ends = append(ends, <-told)
	}
	slices.Sort(ends)
	return ends, err
}

// bursts counts how many ended at each time.
func bursts(ends []time.Duration) (sizes []int) {
	for i, at := range ends {
		if i == 0 || at != ends[i-1] {
			sizes = append(sizes, 0)
		}
		sizes[len(sizes)-1]++
	}
	return sizes
}

// A Shutdown of few connections takes no time.
func TestShutdownOfFewIsAtOnce(t *testing.T) {
	for _, n := range []int{0, 1, 100} {
		synctest.Test(t, func(t *testing.T) {
			ends, err := newCrowd(t, n, echo{ended: make(chan error, n)}).shutdown(t, t.Context())
			if err != nil {
				t.Error(err)
			}
			if n > 0 && ends[n-1] != 0 {
				t.Errorf("the last of %d ended after %v", n, ends[n-1])
			}
		})
	}
}

// Many are closed in batches, the first at once, the others at random times within their tenths of a
// second: 100 at a time where the context leaves the time for it, else as many as are needed to be done
// after half of what it leaves, the other half being for the closing handshakes; after 30 s if there is no
// deadline.
func TestShutdownOfManyIsSpread(t *testing.T) {
	const n = 1050
	for _, c := range []struct {
		name   string
		left   time.Duration // until the context's deadline, 0 for none
		sizes  int           // of each batch but the last
		within time.Duration // in which all are closed
	}{
		{"no deadline", 0, 100, time.Second},
		{"a far deadline", time.Hour, 100, time.Second},
		{"a near deadline", time.Second, 175, 500 * time.Millisecond},
		{"a very near deadline", 100 * time.Millisecond, n, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newCrowd(t, n, echo{ended: make(chan error, n)})
				ctx := t.Context()
				if c.left > 0 {
					bounded, cancel := context.WithTimeout(ctx, c.left)
					defer cancel()
					ctx = bounded
				}
				ends, err := w.shutdown(t, ctx)
				if err != nil {
					t.Error(err)
				}
				sizes := bursts(ends)
				for i, size := range sizes {
					if i < len(sizes)-1 && size != c.sizes || size > c.sizes {
						t.Errorf("batches of %d, want %d each", sizes, c.sizes)
						break
					}
				}
				const slot = time.Second / 10
				irregular := false
				for i, at := range ends {
					// Batch 0 at once, batch k within the k-th tenth of a second.
					batch := time.Duration(i / c.sizes)
					if at > batch*slot || at < (batch-1)*slot {
						t.Fatalf("connection %d ended after %v, batch %d", i, at, batch)
					}
					irregular = irregular || at%slot != 0
				}
				if last := ends[n-1]; last > c.within {
					t.Errorf("the last was closed after %v, want at most %v", last, c.within)
				}
				if !irregular && len(sizes) > 1 {
					t.Errorf("all batches came at full tenths of a second: %v", ends)
				}
			})
		})
	}
}

// While Shutdown goes on, new requests are answered with 503, and a connection whose turn has not come
// works as before.
func TestShutdownLeavesTheOthersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 450
		w := newCrowd(t, n, echo{ended: make(chan error, n)})
		result := make(chan error, 1)
		go func() { result <- w.srv.Shutdown(t.Context()) }()
		for closed := 0; ; time.Sleep(10 * time.Millisecond) {
			synctest.Wait()
			before := closed
			closed = 0
			for i, c := range w.conns {
				if c.Context().Err() != nil {
					closed++
					continue
				}
				text := fmt.Sprintf("%d still there", i)
				if err := c.Send(spout.Text(text)); err != nil {
					t.Fatalf("client %d: %v", i, err)
				}
				wantMessage(t, c, spout.TextMessage, text)
			}
			if closed != before && closed%100 != 0 && closed != n {
				t.Errorf("%d are closed", closed)
			}
			if closed == n {
				break
			}
			late := w.m.dial(t)
			late.send([]byte(request("/")))
			if resp := late.response(); resp.StatusCode != 503 {
				t.Errorf("a new request is answered with %s", resp.Status)
			}
			late.nc.Close()
		}
		if err := <-result; err != nil {
			t.Error(err)
		}
	})
}

// An event that is under way when Shutdown comes may finish: what it sends is accepted, and goes before the
// close frame. No event begins for what has arrived behind its message.
func TestShutdownLetsAnEventFinish(t *testing.T) {
	one, two := masked(fin|opText, "one"), masked(fin|opText, "two")
	for name, connect := range map[string]func(t *testing.T, srv *spout.Server, h spout.Handler) *peer{
		"Server.Handler": func(t *testing.T, srv *spout.Server, h spout.Handler) *peer {
			m := serveMemory(t, &http.Server{Handler: srv.Handler(func(*http.Request) (spout.Handler, error) { return h, nil })})
			p := m.dial(t).upgrade("/")
			p.send(one, two)
			return p
		},
		"Conn.Serve": func(t *testing.T, srv *spout.Server, h spout.Handler) *peer {
			m, conns := acceptor(t, srv)
			p := m.dial(t).upgrade("/")
			serve(t, <-conns, h)
			synctest.Wait()
			p.send(one, two)
			return p
		},
		"Conn.Serve, message came before": func(t *testing.T, srv *spout.Server, h spout.Handler) *peer {
			m, conns := acceptor(t, srv)
			p := m.dial(t).upgrade("/")
			p.send(one, two)
			synctest.Wait()
			serve(t, <-conns, h)
			return p
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := spout.Server{Options: spout.Options{Logger: silent}}
				release := make(chan struct{})
				h := &recorder{message: func(c *spout.Conn, m spout.Message) error {
					<-release
					if err := c.Write(t.Context(), spout.Text("answer to "+m.String())); err != nil {
						return err
					}
					return c.Send(spout.Text("and more"))
				}}
				p := connect(t, &srv, h)
				synctest.Wait()
				result := make(chan error, 1)
				go func() { result <- srv.Shutdown(t.Context()) }()
				time.Sleep(20 * time.Second) // longer than CloseTimeout: only the context is a bound
				close(release)
				p.want(fin|opText, "answer to one")
				p.want(fin|opText, "and more")
				answer(p, 1012)
				if err := <-result; err != nil {
					t.Error(err)
				}
				h.want(t, "open", "text one", "close 1012")
				if end := h.wait(t); end.Remote || end.Err != nil {
					t.Errorf("ended with %v", end)
				}
			})
		})
	}
}

// The deadline is kept though an event does not end, and its connection is dropped.
func TestShutdownDeadlineWithinAnEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := spout.Server{Options: spout.Options{Logger: silent}}
		release := make(chan struct{})
		h := &recorder{message: func(c *spout.Conn, m spout.Message) error { <-release; return c.Send(m) }}
		p := serveMemory(t, &http.Server{Handler: srv.Handler(func(*http.Request) (spout.Handler, error) { return h, nil })}).dial(t).upgrade("/")
		p.send(masked(fin|opText, "one"))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		watch := startWatch(t)
		if err := srv.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		watch.want(3 * time.Second)
		close(release)
		if end := h.wait(t); end.Code != spout.CloseServiceRestart || end.Remote {
			t.Errorf("ended with %v", end)
		}
		h.want(t, "open", "text one", "close 1012")
	})
}

// A second Shutdown with less time hastens the first.
func TestShutdownIsHastened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 1000
		w := newCrowd(t, n, echo{ended: make(chan error, n)})
		first := make(chan error, 1)
		go func() { first <- w.srv.Shutdown(t.Context()) }()
		time.Sleep(time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/10)
		defer cancel()
		watch := startWatch(t)
		if err := w.srv.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-first; err != nil {
			t.Error(err)
		}
		watch.want(0)
	})
}

// OnOpen is an event, too: what it sends is accepted.
func TestShutdownLetsOnOpenFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &recorder{open: func(c *spout.Conn) error {
			time.Sleep(time.Second)
			return c.Send(spout.Text("welcome"))
		}}
		srv := &spout.Server{Options: spout.Options{Logger: silent}}
		hs := srv.Handler(func(*http.Request) (spout.Handler, error) { return h, nil })
		p := serveMemory(t, &http.Server{Handler: hs}).dial(t).upgrade("/")
		synctest.Wait()
		done := make(chan error, 1)
		go func() { done <- srv.Shutdown(t.Context()) }()
		p.want(fin|opText, "welcome")
		p.wantClose(1012)
		p.nc.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// Where nothing is left to close, an ended context does not matter.
func TestShutdownOfNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range 100 {
		if err := new(spout.Server).Shutdown(ctx); err != nil {
			t.Fatal(err)
		}
	}
}
