package main

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"time"
)

// patience bounds each step of a measurement.
const patience = 30 * time.Second

// client is one connection. It sends frames that were made beforehand, so that
// the same bytes go to every library, and checks what comes back.
type client struct {
	conn    net.Conn
	in      *bufio.Reader
	terms   terms
	history []byte // what the server has sent, as far back as it may refer to it
	payload []byte
	wire    int // bytes of the answers' frames
}

// dial opens a connection in the mode.
func dial(addr string, m mode) (*client, error) {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(patience))
	c := &client{conn: conn, in: bufio.NewReaderSize(conn, 512)}
	if err := c.handshake(addr, m); err != nil {
		conn.Close()
		return nil, err
	}
	conn.SetDeadline(time.Time{})
	return c, nil
}

func (c *client) handshake(addr string, m mode) error {
	extensions := ""
	if m.compressed() {
		extensions = "Sec-WebSocket-Extensions: " + m.offer + "\r\n"
	}
	fmt.Fprintf(c.conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n", addr, extensions)
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("server answered %s", resp.Status)
	}
	c.terms, err = m.agreed(resp.Header.Get("Sec-WebSocket-Extensions"))
	return err
}

func (c *client) close() { c.conn.Close() }

// inflater is what a client inflates with; several clients may share it, one
// after the other.
type inflater struct {
	flate io.ReadCloser
	out   bytes.Buffer
}

func newInflater() *inflater { return &inflater{flate: flate.NewReader(nil)} }

// tail ends a message's last block (RFC 7692, section 7.2.2), and the final
// block behind it ends the stream for the inflater.
var tail = []byte{0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff}

// echo sends a frame and checks that the message comes back.
func (c *client) echo(frame, message []byte, inf *inflater) error {
	c.conn.SetDeadline(time.Now().Add(patience))
	if _, err := c.conn.Write(frame); err != nil {
		return err
	}
	compressed, err := c.readFrame()
	if err != nil {
		return err
	}
	got := c.payload
	if compressed {
		if got, err = c.inflate(inf); err != nil {
			return err
		}
	}
	if !bytes.Equal(got, message) {
		return fmt.Errorf("a message of %d bytes came back as another of %d", len(message), len(got))
	}
	return nil
}

// readFrame reads an unfragmented message into c.payload.
func (c *client) readFrame() (compressed bool, err error) {
	const final, rsv1, binaryMessage = 0x80, 0x40, 0x02
	var head [10]byte
	if _, err := io.ReadFull(c.in, head[:2]); err != nil {
		return false, err
	}
	if head[0]&^rsv1 != final|binaryMessage {
		return false, fmt.Errorf("frame begins with % x", head[:2])
	}
	n, extended := uint64(head[1]), 0
	switch n {
	case 126:
		extended = 2
	case 127:
		extended = 8
	}
	if _, err := io.ReadFull(c.in, head[2:2+extended]); err != nil {
		return false, err
	}
	switch extended {
	case 2:
		n = uint64(binary.BigEndian.Uint16(head[2:]))
	case 8:
		n = binary.BigEndian.Uint64(head[2:])
	}
	if n > 1<<24 {
		return false, errors.New("frame is too long")
	}
	c.payload = slices.Grow(c.payload[:0], int(n))[:n]
	_, err = io.ReadFull(c.in, c.payload)
	c.wire += 2 + extended + int(n)
	return head[0]&rsv1 != 0, err
}

// inflate returns the message whose compressed form is c.payload.
func (c *client) inflate(inf *inflater) ([]byte, error) {
	const window = 32 << 10
	packed := io.MultiReader(bytes.NewReader(c.payload), bytes.NewReader(tail))
	inf.flate.(flate.Resetter).Reset(packed, c.history)
	inf.out.Reset()
	if _, err := inf.out.ReadFrom(inf.flate); err != nil {
		return nil, err
	}
	got := inf.out.Bytes()
	if c.terms.send {
		c.history = append(c.history, got...)
		if over := len(c.history) - window; over > 0 {
			c.history = append(c.history[:0], c.history[over:]...)
		}
	}
	return got, nil
}
