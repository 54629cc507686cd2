package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spoutws/spout"
)

// hello is the first line that the server process writes.
type hello struct {
	Plain, TLS  string // addresses
	Certificate []byte
}

// report is its answer to each line that it reads.
type report struct {
	usage
	Connections   int
	Opens, Closes int64 // events
	Messages      int64 // that were numbered
	Failures      []string
}

// backend is the server: it knows the last message of each client.
type backend struct {
	narrow spout.Server // compresses with the defaults
	wide   spout.Server // compresses all that it can
	opens  atomic.Int64
	closes atomic.Int64
	count  atomic.Int64

	mu       sync.Mutex
	records  map[int]*record
	failures []string
}

// record is what the server knows of a client.
type record struct {
	mu      sync.Mutex
	last    int      // the message that came last
	session *session // the connection that counts
}

// session is a connection's handler.
type session struct {
	spout.Base
	*backend
	client *record
	id     int
	closed bool
}

// options are those of both sides: patient, since a busy machine is no fault.
func options(compression *spout.Deflate) spout.Options {
	return spout.Options{
		SendLimit: 256 << 10, PingInterval: 5 * time.Second, PingTimeout: 3 * time.Minute, FrameTimeout: 3 * time.Minute,
		WriteTimeout: time.Minute, CloseTimeout: 3 * time.Minute, Logger: slog.New(slog.DiscardHandler), Compression: compression,
	}
}

// How connections are compressed.
var (
	narrow = &spout.Deflate{}
	wide   = &spout.Deflate{Level: 6, MinSize: -1, SendWindow: 32 << 10, ReceiveWindow: 32 << 10}
	none   = &spout.Deflate{SendWindow: -1, ReceiveWindow: -1} // of one message at a time
)

// serve is the server process: it writes where it listens, then a report for each line that it reads. For
// "rest" it collects garbage before. It ends, in good order, with its input.
func serve(in io.Reader, out io.Writer) error {
	b := &backend{records: make(map[int]*record)}
	b.narrow.Options, b.wide.Options = options(narrow), options(wide)
	mux := http.NewServeMux()
	mux.Handle("/narrow", b.narrow.Handler(b.open))
	mux.Handle("/wide", b.wide.Handler(b.open))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	h, listeners, err := listen()
	if err != nil {
		return err
	}
	var serving sync.WaitGroup
	for _, ln := range listeners {
		serving.Go(func() { server.Serve(ln) })
	}
	ended := make(chan struct{})
	serving.Go(func() { b.tick(ended) })

	answers := json.NewEncoder(out)
	answers.Encode(h)
	for lines := bufio.NewScanner(in); lines.Scan(); {
		r, err := b.report(lines.Text() == "rest")
		if err != nil {
			return err
		}
		answers.Encode(r)
	}
	close(ended)
	bound, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err = errors.Join(b.narrow.Shutdown(bound), b.wide.Shutdown(bound), server.Shutdown(bound))
	serving.Wait()
	return err
}

// listen opens a port for plain connections and one for TLS, with a certificate of its own.
func listen() (h hello, listeners []net.Listener, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return h, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(30 * 24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if h.Certificate, err = x509.CreateCertificate(rand.Reader, template, template, key.Public(), key); err != nil {
		return h, nil, err
	}
	for _, addr := range []*string{&h.Plain, &h.TLS} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return h, nil, err
		}
		*addr = ln.Addr().String()
		listeners = append(listeners, ln)
	}
	listeners[1] = tls.NewListener(listeners[1], &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{h.Certificate}, PrivateKey: key}},
	})
	return h, listeners, nil
}

func (b *backend) report(rest bool) (r report, err error) {
	if rest {
		r.usage, err = measureRest()
	} else {
		r.usage, err = measure()
	}
	r.Connections = len(b.conns())
	r.Opens, r.Closes, r.Messages = b.opens.Load(), b.closes.Load(), b.count.Load()
	b.mu.Lock()
	defer b.mu.Unlock()
	r.Failures = b.failures
	return r, err
}

func (b *backend) conns() []*spout.Conn {
	return slices.AppendSeq(slices.Collect(b.narrow.Conns()), b.wide.Conns())
}

// fault notes what must not happen.
func (b *backend) fault(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.failures) < maxFailures {
		b.failures = append(b.failures, fmt.Sprintf("server: "+format, args...))
	}
}

// tick sends a message to all connections each second. One that is full goes without.
func (b *backend) tick(ended <-chan struct{}) {
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for n := 1; ; n++ {
		select {
		case <-every.C:
		case <-ended:
			return
		}
		m := spout.Text(fmt.Sprintf(tick, n)).Prepare()
		for _, c := range b.conns() {
			c.Send(m)
		}
	}
}

func (b *backend) open(r *http.Request) (spout.Handler, error) {
	id, err := strconv.Atoi(r.FormValue("client"))
	if err != nil {
		return nil, &spout.HandshakeError{Status: http.StatusBadRequest, Reason: "which client?"}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.records[id] == nil {
		b.records[id] = new(record)
	}
	return &session{backend: b, client: b.records[id], id: id}, nil
}

func (s *session) OnOpen(c *spout.Conn) error {
	s.opens.Add(1)
	s.client.mu.Lock()
	s.client.session = s // what still comes over an old connection does not count
	last := s.client.last
	s.client.mu.Unlock()
	return c.Send(spout.Text(fmt.Sprintf(greeting, last)))
}

func (s *session) OnMessage(c *spout.Conn, m spout.Message) error {
	switch m.String() {
	case doClose:
		return c.Close(closeAsked, "")
	case doFail:
		return errors.New("as the client wishes")
	case doPanic:
		panic("as the client wishes")
	}
	var n int
	if _, err := fmt.Sscanf(string(m.Data[:min(20, len(m.Data))]), numbered, &n); err != nil {
		s.fault("client %d: message without a number: %.20q", s.id, m.Data)
	}
	s.client.mu.Lock()
	current, next := s.client.session == s, s.client.last+1
	if current {
		s.client.last = n
	}
	s.client.mu.Unlock()
	if !current {
		return nil
	}
	if n != next {
		s.fault("client %d: message %d came, want %d", s.id, n, next)
	}
	s.count.Add(1)
	return s.answer(c, n, m)
}

// answer echoes message n, in one of the ways that there are.
func (s *session) answer(c *spout.Conn, n int, m spout.Message) error {
	switch n % 6 {
	case 0:
		return c.Write(context.Background(), m)
	case 1:
		return c.Write(context.Background(), m.Prepare())
	case 2:
		return c.Write(context.Background(), m.Uncompressed())
	case 3:
		half := len(m.Data) / 2
		return c.WriteFrom(context.Background(), m.Type, io.MultiReader(bytes.NewReader(m.Data[:half]), bytes.NewReader(m.Data[half:])))
	}
	if err := c.Send(m); err != spout.ErrFull {
		return err
	}
	return c.Write(context.Background(), m)
}

func (s *session) OnClose(*spout.Conn, error) {
	if s.closed {
		s.fault("client %d: OnClose comes twice", s.id)
	}
	s.closed = true
	s.closes.Add(1)
}
