package spout_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spoutws/spout"
)

// What is written here of the protocol is written anew, so that the library is not held against
// itself.

// The first byte of a frame is the sum of these.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA

	fin  = 0x80
	rsv1 = 0x40
	rsv2 = 0x20
	rsv3 = 0x10
)

// sampleKey is the key of RFC 6455, 1.3, and sampleAccept its answer.
const (
	sampleKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	sampleAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// header returns a frame's header in the shortest form that holds the length.
func header(b0 byte, length uint64, mask bool) []byte {
	var bit byte
	if mask {
		bit = 0x80
	}
	var b []byte
	switch {
	case length <= 125:
		b = []byte{b0, bit | byte(length)}
	case length <= 0xFFFF:
		b = binary.BigEndian.AppendUint16([]byte{b0, bit | 126}, uint16(length))
	default:
		b = binary.BigEndian.AppendUint64([]byte{b0, bit | 127}, length)
	}
	if mask {
		b = append(b, maskingKey[:]...)
	}
	return b
}

// maskingKey is the key of all frames that tests send.
var maskingKey = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// masked returns a frame as clients send it.
func masked(b0 byte, payload string) []byte {
	b := header(b0, uint64(len(payload)), true)
	for i := range len(payload) {
		b = append(b, payload[i]^maskingKey[i%4])
	}
	return b
}

// unmasked returns a frame as servers send it.
func unmasked(b0 byte, payload string) []byte {
	return append(header(b0, uint64(len(payload)), false), payload...)
}

// closing returns the payload of a close frame.
func closing(code uint16, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, code)) + reason
}

// unhex returns the bytes that s writes in hexadecimal; spaces separate at will.
func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// wireFrame is a frame as it was read.
type wireFrame struct {
	b0      byte // FIN, RSV and the opcode
	masked  bool
	key     [4]byte
	payload []byte
}

func (f wireFrame) op() byte { return f.b0 & 0xF }

// closeCode returns the code of a close frame, 0 if it has none.
func (f wireFrame) closeCode() uint16 {
	if f.op() != opClose || len(f.payload) < 2 {
		return 0
	}
	return binary.BigEndian.Uint16(f.payload)
}

func (f wireFrame) String() string {
	return fmt.Sprintf("frame %02x of %d bytes %.60q", f.b0, len(f.payload), f.payload)
}

// readWireFrame reads one frame and unmasks it.
func readWireFrame(r io.Reader) (f wireFrame, err error) {
	var b [8]byte
	if _, err := io.ReadFull(r, b[:2]); err != nil {
		return f, err
	}
	f.b0, f.masked = b[0], b[1]&0x80 != 0
	length := uint64(b[1] & 0x7F)
	if length >= 126 {
		size := 2
		if length == 127 {
			size = 8
		}
		if _, err := io.ReadFull(r, b[8-size:]); err != nil {
			return f, err
		}
		clear(b[:8-size])
		length = binary.BigEndian.Uint64(b[:])
	}
	if f.masked {
		if _, err := io.ReadFull(r, f.key[:]); err != nil {
			return f, err
		}
	}
	f.payload = make([]byte, length)
	_, err = io.ReadFull(r, f.payload)
	for i := range f.payload {
		f.payload[i] ^= f.key[i%4]
	}
	return f, err
}

// A peer is one end of a connection that the test plays byte by byte. A step that goes wrong ends
// the test.
type peer struct {
	t  testing.TB
	nc net.Conn
	in *bufio.Reader
}

// newPeer returns the peer that speaks through nc. It is closed when the test ends; no wait for
// the other side takes longer than the patience.
func newPeer(t testing.TB, nc net.Conn, patience time.Duration) *peer {
	t.Cleanup(func() { nc.Close() })
	nc.SetReadDeadline(time.Now().Add(patience))
	return &peer{t, nc, bufio.NewReader(nc)}
}

// send writes all the frames at once.
func (p *peer) send(frames ...[]byte) {
	p.t.Helper()
	if _, err := p.nc.Write(bytes.Join(frames, nil)); err != nil {
		p.t.Fatalf("sending: %v", err)
	}
}

// request returns an opening handshake; lines replace or add to its headers, and one without a
// value removes a header.
func request(path string, lines ...string) string {
	headers := []string{"Host: spout.test", "Upgrade: websocket", "Connection: Upgrade",
		"Sec-WebSocket-Key: " + sampleKey, "Sec-WebSocket-Version: 13"}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		replaced := false
		for i, h := range headers {
			if have, _, _ := strings.Cut(h, ":"); have == name {
				headers[i], replaced = line, true
			}
		}
		if !replaced && value != "" {
			headers = append(headers, line)
		}
	}
	s := "GET " + path + " HTTP/1.1\r\n"
	for _, h := range headers {
		if !strings.HasSuffix(h, ":") {
			s += h + "\r\n"
		}
	}
	return s + "\r\n"
}

// upgrade is a client's opening handshake, which must succeed.
func (p *peer) upgrade(path string, lines ...string) *peer {
	p.t.Helper()
	p.send([]byte(request(path, lines...)))
	p.wantUpgraded()
	return p
}

// wantUpgraded reads the answer to a handshake, which must be the 101 for the sample key.
func (p *peer) wantUpgraded() {
	p.t.Helper()
	resp := p.response()
	if resp.StatusCode != 101 || resp.Header.Get("Sec-Websocket-Accept") != sampleAccept {
		body, _ := io.ReadAll(resp.Body)
		p.t.Fatalf("handshake answered with %s %q", resp.Status, body)
	}
}

// response reads an HTTP response.
func (p *peer) response() *http.Response {
	p.t.Helper()
	resp, err := http.ReadResponse(p.in, nil)
	if err != nil {
		p.t.Fatalf("no answer to the request: %v", err)
	}
	return resp
}

// accept is a server's opening handshake: it answers with 101, to which lines add headers, and
// returns the request.
func (p *peer) accept(lines ...string) *http.Request {
	p.t.Helper()
	r, err := http.ReadRequest(p.in)
	if err != nil {
		p.t.Fatalf("no request: %v", err)
	}
	answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + acceptKey(r) + "\r\n"
	for _, line := range lines {
		answer += line + "\r\n"
	}
	p.send([]byte(answer + "\r\n"))
	return r
}

// acceptKey returns what answers the request's key (RFC 6455, 4.2.2).
func acceptKey(r *http.Request) string {
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// read returns the next frame.
func (p *peer) read() wireFrame {
	p.t.Helper()
	f, err := readWireFrame(p.in)
	if err != nil {
		p.t.Fatalf("waiting for a frame: %v", err)
	}
	return f
}

// want reads a frame, which must be this one.
func (p *peer) want(b0 byte, payload string) {
	p.t.Helper()
	if f := p.read(); f.b0 != b0 || string(f.payload) != payload {
		p.t.Fatalf("got %v, want frame %02x %.60q", f, b0, payload)
	}
}

// wantClose reads a frame, which must be a close frame with the given code.
func (p *peer) wantClose(code uint16) wireFrame {
	p.t.Helper()
	f := p.read()
	if f.b0 != fin|opClose || f.closeCode() != code {
		p.t.Fatalf("got %v, want a close frame with %d", f, code)
	}
	return f
}

// wantEnd reads the end of the stream; nothing may come before it.
func (p *peer) wantEnd() {
	p.t.Helper()
	if rest, err := io.ReadAll(p.in); err != nil || len(rest) > 0 {
		p.t.Fatalf("got %.60q and %v, want the end of the stream", rest, err)
	}
}

// listen reads what comes, beside the test, and forgets it.
func (p *peer) listen() { go io.Copy(io.Discard, p.in) }

// drip sends b again and again, beside the test, until the connection ends.
func (p *peer) drip(pause time.Duration, b []byte) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			if _, err := p.nc.Write(b); err != nil {
				return
			}
			time.Sleep(pause)
		}
	}()
	p.t.Cleanup(func() {
		p.nc.Close()
		<-ended
	})
}

// hello has one message echoed, to see that the connection lives.
func (p *peer) hello() {
	p.t.Helper()
	p.send(masked(fin|opText, "hello"))
	p.want(fin|opText, "hello")
}

// serveTCP runs an HTTP server on loopback until the test ends, and returns its address.
func serveTCP(t testing.TB, server *http.Server) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, server, ln)
	return ln.Addr().String()
}

func serveOn(t testing.TB, server *http.Server, ln net.Listener) {
	served := make(chan struct{})
	go func() {
		defer close(served)
		server.Serve(ln)
	}()
	t.Cleanup(func() {
		server.Close()
		<-served
	})
}

// dialTCP connects a peer to an address.
func dialTCP(t testing.TB, addr string) *peer {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return newPeer(t, nc, time.Minute)
}

// memory is a network in memory, fit for testing/synctest: a net.Listener and the way to it.
type memory struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newMemory() *memory {
	return &memory{conns: make(chan net.Conn), done: make(chan struct{})}
}

// serveMemory runs an HTTP server in memory until the test ends.
func serveMemory(t testing.TB, server *http.Server) *memory {
	m := newMemory()
	serveOn(t, server, m)
	return m
}

// dial connects a peer.
func (m *memory) dial(t testing.TB) *peer {
	t.Helper()
	nc, err := m.DialContext(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	return newPeer(t, nc, 24*time.Hour)
}

// DialContext is that of an http.Transport.
func (m *memory) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case m.conns <- far:
		return near, nil
	case <-m.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error {
	m.once.Do(func() { close(m.done) })
	return nil
}

func (m *memory) Addr() net.Addr { return memoryAddr{} }

type memoryAddr struct{}

func (memoryAddr) Network() string { return "memory" }
func (memoryAddr) String() string  { return "spout.test:80" }

// dialPeer has d dial a server in memory that the returned peer plays, and returns what then awaits
// the result of the dialling.
func dialPeer(t testing.TB, d *spout.Dialer, url string) (p *peer, dialled func() (*spout.Conn, error)) {
	t.Helper()
	m := newMemory()
	t.Cleanup(func() { m.Close() })
	d.Client = &http.Client{Transport: &http.Transport{DialContext: m.DialContext}}
	var c *spout.Conn
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err = d.Dial(t.Context(), url)
	}()
	select {
	case nc := <-m.conns:
		p = newPeer(t, nc, 24*time.Hour)
	case <-done:
		t.Fatalf("dialling %s: %v", url, err)
	}
	return p, func() (*spout.Conn, error) {
		<-done
		return c, err
	}
}

// echoServer returns a server with the given options that answers each message with itself.
func echoServer(o spout.Options) *http.Server {
	srv := &spout.Server{Options: o}
	return &http.Server{Handler: srv.HandlerFunc(func(c *spout.Conn, m spout.Message) error { return c.Send(m) })}
}

// ending returns an echo server that tells how its connections end. They are "served" by a handler
// or "read" in a loop, as style says.
func ending(style string, o spout.Options) (*http.Server, <-chan error) {
	srv := &spout.Server{Options: o}
	h := echo{ended: make(chan error, 1000)}
	if style == "served" {
		return &http.Server{Handler: srv.Handler(func(*http.Request) (spout.Handler, error) { return h, nil })}, h.ended
	}
	return &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := srv.Accept(w, r); err == nil {
			go h.read(c)
		}
	})}, h.ended
}

// echo answers each message with itself, in either style.
type echo struct {
	spout.Base
	ended chan error
}

func (h echo) OnMessage(c *spout.Conn, m spout.Message) error { return c.Send(m) }
func (h echo) OnClose(_ *spout.Conn, err error)               { h.ended <- err }

func (h echo) read(c *spout.Conn) {
	for {
		m, err := c.Read(context.Background())
		if err == nil {
			err = c.Send(m)
		}
		if err != nil {
			h.ended <- err
			return
		}
	}
}

// silent is a logger for tests in which handlers fail on purpose.
var silent = slog.New(slog.DiscardHandler)
