package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// patience bounds each step of a measurement.
const patience = 10 * time.Second

// connect opens a WebSocket connection to an echo server with as little as
// possible around the socket, so that what is measured is the server's. It
// offers the extensions, "" for none.
func connect(addr, extensions string) (net.Conn, error) {
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	return upgrade(c, extensions)
}

// connectSecure is connect over TLS, to whatever server it is.
func connectSecure(addr, extensions string) (net.Conn, error) {
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: patience}, Config: &tls.Config{InsecureSkipVerify: true}}
	c, err := d.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return upgrade(c, extensions)
}

// upgrade returns c when it is a WebSocket connection, or closes it.
func upgrade(c net.Conn, extensions string) (net.Conn, error) {
	c.SetDeadline(time.Now().Add(patience))
	if extensions != "" {
		extensions = "Sec-WebSocket-Extensions: " + extensions + "\r\n"
	}
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n", c.RemoteAddr(), extensions)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		c.Close()
		return nil, err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusSwitchingProtocols {
		c.Close()
		return nil, fmt.Errorf("server answered %s", resp.Status)
	}
	c.SetDeadline(time.Time{})
	return c, nil
}

// frame returns a final frame with n bytes of payload, masked with a key of
// zeros as a client may.
func frame(opcode byte, n int) []byte {
	const final, masked = 0x80, 0x80
	f := []byte{final | opcode}
	if n < 126 {
		f = append(f, masked|byte(n))
	} else {
		f = append(f, masked|126, byte(n>>8), byte(n))
	}
	return append(f, make([]byte, 4+n)...)
}

// exchange writes request and reads as much as a server answers to it, n
// times. It allocates nothing.
func exchange(c net.Conn, request []byte, n int) error {
	c.SetDeadline(time.Now().Add(patience))
	answer := make([]byte, len(request)-4) // a server's frame has no mask
	for range n {
		if err := ask(c, request, answer); err != nil {
			return err
		}
	}
	return nil
}

// exchangeRest is exchange for a request of which so many bytes have been sent.
func exchangeRest(c net.Conn, request []byte, sent int) error {
	c.SetDeadline(time.Now().Add(patience))
	return ask(c, request[sent:], make([]byte, len(request)-4))
}

func ask(c net.Conn, request, answer []byte) error {
	if _, err := c.Write(request); err != nil {
		return err
	}
	_, err := io.ReadFull(c, answer)
	return err
}
