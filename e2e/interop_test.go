package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// subprotocol is the one that every end agrees to.
const subprotocol = "chat.v1"

// offered is what clients offer.
var offered = []string{"chat.v9", subprotocol}

// TestServer connects other libraries' clients to our server, in each of their
// styles and each of ours.
func TestServer(t *testing.T) {
	t.Parallel()
	for _, client := range []struct {
		library
		mode string
		tls  bool
	}{
		{tornado, "coroutine", false},
		{tornado, "callback", false},
		{tornado, "coroutine", true},
		{websockets, "recv", false},
		{websockets, "iterate", false},
		{websockets, "recv", true},
		{ws, "client", false},
		{ws, "client", true},
	} {
		t.Run(fmt.Sprintf("%s %s %s", client.peer, client.mode, scheme(client.tls)), func(t *testing.T) {
			t.Parallel()
			them := startEnd(t, client.library, client.mode)
			each(t, them, func(t *testing.T, s style) dialer {
				url, ca, accepted := serve(t, s, client.tls)

				them.do(t, command{Do: "dial", URL: url + "/refuse", CA: ca})
				them.want(t, event{Event: "refused", Status: http.StatusForbidden})

				return func(t *testing.T, subprotocols ...string) *ours {
					them.do(t, command{Do: "dial", URL: url, CA: ca, Subprotocols: subprotocols})
					select {
					case us := <-accepted:
						return us
					case <-time.After(patience):
						t.Fatalf("no connection for %v", patience)
						return nil
					}
				}
			})
		})
	}
}

// TestClient connects our client to other libraries' servers, in each of our
// styles.
func TestClient(t *testing.T) {
	t.Parallel()
	for _, server := range []struct {
		library
		tls bool
	}{
		{tornado, false}, {tornado, true},
		{websockets, false}, {websockets, true},
		{ws, false}, {ws, true},
	} {
		t.Run(fmt.Sprintf("%s %s", server.peer, scheme(server.tls)), func(t *testing.T) {
			t.Parallel()
			mode := []string{"listen"}
			client := &http.Client{}
			if server.tls {
				c := newCertificate(t)
				mode = append(mode, c.certFile, c.keyFile)
				transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: c.pool}}
				t.Cleanup(transport.CloseIdleConnections)
				client.Transport = transport
			}
			them := startEnd(t, server.library, mode...)
			url := fmt.Sprintf("%s://127.0.0.1:%d", scheme(server.tls), them.next(t).Port)
			each(t, them, func(t *testing.T, s style) dialer {
				var refused *spout.HandshakeError
				d := spout.Dialer{Client: client}
				_, err := d.Dial(t.Context(), url+"/refuse")
				if !errors.As(err, &refused) || refused.Status != http.StatusForbidden ||
					refused.Header.Get("X-Reason") != "asked for" || string(refused.Body) != "no entry" {
					t.Fatalf("Dial = %#v, want a *HandshakeError with status, headers and body", err)
				}
				return func(t *testing.T, subprotocols ...string) *ours {
					d := spout.Dialer{Client: client, Options: spout.Options{Subprotocols: subprotocols}}
					c, err := d.Dial(t.Context(), url)
					if err != nil {
						t.Fatal(err)
					}
					return s.attach(c)
				}
			})
		})
	}
}

func scheme(tls bool) string {
	if tls {
		return "wss"
	}
	return "ws"
}

// dialer makes a new connection between the ends and returns ours.
type dialer func(t *testing.T, subprotocols ...string) *ours

// each runs every scenario in each of our styles, and connections without a
// subprotocol; prepare makes ready for a style. In the end the other process is
// killed.
func each(t *testing.T, them *theirs, prepare func(*testing.T, style) dialer) {
	for i, s := range styles {
		t.Run(s.name, func(t *testing.T) {
			dial := prepare(t, s)
			for _, scenario := range scenarios {
				ok := t.Run(scenario.name, func(t *testing.T) {
					us := dial(t, offered...)
					us.want(t, opened(subprotocol))
					them.want(t, opened(subprotocol))
					scenario.run(t, us, them)
				})
				if !ok {
					t.Fatal("the other end may be in any state")
				}
			}
			us := dial(t)
			us.want(t, opened(""))
			them.want(t, opened(""))
			if i < len(styles)-1 {
				finish(t, us, them)
				return
			}
			them.kill()
			if lost := us.next(t); lost.Event != "close" || lost.Code != 1006 {
				t.Fatalf("the other process died: our end saw\n%v, want a close with 1006", lost)
			}
		})
		if t.Failed() {
			return
		}
	}
}

// serve starts our server in the style. Every connection is announced. A
// client of wss needs the certificate in the file ca.
func serve(t *testing.T, s style, encrypted bool) (url, ca string, accepted <-chan *ours) {
	t.Helper()
	srv := &spout.Server{Options: spout.Options{Subprotocols: []string{"chat.v2", subprotocol}}}
	arrivals := make(chan *ours, 1)
	mux := http.NewServeMux()
	mux.Handle("/refuse", srv.Handler(func(*http.Request) (spout.Handler, error) {
		return nil, &spout.HandshakeError{Status: http.StatusForbidden}
	}))
	if s.read == nil {
		mux.Handle("/", srv.Handler(func(*http.Request) (spout.Handler, error) {
			return &recorder{events: make(chan event, 1024), accepted: arrivals}, nil
		}))
	} else {
		mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
			c, err := srv.Accept(w, r)
			if err != nil {
				t.Errorf("Accept: %v", err)
				return
			}
			events := make(chan event, 1024)
			arrivals <- &ours{c, events, false}
			s.loop(c, events)
		})
	}
	ts := httptest.NewUnstartedServer(mux)
	if encrypted {
		c := newCertificate(t)
		ca = c.certFile
		ts.Listener = srv.Listener(ts.Listener, &tls.Config{Certificates: []tls.Certificate{c.pair}})
	}
	ts.Start()
	t.Cleanup(ts.Close)
	return scheme(encrypted) + "://" + ts.Listener.Addr().String(), ca, arrivals
}

// scenarios are what two ends do with an open connection; each ends with the
// connection closed and both ends having said so.
var scenarios = []struct {
	name string
	run  func(t *testing.T, us *ours, them *theirs)
}{
	{"messages", messages},
	{"from many pieces", pieces},
	{"a burst both ways", burst},
	{"pings", pings},
	{"we close", weClose},
	{"we close without a code", weCloseEmpty},
	{"we drop the connection", weDrop},
	{"they close", theyClose},
	{"they close normally", theyCloseNormally},
	{"they close without a code", theyCloseEmpty},
}

// samples are messages of every size of header, up to the limit of 1 MiB.
func samples() []payload {
	all := []payload{text("", 0), binary(nil, 0), text("Grüße, 世界 🎈", 1), text("é", 1<<19), binary([]byte("\x00\xff\x80\n"), 1<<18)}
	for _, size := range []int{1, 125, 126, 127, 65535, 65536} {
		all = append(all, text("x", size), binary([]byte{0xc3}, size))
	}
	return all
}

func messages(t *testing.T, us *ours, them *theirs) {
	for _, p := range samples() {
		us.send(t, p)
		them.got(t, p)
		them.send(t, p)
		us.got(t, p)
	}
	if err := us.c.Send(spout.Text("sent")); err != nil {
		t.Fatalf("Send: %v", err)
	}
	them.got(t, text("sent", 1))
	if err := us.c.WriteJSON(t.Context(), map[string]int{"answer": 42}); err != nil {
		t.Fatalf("WriteJSON: %v", err)
	}
	them.got(t, text(`{"answer":42}`, 1))
	finish(t, us, them)
}

// pieces sends messages that are made of several frames.
func pieces(t *testing.T, us *ours, them *theirs) {
	for _, p := range samples() {
		m := p.message()
		if err := us.c.WriteFrom(t.Context(), m.Type, bytes.NewReader(m.Data)); err != nil {
			t.Fatalf("WriteFrom: %v", err)
		}
		them.got(t, p)
	}
	if them.fragments {
		letters := [][]byte{[]byte("frag"), {}, []byte("mented "), []byte("🎈")}
		them.do(t, command{Do: "send", Type: "text", Parts: letters})
		us.got(t, text("fragmented 🎈", 1))
		inside := [][]byte{{0xf0}, {0x9f, 0x8e}, {0x88}} // a character
		them.do(t, command{Do: "send", Type: "binary", Parts: inside})
		us.got(t, binary([]byte("🎈"), 1))
	}
	finish(t, us, them)
}

// burst sends many messages in each direction at once. They arrive whole and
// in order.
func burst(t *testing.T, us *ours, them *theirs) {
	const n = 100
	numbered := func(i int) payload { return text(fmt.Sprintf("%03d", i), 5000) }
	written := make(chan error, 1)
	go func() {
		for i := range n {
			if err := us.c.Write(context.Background(), numbered(i).message()); err != nil {
				written <- err
				return
			}
		}
		written <- nil
	}()
	for i := range n {
		them.send(t, numbered(i))
	}
	for i := range n {
		them.got(t, numbered(i))
		us.got(t, numbered(i))
	}
	if err := <-written; err != nil {
		t.Fatalf("Write: %v", err)
	}
	finish(t, us, them)
}

func pings(t *testing.T, us *ours, them *theirs) {
	for _, data := range [][]byte{nil, []byte("are you there?"), bytes.Repeat([]byte{0xff}, 125)} {
		if err := us.c.Ping(data); err != nil {
			t.Fatalf("Ping: %v", err)
		}
		if them.seesPings {
			them.want(t, control("ping", data))
		}
		if us.controls {
			us.want(t, control("pong", data))
		}
		them.do(t, command{Do: "ping", Data: data, Times: 1})
		them.want(t, control("pong", data))
		if us.controls {
			us.want(t, control("ping", data))
		}
	}
	// Nothing came in between.
	us.send(t, text("done", 1))
	them.got(t, text("done", 1))
	them.send(t, text("done", 1))
	us.got(t, text("done", 1))
	if rtt := us.c.RTT(); rtt <= 0 {
		t.Errorf("RTT = %v after pongs", rtt)
	}
	finish(t, us, them)
}

// finish closes normally from our end.
func finish(t *testing.T, us *ours, them *theirs) {
	t.Helper()
	if err := us.c.Close(spout.CloseNormal, "done"); err != nil {
		t.Fatalf("Close: %v", err)
	}
	us.want(t, closed(1000, "done"))
	them.want(t, closed(1000, "done"))
}

func weClose(t *testing.T, us *ours, them *theirs) {
	const reason = "that's all — adieu ✓"
	if err := us.c.Close(4001, reason); err != nil {
		t.Fatalf("Close: %v", err)
	}
	us.want(t, closed(4001, reason))
	them.want(t, closed(4001, reason))
	var gone *spout.CloseError
	if err := us.c.Write(t.Context(), spout.Text("late")); !errors.As(err, &gone) || gone.Code != 4001 {
		t.Fatalf("Write after the close = %v, want a *CloseError with 4001", err)
	}
}

func weCloseEmpty(t *testing.T, us *ours, them *theirs) {
	if err := us.c.Close(0, ""); err != nil {
		t.Fatalf("Close: %v", err)
	}
	us.want(t, closed(1005, ""))
	them.want(t, closed(1005, ""))
}

func weDrop(t *testing.T, us *ours, them *theirs) {
	us.c.CloseNow()
	if got := us.next(t); got.Event != "close" {
		t.Fatalf("our end saw\n%v, want a close", got)
	}
	lost := closed(1005, "")
	if them.says1006 {
		lost = closed(1006, "")
	}
	them.want(t, lost)
}

func theyClose(t *testing.T, us *ours, them *theirs) {
	const reason = "bis bald — 再见"
	them.do(t, command{Do: "close", Code: 4002, Reason: reason})
	wanted := closed(4002, reason)
	wanted.Remote = true
	us.want(t, wanted)
	if got := them.next(t); got.Event != "close" || got.Code != 4002 {
		t.Fatalf("the other end saw\n%v, want its code 4002 echoed", got)
	}
}

func theyCloseEmpty(t *testing.T, us *ours, them *theirs) {
	if !them.closeless {
		finish(t, us, them)
		return
	}
	them.do(t, command{Do: "close"})
	wanted := closed(1005, "")
	wanted.Remote = true
	us.want(t, wanted)
	them.want(t, closed(1005, ""))
}

func theyCloseNormally(t *testing.T, us *ours, them *theirs) {
	them.do(t, command{Do: "close", Code: 1000})
	wanted := closed(1000, "")
	wanted.Remote = true
	us.want(t, wanted)
	them.want(t, closed(1000, ""))
}
