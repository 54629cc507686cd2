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
	for _, n := range []int{0, 1, 10} {
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

// Many are closed in equal batches, the first at once, each other one at a random time within its hundredth
// of a second: at most 10 at a time where the context leaves the time for it, else as many as are needed to be
// done after half of what it leaves, the other half being for the closing handshakes; after 30 s if there is no
// deadline. So no hundredth of a second has more than the mean, rounded up, however many they are, and twice that
// if it is counted from any other moment.
func TestShutdownOfManyIsSpread(t *testing.T) {
	const slot = time.Second / 100
	for _, c := range []struct {
		name    string
		n       int
		left    time.Duration // until the context's deadline, 0 for none
		batches int
	}{
		{"few", 11, 0, 2},
		{"some", 64, 0, 7},
		{"a hundred", 100, 0, 10},
		{"no deadline", 1049, 0, 105},
		{"a far deadline", 1050, time.Hour, 105},
		{"a near deadline", 1050, time.Second, 50},
		{"a very near deadline", 1050, time.Second / 10, 5},
		{"hardly any time", 1050, time.Second / 100, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newCrowd(t, c.n, echo{ended: make(chan error, c.n)})
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
				if len(sizes) != c.batches || slices.Max(sizes)-slices.Min(sizes) > 1 {
					t.Errorf("batches of %d, want %d equal ones", sizes, c.batches)
				}
				within := make(map[time.Duration]int)
				irregular := false
				for _, at := range ends {
					within[at/slot]++
					irregular = irregular || at%slot != 0
				}
				most := (c.n + c.batches - 1) / c.batches
				for k, n := range within {
					if n > most || k >= time.Duration(c.batches) {
						t.Errorf("%d ended in hundredth %d of a second, want at most %d in each of %d", n, k, most, c.batches)
					}
				}
				if n := fullest(ends, slot); n > 2*most {
					t.Errorf("%d ended within a hundredth of a second, want at most %d", n, 2*most)
				}
				if !irregular && c.batches > 1 {
					t.Errorf("all batches came at full hundredths of a second: %v", ends)
				}
			})
		})
	}
}

// fullest is the greatest number of ends within any span of that width.
func fullest(ends []time.Duration, width time.Duration) (most int) {
	first := 0
	for i, at := range ends {
		for at-ends[first] >= width {
			first++
		}
		most = max(most, i+1-first)
	}
	return most
}

// While Shutdown goes on, new requests are answered with 503, and a connection whose turn has not come
// works as before.
func TestShutdownLeavesTheOthersAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 150
		w := newCrowd(t, n, echo{ended: make(chan error, n)})
		result := make(chan error, 1)
		go func() { result <- w.srv.Shutdown(t.Context()) }()
		for closed := 0; ; time.Sleep(time.Millisecond) {
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
			if closed != before && closed%10 != 0 && closed != n {
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
		const n = 100
		w := newCrowd(t, n, echo{ended: make(chan error, n)})
		first := make(chan error, 1)
		go func() { first <- w.srv.Shutdown(t.Context()) }()
		time.Sleep(time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/100)
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
