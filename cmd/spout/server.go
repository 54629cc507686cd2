package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spoutws/spout"
	"github.com/spoutws/spout/hub"
	"github.com/spoutws/spout/origin"
)

const (
	defaultAddr       = "127.0.0.1:8888"
	defaultMaxMessage = 1 << 20

	// drainLimit bounds the closing of connections at the end. The WebSockets' own CloseTimeout is shorter.
	drainLimit = 10 * time.Second
	// requestLimit is how long plain requests may go on after the last WebSocket has closed.
	requestLimit = time.Second
)

// config is what the server of demo and serve is told.
type config struct {
	addr              string
	dir               string // whose files are served; "" for the page
	certFile, keyFile string // "" for no TLS, or for selfSigned
	selfSigned        bool
	origins           []string
	loopbackOrigins   bool          // localhost, 127.0.0.1 and [::1] are one origin, if the server listens there
	maxMessage        int64         // in bytes
	ping              time.Duration // 0 for the default, negative for none
	compress          bool
	broker            hub.Broker // of the chat; nil for a hub.Memory
	logger            *slog.Logger
	node              string   // this one's name, if there are several
	ports             []string // of all of them, then
	demo              *demo    // nil without a Live page
}

func (cfg *config) what() string {
	if cfg.dir != "" {
		return cfg.dir
	}
	return "a page to try it with"
}

// serve runs the server until ctx ends. ready is called when it listens.
func (cfg *config) serve(ctx context.Context, verb string, stdout, stderr io.Writer, ready func(*server)) int {
	var s *server
	ln, err := cfg.listen()
	if err == nil {
		s, err = newServer(cfg, ln, stderr)
	}
	if err == nil {
		ready(s)
		err = s.run(ctx, stdout)
	}
	if err != nil {
		fmt.Fprintf(stderr, "spout %s: %v\n", verb, err)
		return exitError
	}
	return exitOK
}

// demo is what the Live page needs.
type demo struct {
	token string // "" if only this machine may watch
	bots  int
	nodes *nodes
}

// server is the server of demo and serve.
type server struct {
	ws        spout.Server
	live      *live // nil if there is no Live page
	http      http.Server
	listener  net.Listener
	tlsConfig *tls.Config // nil if there is no TLS
}

// listen opens the server's port.
func (cfg *config) listen() (net.Listener, error) {
	ln, err := net.Listen("tcp", cfg.addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		err = fmt.Errorf("%w; another program has it, --addr chooses another", err)
	}
	return ln, err
}

// newServer returns a server on ln, which it owns.
func newServer(cfg *config, ln net.Listener, stderr io.Writer) (_ *server, err error) {
	defer func() {
		if err != nil {
			ln.Close()
		}
	}()
	s := &server{listener: ln, ws: spout.Server{Options: spout.Options{MessageLimit: cfg.maxMessage, PingInterval: cfg.ping, Logger: cfg.logger}}}
	if cfg.compress {
		s.ws.Compression = &spout.Deflate{}
	}
	s.http = http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          log.New(&httpErrors{w: stderr}, "", 0),
	}
	if s.tlsConfig, err = cfg.tls(); err != nil {
		return nil, err
	}
	if cfg.demo != nil {
		s.live = newLive(cfg.demo)
	}
	if s.http.Handler, err = s.routes(cfg); err != nil {
		return nil, err
	}
	origins := slices.Clone(cfg.origins)
	if tcp, ok := ln.Addr().(*net.TCPAddr); ok && cfg.loopbackOrigins && tcp.IP.IsLoopback() {
		for _, host := range loopbackHosts {
			origins = append(origins, "http://"+net.JoinHostPort(host, strconv.Itoa(tcp.Port)))
		}
	}
	check, err := checkOrigin(origins)
	if err != nil {
		return nil, err
	}
	s.ws.CheckOrigin = func(r *http.Request) bool { return check(r) || fromSibling(r, cfg.ports) }
	return s, nil
}

// fromSibling reports whether a page came from the same host, at one of these ports: another node's page, whose node
// may be gone.
func fromSibling(r *http.Request, ports []string) bool {
	page, err := url.Parse(r.Header.Get("Origin"))
	host, _, _ := net.SplitHostPort(r.Host)
	return err == nil && page.Scheme == "http" && page.Hostname() == host && slices.Contains(ports, page.Port())
}

var loopbackHosts = []string{"localhost", "127.0.0.1", "::1"}

// checkOrigin returns a check that lets in the server's own pages and those of origins.
func checkOrigin(origins []string) (func(*http.Request) bool, error) {
	if slices.Contains(origins, "*") {
		return origin.Any, nil
	}
	check, err := origin.Allow(origins...)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "origin: "))
	}
	return check, nil
}

// tls returns nil if there is to be no TLS.
func (cfg *config) tls() (*tls.Config, error) {
	var cert tls.Certificate
	var err error
	switch {
	case cfg.selfSigned:
		cert, err = selfSigned(time.Now())
	case cfg.certFile != "":
		cert, err = tls.LoadX509KeyPair(cfg.certFile, cfg.keyFile)
	default:
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}}, nil
}

func (s *server) routes(cfg *config) (http.Handler, error) {
	page, err := newPage(cfg)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	handle := func(path string, open func(*http.Request) (spout.Handler, error)) {
		mux.Handle(path, s.live.handler(&s.ws, open))
	}
	handle("/websocket", openFunc(youSaid))
	handle("/ws/echo", openFunc(echo))
	handle("/ws/chat/{room}", newChat(cfg).open)
	handle("/ws/clock", openClock)
	handle("/ws/close/{code}", openCloser)
	if s.live != nil {
		handle("/ws/live", s.live.open)
	}
	mux.Handle("/ws/", http.StripPrefix("/ws/", page))
	if cfg.dir == "" {
		mux.Handle("/", http.StripPrefix("/", page))
		return mux, nil
	}
	root, err := os.OpenRoot(cfg.dir) // links can't lead out of it
	if err != nil {
		return nil, fmt.Errorf("directory of files: %w", err)
	}
	mux.Handle("/", http.FileServerFS(root.FS()))
	return mux, nil
}

// url is the address of the page, or of the files.
func (s *server) url() string { return pageURL(s.listener, s.tlsConfig != nil) }

func pageURL(ln net.Listener, secure bool) string {
	scheme := "http"
	if secure {
		scheme = "https"
	}
	host, port, _ := net.SplitHostPort(ln.Addr().String())
	if ip := net.ParseIP(host); ip.IsUnspecified() {
		host = "localhost"
	}
	return fmt.Sprintf("%s://%s/", scheme, net.JoinHostPort(host, port))
}

// run serves until ctx ends, and then drains: no new connections, 1012 to the open ones, and an end in bounded time.
func (s *server) run(ctx context.Context, stdout io.Writer) error {
	var measuring sync.WaitGroup
	defer measuring.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop() // comes before the waiting
	measuring.Go(func() { s.live.run(ctx) })
	failed := make(chan error, 1)
	go func() {
		ln := s.listener
		if s.tlsConfig != nil {
			ln = s.ws.Listener(ln, s.tlsConfig)
		}
		failed <- s.http.Serve(ln)
	}()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}

	open := 0
	for range s.ws.Conns() {
		open++
	}
	fmt.Fprintf(stdout, "stopping; WebSockets closed with 1012: %d\n", open)
	bound, cancel := context.WithTimeout(context.Background(), drainLimit)
	defer cancel()
	requests := make(chan struct{})
	go func() {
		defer close(requests)
		s.http.Shutdown(bound) // closes the listener at once, then waits
	}()
	if err := s.ws.Shutdown(bound); err != nil {
		fmt.Fprintf(stdout, "some connections did not close in time: %v\n", err)
	}
	select {
	case <-requests:
	case <-time.After(requestLimit):
		s.http.Close()
	}
	return nil
}

// kill ends the server as a crash does: connections break off, and nobody gets a word.
func (s *server) kill() {
	s.http.Close()
	for c := range s.ws.Conns() {
		c.CloseNow()
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	s.ws.Shutdown(over) // one that was being opened
}
