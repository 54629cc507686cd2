package spout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"
)

// Dialer makes connections to WebSocket servers. The zero value is ready. Its fields must not
// change while it dials; its methods may be called from any goroutine.
type Dialer struct {
	Options

	// Header is added to the handshake request: cookies, authorization, Origin.
	Header http.Header

	// Client is what the handshake goes through, and so where proxies, TLS, unix sockets and
	// cookies are configured. It is copied; redirects are not followed, and its Timeout bounds
	// the dialling. Default: an [http.Client] with what [http.DefaultTransport] has, proxies
	// from the environment included. An [http.Transport] is limited to 64 KiB of response header,
	// unless it has a limit of its own; another RoundTripper has to see to that itself, and must
	// leave the body of a 101 answer as it is.
	Client *http.Client
}

const (
	// dialTimeout bounds a dial for which neither the context nor the Client has a bound.
	dialTimeout = 10 * time.Second
	// maxResponseHeader is what a server's answer may have in headers, in bytes.
	maxResponseHeader = 64 << 10
	// maxResponseBody is how much of the body of a refusal is kept, in bytes.
	maxResponseBody = 4 << 10
)

// Dial connects to the server at a URL of scheme ws, wss, http or https with the defaults. See
// [Dialer.Dial].
func Dial(ctx context.Context, url string) (*Conn, error) {
	return new(Dialer).Dial(ctx, url)
}

// Dial connects to the server at a URL of scheme ws, wss, http or https. ctx bounds the dialling
// only, for which there are at most 10 s if neither it nor the Client has a bound. If the server
// answers, but does not open a WebSocket connection, the error is a *[HandshakeError].
func (d *Dialer) Dial(ctx context.Context, url string) (*Conn, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("spout: dial: %w", err)
	}
	return d.DialRequest(r)
}

// DialRequest is [Dialer.Dial] with a request, of which it takes the URL, the Host, the Header,
// which goes before that of the Dialer, and the context.
func (d *Dialer) DialRequest(r *http.Request) (*Conn, error) {
	if err := d.Options.check(); err != nil {
		return nil, err
	}
	cfg := d.Options.config(false)
	h, err := newHandshake(r, d.Header, cfg)
	if err != nil {
		return nil, err
	}
	client := d.client()
	ctx, cancel := dialContext(r.Context(), client)
	defer cancel()
	if t, ok := client.Transport.(*http.Transport); ok {
		if err := tunnel(t, h.req.WithContext(ctx)); err != nil {
			return nil, fmt.Errorf("spout: dial %s: %w", r.URL.Redacted(), err)
		}
	}

	var nc net.Conn
	resp, err := client.Do(h.req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) { nc = i.Conn },
	})))
	if err != nil {
		// The error of the http package names the URL that was made for it.
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		return nil, fmt.Errorf("spout: dial %s: %w", r.URL.Redacted(), err)
	}
	agreed, err := h.check(resp)
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	rwc, early, err := takeOver(resp.Body, nc)
	if err != nil {
		resp.Body.Close()
		return nil, fmt.Errorf("spout: dial %s: %w", r.URL.Redacted(), err)
	}
	c := newConn(rwc, cfg)
	c.agree(agreed)
	c.stream.run(early, false)
	return c, nil
}

// client returns a copy of the Client that makes one handshake.
func (d *Dialer) client() *http.Client {
	client := new(http.Client)
	if d.Client != nil {
		*client = *d.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if client.Transport == nil {
		client.Transport = http.DefaultTransport
	}
	if t, ok := client.Transport.(*http.Transport); ok {
		t = t.Clone()
		t.DisableKeepAlives = true
		t.Protocols = new(http.Protocols)
		t.Protocols.SetHTTP1(true)
		if t.MaxResponseHeaderBytes == 0 {
			t.MaxResponseHeaderBytes = maxResponseHeader
		}
		client.Transport = t
	}
	return client
}

// dialContext bounds ctx by the client's timeout, which it takes away: the client would apply it
// to the whole connection.
func dialContext(ctx context.Context, client *http.Client) (context.Context, context.CancelFunc) {
	timeout := client.Timeout
	client.Timeout = 0
	if _, ok := ctx.Deadline(); timeout <= 0 && !ok {
		timeout = dialTimeout
	}
	if timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, timeout)
}

// takeOver returns the stream under an answer, and what of it was read already. nc is the
// connection that the request went over, if it is known: with it the stream has deadlines.
func takeOver(body io.ReadCloser, nc net.Conn) (rwc io.ReadWriteCloser, early []byte, err error) {
	rwc, ok := body.(io.ReadWriteCloser)
	if !ok {
		return nil, nil, fmt.Errorf("the answer's body is a %T, which can't be written to; a RoundTripper must leave it as it is", body)
	}
	// A deadline that has passed lets through what is buffered, and nothing else.
	if nc == nil || nc.SetReadDeadline(past) != nil {
		return rwc, nil, nil
	}
	buf := getSmall()
	defer putBuffer(buf)
	for {
		n, err := body.Read(buf)
		early = append(early, buf[:n]...)
		if err != nil {
			return nc, early, nc.SetReadDeadline(time.Time{})
		}
	}
}
