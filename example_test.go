package spout_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/spoutws/spout"
)

// listen serves h on a port of this machine and returns its URL.
func listen(h http.Handler) (url string, stop func()) {
	ts := httptest.NewServer(h)
	return "ws" + strings.TrimPrefix(ts.URL, "http"), ts.Close
}

func ExampleServer() {
	var srv spout.Server
	url, stop := listen(srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
		return c.Send(spout.Text("You said: " + m.String()))
	}))
	defer stop()

	ctx := context.Background()
	c, err := spout.Dial(ctx, url)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()
	c.Send(spout.Text("hello"))
	m, err := c.Read(ctx)
	fmt.Println(m, err)
	// Output: You said: hello <nil>
}

// certificate returns one for this machine, and the client that trusts it.
func certificate() (tls.Certificate, *http.Client) {
	ts := httptest.NewTLSServer(nil)
	defer ts.Close()
	return ts.TLS.Certificates[0], ts.Client()
}

func ExampleServer_Listener() {
	var srv spout.Server
	cert, client := certificate()
	web := http.Server{
		Handler: srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
			return c.Send(spout.Text("You said: " + m.String()))
		}),
		ReadHeaderTimeout: 10 * time.Second, // of the TLS handshake, too
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go web.Serve(srv.Listener(ln, &tls.Config{Certificates: []tls.Certificate{cert}}))
	defer web.Close()

	ctx := context.Background()
	d := spout.Dialer{Client: client}
	c, err := d.Dial(ctx, "wss://"+ln.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()
	c.Send(spout.Text("hello"))
	m, err := c.Read(ctx)
	fmt.Println(m, err)
	// Output: You said: hello <nil>
}

func ExampleDeflate() {
	srv := spout.Server{Options: spout.Options{Compression: &spout.Deflate{}}}
	url, stop := listen(srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
		if err := c.Send(m); err != nil { // compressed, if the client agreed to that
			return err
		}
		return c.Send(spout.Text("a secret").Uncompressed())
	}))
	defer stop()

	ctx := context.Background()
	d := spout.Dialer{Options: spout.Options{Compression: &spout.Deflate{MinSize: 1000, SendWindow: -1}}}
	c, err := d.Dial(ctx, url)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()
	c.Send(spout.Text(strings.Repeat("again and ", 200)))
	for range 2 {
		m, err := c.Read(ctx)
		fmt.Println(len(m.Data), err)
	}
	// Output:
	// 2000 <nil>
	// 8 <nil>
}

func ExampleMessage_Release() {
	var srv spout.Server
	url, stop := listen(srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
		defer m.Release() // Send keeps nothing of it
		return c.Send(m)
	}))
	defer stop()

	ctx := context.Background()
	c, err := spout.Dial(ctx, url)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()
	c.Send(spout.Binary(make([]byte, 100_000)))
	m, err := c.Read(ctx)
	fmt.Println(len(m.Data), err)
	// Output: 100000 <nil>
}

// counter has state: it is made for each connection.
type counter struct {
	spout.Base
	name string
	n    int
}

func (h *counter) OnMessage(c *spout.Conn, m spout.Message) error {
	h.n++
	return c.Send(spout.Text(fmt.Sprintf("%s: message %d", h.name, h.n)))
}

func ExampleServer_Handler() {
	var srv spout.Server
	url, stop := listen(srv.Handler(func(r *http.Request) (spout.Handler, error) {
		name := r.URL.Query().Get("name")
		if name == "" {
			return nil, &spout.HandshakeError{Status: http.StatusUnauthorized, Reason: "who are you?"}
		}
		return &counter{name: name}, nil
	}))
	defer stop()

	ctx := context.Background()
	_, err := spout.Dial(ctx, url)
	if refusal, ok := errors.AsType[*spout.HandshakeError](err); ok {
		fmt.Printf("%d %s", refusal.Status, refusal.Body)
	}
	c, err := spout.Dial(ctx, url+"?name=Ann")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()
	for range 2 {
		c.Send(spout.Text("hello"))
		m, _ := c.Read(ctx)
		fmt.Println(m)
	}
	// Output:
	// 401 who are you?
	// Ann: message 1
	// Ann: message 2
}

func ExampleServer_Accept() {
	var srv spout.Server
	url, stop := listen(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := srv.Accept(w, r)
		if err != nil {
			return // it is answered already
		}
		for m, err := range c.Messages(context.Background()) {
			if err != nil {
				return
			}
			c.Send(spout.Text(strings.ToUpper(m.String())))
		}
	}))
	defer stop()

	ctx := context.Background()
	c, err := spout.Dial(ctx, url)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close(spout.CloseNormal, "")
	c.Send(spout.Text("hello"))
	m, _ := c.Read(ctx)
	fmt.Println(m)
	// Output: HELLO
}

func ExampleServer_Shutdown() {
	var srv spout.Server
	url, stop := listen(srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error { return c.Send(m) }))
	defer stop()
	c, err := spout.Dial(context.Background(), url)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	fmt.Println(srv.Shutdown(ctx))
	_, err = c.Read(ctx)
	fmt.Println(spout.CloseCode(err))
	// Output:
	// <nil>
	// 1012 service restart
}

func ExampleDialer() {
	srv := spout.Server{SelectSubprotocol: func(r *http.Request, offered []string) string { return offered[0] }}
	url, stop := listen(srv.Handler(func(r *http.Request) (spout.Handler, error) {
		fmt.Println("token:", r.Header.Get("Authorization"))
		return spout.HandlerFunc(func(c *spout.Conn, m spout.Message) error { return c.Send(m) }), nil
	}))
	defer stop()

	d := spout.Dialer{
		Options: spout.Options{Subprotocols: []string{"chat.v2", "chat.v1"}, MessageLimit: 64 << 10},
		Header:  http.Header{"Authorization": {"Bearer 1234"}},
	}
	c, err := d.Dial(context.Background(), url)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()
	fmt.Println("subprotocol:", c.Subprotocol())
	// Output:
	// token: Bearer 1234
	// subprotocol: chat.v2
}

func ExampleConn_Serve() {
	var srv spout.Server
	url, stop := listen(srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error { return c.Send(m) }))
	defer stop()

	c, err := spout.Dial(context.Background(), url)
	if err != nil {
		fmt.Println(err)
		return
	}
	c.Send(spout.Text("hello"))
	err = c.Serve(spout.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
		fmt.Println(m)
		return c.Close(spout.CloseNormal, "")
	}))
	fmt.Println(err)
	// Output:
	// hello
	// <nil>
}

func ExampleConn_WriteFrom() {
	var srv spout.Server
	url, stop := listen(srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
		return c.Send(spout.Text(fmt.Sprintf("%d bytes of %v", len(m.Data), m.Type)))
	}))
	defer stop()

	ctx := context.Background()
	c, err := spout.Dial(ctx, url)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()
	file := strings.NewReader(strings.Repeat("spout ", 100_000))
	if err := c.WriteFrom(ctx, spout.BinaryMessage, file); err != nil {
		fmt.Println(err)
	}
	m, _ := c.Read(ctx)
	fmt.Println(m)
	// Output: 600000 bytes of binary
}

func ExampleMessage_Prepare() {
	var srv spout.Server
	announce := func(text string) {
		m := spout.Text(text).Prepare() // encoded once, however many connections there are
		for c := range srv.Conns() {
			if err := c.Send(m); errors.Is(err, spout.ErrFull) {
				c.Close(spout.CloseTryAgainLater, "too slow")
			}
		}
	}
	url, stop := listen(srv.HandlerFunc(func(*spout.Conn, spout.Message) error { return nil }))
	defer stop()

	c, err := spout.Dial(context.Background(), url)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.CloseNow()
	announce("lunch is ready")
	m, _ := c.Read(context.Background())
	fmt.Println(m)
	// Output: lunch is ready
}

func ExampleJSON() {
	m, err := spout.JSON(map[string]int{"answer": 42})
	fmt.Println(m, err)
	var v struct{ Answer int }
	err = m.Decode(&v)
	fmt.Println(v.Answer, err)
	// Output:
	// {"answer":42} <nil>
	// 42 <nil>
}

func ExampleCloseError() {
	var srv spout.Server
	url, stop := listen(srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error {
		return &spout.CloseError{Code: 4001, Reason: "no such room"}
	}))
	defer stop()

	c, err := spout.Dial(context.Background(), url)
	if err != nil {
		fmt.Println(err)
		return
	}
	c.Send(spout.Text("join"))
	_, err = c.Read(context.Background())
	if e, ok := errors.AsType[*spout.CloseError](err); ok {
		fmt.Println(e.Code, e.Reason, e.Remote)
	}
	fmt.Println(err)
	// Output:
	// 4001 no such room true
	// spout: closed by peer: 4001 "no such room"
}
