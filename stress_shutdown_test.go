package spout_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// deployed is the handler of a server that is shut down under load: it counts what it accepts.
type deployed struct {
	spout.Base
	t        *testing.T
	accepted atomic.Int64 // messages for which OnMessage ran
	closes   int
}

func (h *deployed) OnMessage(c *spout.Conn, m spout.Message) error {
	n := h.accepted.Add(1) - 1
	if m.String() != strconv.FormatInt(n, 10) {
		h.t.Errorf("message %d is %q", n, m)
	}
	// Some work, so that the close often comes between the message and its answer.
	time.Sleep(rand.N(2 * time.Millisecond))
	if err := c.Send(m); err != nil {
		h.t.Errorf("the answer to message %d: %v", n, err)
	}
	return nil
}

func (h *deployed) OnClose(_ *spout.Conn, err error) {
	h.closes++
	if end := err.(*spout.CloseError); end.Code != spout.CloseServiceRestart || end.Remote || end.Err != nil {
		h.t.Errorf("ended with %v", end)
	}
}

// A server that is shut down under about 5,000 messages a second, of 1,000 clients, leaves none of them
// unanswered that its handlers were given: each client has counted as many answers as its handler has
// accepted messages, in order, when it reads the 1012.
func TestStressShutdownUnderLoad(t *testing.T) {
	const clients, rate, before = 1000, 5000, 2 * time.Second
	srv := &spout.Server{Options: patient}
	handlers := make([]*deployed, clients)
	for i := range handlers {
		handlers[i] = &deployed{t: t}
	}
	addr := serveTCP(t, &http.Server{Handler: srv.Handler(func(r *http.Request) (spout.Handler, error) {
		i, err := strconv.Atoi(r.URL.Path[1:])
		return handlers[i], err
	})})
	d := spout.Dialer{Options: patient, Client: &http.Client{Timeout: time.Minute}}
	var all sync.WaitGroup
	var sent, answered atomic.Int64
	for i := range clients {
		c, err := d.Dial(t.Context(), "ws://"+addr+"/"+strconv.Itoa(i))
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() { // it sends until it is told that the server restarts
			pause := time.Duration(clients) * time.Second / rate
			time.Sleep(rand.N(pause))
			ticks := time.NewTicker(pause)
			defer ticks.Stop()
			for n := 0; c.Send(spout.Text(strconv.Itoa(n))) == nil; n++ {
				sent.Add(1)
				<-ticks.C
			}
		})
		all.Go(func() {
			for n := int64(0); ; n++ {
				m, err := c.Read(context.Background())
				if err != nil {
					if end, ok := errors.AsType[*spout.CloseError](err); !ok || end.Code != spout.CloseServiceRestart || !end.Remote {
						t.Errorf("client %d: %v", i, err)
					}
					if accepted := handlers[i].accepted.Load(); n != accepted {
						t.Errorf("client %d: %d messages were accepted, %d answered", i, accepted, n)
					}
					return
				}
				if m.String() != strconv.FormatInt(n, 10) {
					t.Errorf("client %d: answer %d is %q", i, n, m)
				}
				answered.Add(1)
			}
		})
	}
	start, already := time.Now(), sent.Load()
	time.Sleep(before)
	perSecond := float64(sent.Load()-already) / time.Since(start).Seconds()
	start = time.Now()
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	took := time.Since(start)
	all.Wait()
	var accepted int64
	for i, h := range handlers {
		accepted += h.accepted.Load()
		if h.closes != 1 {
			t.Errorf("client %d: %d OnClose", i, h.closes)
		}
	}
	t.Logf("%d clients, %.0f messages a second, shut down in %v: %d sent, %d accepted, %d answered",
		clients, perSecond, took.Round(time.Millisecond), sent.Load(), accepted, answered.Load())
	if accepted != answered.Load() {
		t.Error("messages were accepted and not answered")
	}
}
