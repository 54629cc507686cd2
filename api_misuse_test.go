package spout_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/spoutws/spout"
)

// alive checks that nothing has been sent so far, and that the connection works.
func alive(t *testing.T, c *spout.Conn, p *peer) {
	t.Helper()
	if err := c.Send(spout.Text("alive")); err != nil {
		t.Fatalf("afterwards: %v", err)
	}
	p.want(fin|opText, "alive")
}

// A message that may not be sent is not: text must be UTF-8, and a message is text or binary.
func TestMisuseOfMessages(t *testing.T) {
	for name, test := range map[string]struct {
		m    spout.Message
		what string
	}{
		"text":               {spout.Text("a\xffb"), "UTF-8"},
		"text, cut off":      {spout.Text("a€"[:3]), "UTF-8"},
		"surrogate":          {spout.Message{Type: spout.TextMessage, Data: []byte("\xed\xa0\x80")}, "UTF-8"},
		"no type":            {spout.Message{Data: []byte("x")}, "neither"},
		"type of a ping":     {spout.Message{Type: 9}, "neither"},
		"prepared, no UTF-8": {spout.Text("\xff").Prepare(), "UTF-8"},
		"prepared, no type":  {spout.Message{}.Prepare(), "neither"},
	} {
		t.Run(name, func(t *testing.T) {
			bothSides(t, func(t *testing.T, client bool, frame framer) {
				c, p := pair(t, client, spout.Options{})
				wantUsage(t, c.Send(test.m), test.what)
				wantUsage(t, c.Write(t.Context(), test.m), test.what)
				alive(t, c, p)
			})
		})
	}
}

// An event that returns such an error closes its connection with 1011, and the log has the reason.
func TestMisuseWithinAnEvent(t *testing.T) {
	eachStyle(t, func(t *testing.T, connect connector) {
		var log logged
		h := &recorder{message: func(c *spout.Conn, m spout.Message) error { return c.Send(spout.Text(string(m.Data))) }}
		p := connect(t, h, spout.Options{Logger: log.logger()})
		p.send(masked(fin|opBinary, "\xff"))
		answer(p, 1011)
		if end := h.wait(t); !strings.Contains(end.Error(), "UTF-8") {
			t.Errorf("ended with %v", end)
		}
		if !strings.Contains(log.String(), "not UTF-8; use Binary") {
			t.Errorf("logged %s", log.String())
		}
	})
}

func TestMisuseOfPing(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame framer) {
		c, p := pair(t, client, spout.Options{})
		wantUsage(t, c.Ping(make([]byte, 126)), "125")
		if err := c.Ping([]byte(strings.Repeat("x", 125))); err != nil {
			t.Error(err)
		}
		p.want(fin|opPing, strings.Repeat("x", 125))
		alive(t, c, p)
	})
}

// Codes and reasons that may not stand in a close frame are not sent.
func TestMisuseOfClose(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame framer) {
		c, p := pair(t, client, spout.Options{})
		for _, code := range []spout.Code{1, 999, 1004, 1005, 1006, 1015, 1016, 1999, 2000, 2999, 5000, 65535} {
			wantUsage(t, c.Close(code, ""), "4000 to 4999")
		}
		wantUsage(t, c.Close(1000, strings.Repeat("x", 124)), "123")
		wantUsage(t, c.Close(1000, strings.Repeat("€", 41)+"xx"), "123")
		wantUsage(t, c.Close(1000, "\xff"), "UTF-8")
		wantUsage(t, c.Close(0, "reason"), "code 0")
		alive(t, c, p)
	})
	for _, code := range []spout.Code{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999} {
		synctest.Test(t, func(t *testing.T) {
			c, p := pair(t, false, spout.Options{})
			if err := c.Close(code, strings.Repeat("€", 41)); err != nil {
				t.Errorf("code %v: %v", code, err)
			}
			if f := p.wantClose(uint16(code)); string(f.payload[2:]) != strings.Repeat("€", 41) {
				t.Errorf("got %v", f)
			}
		})
	}
}

// One goroutine reads at a time; whoever else tries is told, and does not disturb the first.
func TestMisuseByASecondReader(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame framer) {
		c, p := pair(t, client, spout.Options{})
		first := make(chan spout.Message, 1)
		go func() {
			m, err := c.Read(t.Context())
			if err != nil {
				t.Error(err)
			}
			first <- m
		}()
		synctest.Wait()
		second := func() {
			_, err := c.Read(t.Context())
			wantUsage(t, err, "another goroutine")
			_, _, err = c.Reader(t.Context())
			wantUsage(t, err, "another goroutine")
			for _, err := range c.Messages(t.Context()) {
				wantUsage(t, err, "another goroutine")
			}
			wantUsage(t, c.Serve(&recorder{}), "read already")
		}
		second()
		p.send(frame(fin|opText, "one"))
		if m := <-first; m.String() != "one" {
			t.Errorf("the first reader got %q", m)
		}

		p.send(frame(opText, "two "))
		r := wantReader(t, c, spout.TextMessage)
		wantBytes(t, r, "two ")
		rest := make(chan string, 1)
		go func() {
			b, err := io.ReadAll(r)
			if err != nil {
				t.Error(err)
			}
			rest <- string(b)
		}()
		synctest.Wait()
		second()
		_, err := r.Read(make([]byte, 1))
		wantUsage(t, err, "another goroutine")
		p.send(frame(fin|opContinuation, "and more"))
		if got := <-rest; got != "and more" {
			t.Errorf("the first reader got %q", got)
		}
		alive(t, c, p)
	})
}

// A connection that is served is not read, and it is served once, also when it is over.
func TestMisuseOfAServedConnection(t *testing.T) {
	bothSides(t, func(t *testing.T, client bool, frame framer) {
		c, p := pair(t, client, spout.Options{})
		h := &recorder{}
		serve(t, c, h)
		synctest.Wait()
		_, err := c.Read(t.Context())
		wantUsage(t, err, "served")
		_, _, err = c.Reader(t.Context())
		wantUsage(t, err, "served")
		wantUsage(t, c.Serve(&recorder{}), "served")
		p.send(frame(fin|opText, "x"))
		alive(t, c, p)
		p.send(frame(fin|opClose, ""))
		p.want(fin|opClose, "")
		p.nc.Close()
		h.wait(t)
		wantUsage(t, c.Serve(&recorder{}), "served")
		h.want(t, "open", "text x", "close 1005")
	})
}

// What has no JSON is not sent.
func TestMisuseOfJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := pair(t, false, spout.Options{})
		for _, err := range []error{c.SendJSON(func() {}), c.WriteJSON(t.Context(), make(chan int))} {
			if err == nil || !strings.Contains(err.Error(), "json: unsupported type") {
				t.Errorf("got %v", err)
			}
		}
		if _, err := spout.JSON(func() {}); err == nil {
			t.Error("a function has JSON")
		}
		alive(t, c, p)
	})
}

// Options that can't be used are told to whoever uses them first.
func TestMisuseOfOptions(t *testing.T) {
	for _, subprotocols := range [][]string{{"a b"}, {""}, {"a", "b", "a"}, {"a\r\nX: y"}, {"ä"}} {
		synctest.Test(t, func(t *testing.T) {
			var log logged
			o := spout.Options{Subprotocols: subprotocols, Logger: log.logger()}
			srv := spout.Server{Options: o}
			p := serveMemory(t, &http.Server{Handler: srv.Handler(opened)}).dial(t)
			p.send([]byte(request("/")))
			if resp := p.response(); resp.StatusCode != 500 || !strings.Contains(log.String(), "Options.Subprotocols") {
				t.Errorf("answered with %s, logged %s", resp.Status, log.String())
			}
			d := spout.Dialer{Options: o, Client: &http.Client{Transport: refusing{}}}
			_, err := d.Dial(t.Context(), "ws://spout.test/")
			wantUsage(t, err, "Options.Subprotocols")
		})
	}
}

// refusing is a RoundTripper that nothing must come to.
type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("a request was made")
}
