package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// TestLibraries holds that every library does in each of its modes what is measured, and that
// the client understands it.
func TestLibraries(t *testing.T) {
	const count = 12
	for _, l := range libraries {
		for _, m := range l.modes {
			web := httptest.NewServer(l.echo(m))
			defer web.Close()
			for _, size := range []int{512, 4 << 10} {
				clients, err := dialMany(web.Listener.Addr().String(), m, 2)
				defer closeAll(clients)
				if err != nil {
					t.Fatalf("%s, %s: %v", l.name, m.name, err)
				}
				x, err := newTraffic(clients[0].terms, size, count)
				if err != nil {
					t.Fatal(err)
				}
				if err := echoAll(clients, x, 0, count); err != nil {
					t.Errorf("%s, %s, %d bytes: %v", l.name, m.name, size, err)
				}
				if wire := clients[0].wire; (wire < count*size) != m.compressed() {
					t.Errorf("%s, %s: %d messages of %d bytes are %d on the wire", l.name, m.name, count, size, wire)
				}
			}
		}
	}
}

// TestWrongEcho holds that a client notices a server that answers something else.
func TestWrongEcho(t *testing.T) {
	srv := spout.Server{Options: spout.Options{Compression: &spout.Deflate{}}}
	web := httptest.NewServer(srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
		m.Data[len(m.Data)-1]++
		return c.Send(m)
	}))
	defer web.Close()
	c, err := dial(web.Listener.Addr().String(), both)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	x, err := newTraffic(c.terms, 512, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := echoEach([]*client{c}, x); err == nil {
		t.Error("a message that differs passes for an echo")
	}
}

func TestAgreed(t *testing.T) {
	const p = "permessage-deflate"
	for _, x := range []struct {
		mode   mode
		answer string
		ok     bool
		bits   int
	}{
		{off, "", true, 0},
		{off, p, false, 0},
		{both, "", false, 0},
		{both, p, true, 15},
		{both, p + "; client_max_window_bits=12", true, 12},
		{both, p + "; client_no_context_takeover", false, 0},
		{oneWay, p + "; client_no_context_takeover", true, 15},
		{without, p + "; server_no_context_takeover; client_no_context_takeover", true, 15},
		{without, p + "; server_no_context_takeover", false, 0},
		{both, p + "; client_max_window_bits=x", false, 0},
	} {
		got, err := x.mode.agreed(x.answer)
		if (err == nil) != x.ok || x.ok && got.receiveBits != x.bits {
			t.Errorf("%s, answer %q: %+v, %v", x.mode.name, x.answer, got, err)
		}
	}
}

// TestServe holds what a server process answers.
func TestServe(t *testing.T) {
	var out strings.Builder
	err := serve(http.NotFoundHandler(), strings.NewReader(askCPU+"\n"+askCPU+"\n"), &out)
	var (
		addr          string
		first, second int64
	)
	if _, e := fmt.Sscan(out.String(), &addr, &first, &second); err != nil || e != nil || second < first {
		t.Errorf("%q, %v, %v", out.String(), err, e)
	}
	if err := serve(http.NotFoundHandler(), strings.NewReader("time\n"), io.Discard); err == nil {
		t.Error("an unknown question is answered")
	}
}

func TestMedian(t *testing.T) {
	if got := median([]float64{5, 1, 3}); got != 3 {
		t.Errorf("median of 5, 1, 3 is %v", got)
	}
}
