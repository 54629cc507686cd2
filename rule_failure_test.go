package spout_test

import (
	"errors"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/spoutws/spout"
)

// failures are the ways in which an event goes wrong.
var failures = []struct {
	name string
	fail func(*spout.Conn) error
	code uint16 // that the peer gets
	log  string // what is logged
}{
	{"error", func(*spout.Conn) error { return errTest }, 1011, "error of the test"},
	{"CloseError", func(*spout.Conn) error { return &spout.CloseError{Code: 4010, Reason: "no"} }, 4010, ""},
	{"ErrFull", func(*spout.Conn) error { return spout.ErrFull }, 1013, "queue full"},
	{"panic", func(*spout.Conn) error { panic("help") }, 1011, "panic=help"},
	{"panic with nil", func(*spout.Conn) error { panic(nil) }, 1011, "panic called with nil argument"},
	{"index out of range", func(c *spout.Conn) error { _ = make([]int, 1)[c.Buffered()+1]; return nil }, 1011, "index out of range"},
	{"Goexit", func(*spout.Conn) error { runtime.Goexit(); return nil }, 1011, "handler ended its goroutine"},
}

// failingEvents are the events that may fail, and what causes them.
var failingEvents = []struct {
	name   string
	set    func(h *recorder, fail func(*spout.Conn) error)
	cause  []byte
	events []string
}{
	{"OnOpen", func(h *recorder, fail func(*spout.Conn) error) { h.open = fail }, nil, []string{"open"}},
	{"OnMessage", func(h *recorder, fail func(*spout.Conn) error) {
		h.message = func(c *spout.Conn, _ spout.Message) error { return fail(c) }
	}, masked(fin|opText, "x"), []string{"open", "text x"}},
	{"OnPing", func(h *recorder, fail func(*spout.Conn) error) {
		h.ping = func(c *spout.Conn, _ []byte) { fail(c) }
	}, masked(fin|opPing, ""), []string{"open", "ping "}},
	{"OnPong", func(h *recorder, fail func(*spout.Conn) error) {
		h.pong = func(c *spout.Conn, _ []byte) { fail(c) }
	}, masked(fin|opPong, ""), []string{"open", "pong "}},
}

// An event that fails closes its connection with the right code, and is logged. OnClose follows
// once, no other event comes between, and other connections of the server are not harmed.
func TestFailingEvent(t *testing.T) {
	for _, event := range failingEvents {
		for _, failure := range failures {
			returns := event.name == "OnOpen" || event.name == "OnMessage"
			if !returns && !strings.Contains("panic index Goexit", strings.Fields(failure.name)[0]) {
				continue // these events can't return anything
			}
			t.Run(event.name+" "+failure.name, func(t *testing.T) {
				eachStyle(t, func(t *testing.T, connect connector) {
					other := connect(t, spout.HandlerFunc(func(c *spout.Conn, m spout.Message) error { return c.Send(m) }), spout.Options{})
					var log logged
					h := &recorder{}
					event.set(h, failure.fail)
					p := connect(t, h, spout.Options{Logger: log.logger()})
					go p.nc.Write(append(event.cause, masked(fin|opText, "never seen")...))
					f := p.read()
					if f.op() == opPong {
						f = p.read()
					}
					if f.closeCode() != failure.code {
						t.Fatalf("got %v, want a close frame with %d", f, failure.code)
					}
					go p.nc.Write(masked(fin|opClose, closing(failure.code, "")))
					p.wantEnd()
					if end := h.wait(t); uint16(end.Code) != failure.code || end.Remote {
						t.Errorf("ended with %#v", end)
					}
					synctest.Wait()
					h.want(t, append(event.events, "close "+fmtCode(failure.code))...)
					checkLog(t, log.String(), failure.name, failure.log)
					other.hello()
				})
			})
		}
	}
}

func fmtCode(code uint16) string { return strings.Fields(spout.Code(code).String())[0] }

func checkLog(t *testing.T, log, failure, want string) {
	t.Helper()
	errors := strings.Count(log, "level=ERROR")
	switch {
	case want == "" && errors > 0:
		t.Errorf("logged: %s", log)
	case want != "" && (errors != 1 || !strings.Contains(log, want) || !strings.Contains(log, "remote=")):
		t.Errorf("logged: %s\nwant one error with %q and the peer's address", log, want)
	}
	if stack := strings.Contains(log, "rule_failure_test.go"); stack != (strings.Contains(failure, "panic") || strings.Contains(failure, "range")) {
		t.Errorf("stack in the log: %v\n%s", stack, log)
	}
}

// OnOpen may close the connection; OnClose follows once, and nothing between.
func TestCloseWithinOpen(t *testing.T) {
	eachStyle(t, func(t *testing.T, connect connector) {
		h := &recorder{open: func(c *spout.Conn) error { return c.Close(4000, "not today") }}
		p := connect(t, h, spout.Options{})
		go p.nc.Write(masked(fin|opText, "never seen"))
		p.wantClose(4000)
		p.send(masked(fin|opClose, closing(4000, "")))
		p.wantEnd()
		h.wait(t)
		synctest.Wait()
		h.want(t, "open", "close 4000")
	})
	eachStyle(t, func(t *testing.T, connect connector) {
		h := &recorder{open: func(c *spout.Conn) error { return c.CloseNow() }}
		p := connect(t, h, spout.Options{})
		p.wantEnd()
		h.wait(t)
		synctest.Wait()
		h.want(t, "open", "close 1006")
	})
}

// A peer that is gone before OnOpen has returned still gives one OnClose, after it.
func TestPeerGoneDuringOpen(t *testing.T) {
	eachStyle(t, func(t *testing.T, connect connector) {
		opened := make(chan struct{})
		h := &recorder{open: func(*spout.Conn) error { <-opened; return nil }}
		p := connect(t, h, spout.Options{})
		p.nc.Close()
		synctest.Wait()
		h.want(t, "open")
		close(opened)
		h.wait(t)
		h.want(t, "open", "close 1006")
	})
}

// OnClose itself may panic or end its goroutine: it came once, it is logged, and the server knows
// that the connection is over.
func TestOnCloseFails(t *testing.T) {
	for name, fail := range map[string]func(*spout.Conn, error){
		"panic":  func(*spout.Conn, error) { panic("help") },
		"Goexit": func(*spout.Conn, error) { runtime.Goexit() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log logged
				h := &recorder{close: fail}
				srv := spout.Server{Options: spout.Options{Logger: log.logger()}}
				hs := srv.Handler(func(*http.Request) (spout.Handler, error) { return h, nil })
				p := serveMemory(t, &http.Server{Handler: hs}).dial(t).upgrade("/")
				p.finish(1000)
				h.wait(t)
				if err := srv.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
				for range srv.Conns() {
					t.Error("the server still has the connection")
				}
				h.want(t, "open", "close 1000")
				if name == "panic" {
					checkLog(t, log.String(), name, "panic=help")
				}
			})
			synctest.Test(t, func(t *testing.T) {
				h := &recorder{close: fail}
				c, p := pair(t, false, spout.Options{})
				result := serve(t, c, h)
				p.finish(1000)
				h.wait(t)
				if err := <-result; err != nil {
					t.Errorf("Serve returned %v", err)
				}
				h.want(t, "open", "close 1000")
			})
		})
	}
}

// What Serve returns: nil for 1000 and 1005, else the CloseError that OnClose got.
func TestServeResult(t *testing.T) {
	for payload, want := range map[string]spout.Code{
		"": 0, closing(1000, "x"): 0, closing(1001, ""): 1001, closing(4000, "x"): 4000,
	} {
		synctest.Test(t, func(t *testing.T) {
			c, p := pair(t, false, spout.Options{})
			h := &recorder{}
			result := serve(t, c, h)
			p.send(masked(fin|opClose, payload))
			p.want(fin|opClose, payload[:min(2, len(payload))])
			err := <-result
			if spout.CloseCode(err) != want {
				t.Errorf("close payload %q: Serve returned %v", payload, err)
			}
			if want != 0 && !errors.Is(err, h.wait(t)) {
				t.Errorf("Serve returned %v, OnClose got %v", err, h.wait(t))
			}
		})
	}
}
