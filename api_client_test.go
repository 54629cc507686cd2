package spout_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/spouttest"
)

// What arrived before Serve is delivered, also what came with the answer to the handshake, and in order;
// a client may read first and be served then.
func TestServeAfterMessagesHaveArrived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &spout.Dialer{Options: spout.Options{Logger: silent}}
		p, dialled := dialPeer(t, d, "ws://spout.test/")
		r, err := http.ReadRequest(p.in)
		if err != nil {
			t.Fatal(err)
		}
		var behind []byte
		for i := range 5 {
			behind = append(behind, unmasked(fin|opText, fmt.Sprint(i))...)
		}
		go p.send([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Accept: "+acceptKey(r)+"\r\n\r\n"), behind)
		c, err := dialled()
		if err != nil {
			t.Fatal(err)
		}
		wantMessage(t, c, spout.TextMessage, "0")
		time.Sleep(time.Second)
		h := &recorder{message: func(c *spout.Conn, m spout.Message) error {
			time.Sleep(time.Second)
			return c.Send(m)
		}}
		result := serve(t, c, h)
		for i := range 4 {
			p.want(fin|opText, fmt.Sprint(i+1))
		}
		p.send(unmasked(fin|opText, "and then"), unmasked(fin|opClose, closing(1000, "")))
		p.want(fin|opText, "and then")
		p.wantClose(1000)
		p.nc.Close()
		if err := <-result; err != nil {
			t.Error(err)
		}
		h.want(t, "open", "text 1", "text 2", "text 3", "text 4", "text and then", "close 1000")
	})
}

// Serve on a connection that has ended meanwhile gives what had arrived, and how it ended.
func TestServeOnAnEndedConnection(t *testing.T) {
	for name, test := range map[string]struct {
		end    func(c *spout.Conn, p *peer)
		events []string
		err    spout.Code
	}{
		"peer closed":    {func(c *spout.Conn, p *peer) { p.finish(1001) }, []string{"open", "close 1001"}, 1001},
		"peer closed ok": {func(c *spout.Conn, p *peer) { p.finish(1000) }, []string{"open", "close 1000"}, 0},
		"lost":           {func(c *spout.Conn, p *peer) { p.nc.Close() }, []string{"open", "close 1006"}, 1006},
		"message, then closed": {func(c *spout.Conn, p *peer) {
			p.send(masked(fin|opText, "last"))
			p.nc.Close()
		}, []string{"open", "text last", "close 1006"}, 1006},
		"half a message": {func(c *spout.Conn, p *peer) {
			p.send(masked(opText, "la"))
			p.nc.Close()
		}, []string{"open", "close 1006"}, 1006},
		"CloseNow": {func(c *spout.Conn, p *peer) { c.CloseNow() }, []string{"open", "close 1006"}, 1006},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p := pair(t, false, spout.Options{})
				test.end(c, p)
				await(c)
				time.Sleep(time.Minute)
				h := &recorder{}
				if err := c.Serve(h); spout.CloseCode(err) != test.err {
					t.Errorf("Serve returned %v", err)
				}
				h.want(t, test.events...)
			})
		})
	}
}

// Both ends are spout's: a client that only writes is kept alive by the library, and so is its server.
func TestOnlyWritingLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &recorder{}
		srv := spout.Server{Options: spout.Options{Logger: silent}}
		c := spouttest.Dial(t, srv.Handler(func(*http.Request) (spout.Handler, error) { return h, nil }), "/")
		for range 60 {
			if err := c.Write(t.Context(), spout.Text("x")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Minute)
		}
		c.Close(spout.CloseNormal, "")
		if end := h.wait(t); end.Code != spout.CloseNormal {
			t.Errorf("the server's connection ended with %v", end)
		}
	})
}

// JSON goes both ways, as text.
func TestJSON(t *testing.T) {
	type point struct{ X, Y int }
	synctest.Test(t, func(t *testing.T) {
		srv := spout.Server{Options: spout.Options{Logger: silent}}
		c := spouttest.Dial(t, srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
			var p point
			if err := m.Decode(&p); err != nil {
				return c.SendJSON(map[string]string{"error": err.Error()})
			}
			return c.SendJSON(point{p.Y, p.X})
		}), "/")
		if err := c.WriteJSON(t.Context(), point{1, 2}); err != nil {
			t.Fatal(err)
		}
		wantMessage(t, c, spout.TextMessage, `{"X":2,"Y":1}`)
		if err := c.Send(spout.Text("[1")); err != nil {
			t.Fatal(err)
		}
		m, err := c.Read(t.Context())
		var answer struct{ Error string }
		if err := errors.Join(err, m.Decode(&answer)); err != nil || !strings.Contains(answer.Error, "unexpected end of JSON") {
			t.Errorf("got %q, %v", answer.Error, err)
		}
		m, err = spout.JSON([]any{"ä", nil, 1.5})
		if err != nil || m.Type != spout.TextMessage || m.String() != `["ä",null,1.5]` {
			t.Errorf("JSON gives %v %q, %v", m.Type, m, err)
		}
	})
}

// A prepared message may be sent to many, by servers and clients, small or large.
func TestPrepare(t *testing.T) {
	for _, size := range []int{0, 10, 5_000, 100_000} {
		synctest.Test(t, func(t *testing.T) {
			data := []byte(strings.Repeat("x", size))
			m := spout.Binary(data).Prepare()
			clear(data)
			if m.Type != spout.BinaryMessage || len(m.Data) != size {
				t.Errorf("prepared, it is %v of %d bytes", m.Type, len(m.Data))
			}
			for _, client := range []bool{false, true, false, true} {
				c, p := pair(t, client, spout.Options{SendLimit: -1})
				for range 3 {
					c.Send(spout.Text("between"))
					if err := c.Send(m); err != nil {
						t.Fatal(err)
					}
				}
				for range 3 {
					p.want(fin|opText, "between")
					f := p.read()
					if f.b0 != fin|opBinary || f.masked != client || string(f.payload) != strings.Repeat("x", size) {
						t.Errorf("client %v got %v", client, f)
					}
				}
			}
		})
	}
}

// roundTripper is a RoundTripper of the user's, around another.
type roundTripper struct {
	next http.RoundTripper
	then func(*http.Response)
}

func (r roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req)
	if err == nil && r.then != nil {
		r.then(resp)
	}
	return resp, err
}

// The Client's Transport may be any RoundTripper that leaves the answer's body as it is.
func TestDialThroughARoundTripper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := spouttest.Dialer(t, echoServer(spout.Options{}).Handler)
		inner := d.Client.Transport
		d.Client.Transport = roundTripper{next: inner}
		c, err := d.Dial(t.Context(), spouttest.URL("/"))
		echoes(t, c, err)

		d.Client.Transport = roundTripper{inner, func(r *http.Response) { r.Body = struct{ io.ReadCloser }{r.Body} }}
		if _, err := d.Dial(t.Context(), spouttest.URL("/")); err == nil || !strings.Contains(err.Error(), "RoundTripper must leave it") {
			t.Errorf("with another body: %v", err)
		}
	})
}

// NewConn makes a connection of any stream, of either side, with the defaults if there are no Options.
func TestNewConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		client := spout.NewConn(struct{ io.ReadWriteCloser }{near}, true, nil)
		server := spout.NewConn(struct{ io.ReadWriteCloser }{far}, false, nil)
		serve(t, server, spout.HandlerFunc(func(c *spout.Conn, m spout.Message) error { return c.Send(m) }))
		for range 3 {
			client.Send(spout.Text("hello"))
			wantMessage(t, client, spout.TextMessage, "hello")
			time.Sleep(time.Hour)
		}
		client.Close(spout.CloseNormal, "bye")
		for _, c := range []*spout.Conn{client, server} {
			if end := await(c); end.Code != spout.CloseNormal || end.Reason != "bye" || end.Err != nil {
				t.Errorf("ended with %v", end)
			}
			if err := c.SetNoDelay(true); !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("SetNoDelay: %v", err)
			}
			if c.Subprotocol() != "" {
				t.Errorf("subprotocol %q", c.Subprotocol())
			}
		}
	})
}
