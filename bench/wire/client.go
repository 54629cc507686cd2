package wire

import (
	"bufio"
	"bytes"
	"compress/flate"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Patience bounds each step of a measurement.
const Patience = 30 * time.Second

// Client is one connection. It sends frames that were made beforehand and checks what comes back.
type Client struct {
	Conn  net.Conn
	Terms Terms
	Wire  int // bytes of the frames that came back

	in      *bufio.Reader
	history []byte // what the server has sent, as far back as it may refer to it
	payload []byte
}

// Dial opens a connection in the mode, with TLS if there is a configuration for it. What follows a slash in addr is
// asked for.
func Dial(addr string, m Mode, t *tls.Config) (*Client, error) {
	addr, path, _ := strings.Cut(addr, "/")
	conn, err := net.DialTimeout("tcp", addr, Patience)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(Patience))
	if t != nil {
		conn = tls.Client(conn, t)
	}
	c := newClient(conn)
	if err := c.handshake(addr, path, m); err != nil {
		conn.Close()
		return nil, err
	}
	conn.SetDeadline(time.Time{})
	return c, nil
}

func newClient(conn net.Conn) *Client { return &Client{Conn: conn, in: bufio.NewReaderSize(conn, 512)} }

func (c *Client) handshake(addr, path string, m Mode) error {
	extensions := ""
	if m.Compressed() {
		extensions = "Sec-WebSocket-Extensions: " + m.Offer + "\r\n"
	}
	fmt.Fprintf(c.Conn, "GET /%s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n", path, addr, extensions)
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("server answered %s", resp.Status)
	}
	c.Terms, err = m.agreed(resp.Header.Get("Sec-WebSocket-Extensions"))
	return err
}

// Close cuts the connection.
func (c *Client) Close() { c.Conn.Close() }

// Forget drops what is needed to go on.
func (c *Client) Forget() { c.in, c.history, c.payload = nil, nil, nil }

// Inflater is what a client inflates with; several clients may share it, one
// after the other.
type Inflater struct {
	flate io.ReadCloser
	out   bytes.Buffer
}

func NewInflater() *Inflater { return &Inflater{flate: flate.NewReader(nil)} }

// tail ends a message's last block (RFC 7692, section 7.2.2), and the final
// block behind it ends the stream for the inflater.
var tail = []byte{0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff}

// Echo sends a frame and checks that the message comes back.
func (c *Client) Echo(frame, message []byte, inf *Inflater) error {
	c.Conn.SetDeadline(time.Now().Add(Patience))
	defer c.Conn.SetDeadline(time.Time{})
	if _, err := c.Conn.Write(frame); err != nil {
		return err
	}
	return c.Expect(message, inf)
}

// Expect checks that the next message is this one.
func (c *Client) Expect(message []byte, inf *Inflater) error {
	compressed, err := c.readMessage()
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

// readMessage reads a message into c.payload.
func (c *Client) readMessage() (compressed bool, err error) {
	c.payload = c.payload[:0]
	for first := true; ; {
		var head [maxHeader]byte
		for have := 0; have < headerSize(head[:have]); {
			n := headerSize(head[:have])
			if _, err := io.ReadFull(c.in, head[have:n]); err != nil {
				return false, err
			}
			c.Wire += n - have
			have = n
		}
		h := parseHeader(head[:headerSize(head[:])])
		if h.length > 1<<24 {
			return false, errors.New("frame is too long")
		}
		from := len(c.payload)
		c.payload = slices.Grow(c.payload, int(h.length))[:from+int(h.length)]
		part := c.payload[from:]
		if _, err := io.ReadFull(c.in, part); err != nil {
			return false, err
		}
		c.Wire += len(part)
		if h.control {
			return false, errors.New("a control frame came instead of a message")
		}
		for i := range part {
			part[i] ^= h.key[i%4]
		}
		if first {
			compressed, first = h.rsv1, false
		}
		if h.final {
			return compressed, nil
		}
	}
}

// inflate returns the message whose compressed form is c.payload.
func (c *Client) inflate(inf *Inflater) ([]byte, error) {
	const window = 32 << 10
	packed := io.MultiReader(bytes.NewReader(c.payload), bytes.NewReader(tail))
	inf.flate.(flate.Resetter).Reset(packed, c.history)
	inf.out.Reset()
	if _, err := inf.out.ReadFrom(inf.flate); err != nil {
		return nil, err
	}
	got := inf.out.Bytes()
	if c.Terms.Send {
		c.history = append(c.history, got...)
		if over := len(c.history) - window; over > 0 {
			c.history = append(c.history[:0], c.history[over:]...)
		}
	}
	return got, nil
}

// Accept returns the Sec-WebSocket-Accept that answers a key (RFC 6455, section 4.2.2).
func Accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}
