package spout

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// tunnel makes t ask an HTTP proxy for a tunnel to the server of r, as RFC 6455, section 4.1,
// wants it. The http package does so by itself for https, but for http it would send the handshake
// to the proxy, which takes the Upgrade out of it.
func tunnel(t *http.Transport, r *http.Request) error {
	if t.Proxy == nil || r.URL.Scheme != "http" {
		return nil
	}
	proxy, err := t.Proxy(r)
	if err != nil {
		return err
	}
	if proxy == nil || proxy.Scheme != "http" && proxy.Scheme != "https" {
		return nil
	}
	via := t.Clone() // as it was
	t.Proxy = nil
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := dialProxy(ctx, via, proxy)
		if err != nil {
			return nil, err
		}
		if err := connect(ctx, nc, via, proxy, addr); err != nil {
			nc.Close()
			return nil, err
		}
		return nc, nil
	}
	return nil
}

// dialProxy connects to the proxy, with TLS if its URL says so.
func dialProxy(ctx context.Context, t *http.Transport, proxy *url.URL) (net.Conn, error) {
	dial := t.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	if proxy.Scheme == "http" {
		return dial(ctx, "tcp", net.JoinHostPort(proxy.Hostname(), cmp.Or(proxy.Port(), "80")))
	}
	addr := net.JoinHostPort(proxy.Hostname(), cmp.Or(proxy.Port(), "443"))
	if t.DialTLSContext != nil {
		return t.DialTLSContext(ctx, "tcp", addr)
	}
	nc, err := dial(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	config := new(tls.Config)
	if t.TLSClientConfig != nil {
		config = t.TLSClientConfig.Clone()
	}
	config.ServerName = cmp.Or(config.ServerName, proxy.Hostname())
	config.NextProtos = nil
	tc := tls.Client(nc, config)
	if err := tc.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, err
	}
	return tc, nil
}

// connect asks the proxy at the other end of nc for a tunnel to addr.
func connect(ctx context.Context, nc net.Conn, t *http.Transport, proxy *url.URL, addr string) error {
	header := t.ProxyConnectHeader.Clone()
	if t.GetProxyConnectHeader != nil {
		var err error
		if header, err = t.GetProxyConnectHeader(ctx, proxy, addr); err != nil {
			return err
		}
	}
	if header == nil {
		header = make(http.Header)
	}
	if u := proxy.User; u != nil {
		password, _ := u.Password()
		header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password)))
	}
	r := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: addr}, Host: addr, Header: header}

	stop := context.AfterFunc(ctx, func() { nc.SetDeadline(past) })
	err := r.Write(nc)
	var resp *http.Response
	answer := bufio.NewReader(io.LimitReader(nc, maxResponseHeader))
	if err == nil {
		resp, err = http.ReadResponse(answer, r)
	}
	if !stop() {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("proxy %s: %w", proxy.Host, err)
	}
	if resp.StatusCode != http.StatusOK {
		_, text, _ := strings.Cut(resp.Status, " ")
		return fmt.Errorf("proxy %s: %s", proxy.Host, text)
	}
	if answer.Buffered() > 0 {
		return errors.New("proxy " + proxy.Host + ": bytes after its answer, before anything was asked of the server")
	}
	return nc.SetDeadline(time.Time{})
}
