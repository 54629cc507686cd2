package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spoutws/spout"
)

// dial connects to the server and keeps the socket, to cut it.
func (c *client) dial() error {
	transport := &watched{client: c, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := new(net.Dialer).DialContext(ctx, network, addr)
			if err == nil {
				c.socket = nc.(*net.TCPConn)
			}
			return nc, err
		},
		DisableKeepAlives: true,
		// The certificate is the server's own, which this is not about.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
	d := spout.Dialer{Options: options(c.deflate), Client: &http.Client{Transport: transport}}
	url := "ws://" + c.server.Plain
	if c.secure {
		url = "wss://" + c.server.TLS
	}
	path := "narrow"
	if c.deflate == wide {
		path = "wide"
	}
	bound, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var err error
	c.conn, err = d.Dial(bound, fmt.Sprintf("%s/%s?client=%d", url, path, c.id))
	return err
}

// watched counts the connections on which compression was agreed.
type watched struct {
	*http.Transport
	client *client
}

func (w *watched) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.Transport.RoundTrip(r)
	if err == nil && resp.Header.Get("Sec-Websocket-Extensions") != "" {
		w.client.tally.compressed.Add(1)
	}
	return resp, err
}
