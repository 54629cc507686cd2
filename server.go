package spout

import (
	"iter"
	"net/http"
	"slices"
	"sync"

	"github.com/spoutws/spout/origin"
)

// Server accepts WebSocket connections from an HTTP server. The zero value is ready. Its fields
// must not change after the first request; its methods may be called from any goroutine.
//
// It upgrades requests of HTTP/1.1. A request that is not upgraded gets an HTTP error that says
// why, and its HTTP connection is closed, so that nothing can be smuggled behind it.
type Server struct {
	Options

	// CheckOrigin decides whether a browser on the page that the request's Origin header names
	// may connect; it is not asked about requests without that header, which no browser sends.
	// Default: [origin.Same]. A refusal is answered with 403.
	CheckOrigin func(r *http.Request) bool

	// SelectSubprotocol chooses one of the offered subprotocols, or none by "". It is only called
	// for requests that offer some. Default: the first of Options.Subprotocols that is offered.
	SelectSubprotocol func(r *http.Request, offered []string) string

	once     sync.Once
	cfg      *config
	accepted route // of the connections that Accept returns

	mu       sync.Mutex
	conns    []*Conn
	pending  int // requests between their check and their registration
	shutdown bool
	idle     chan struct{} // closed when a shutdown has nothing left to wait for
}

// Handler returns an http.Handler that upgrades requests and serves each connection with the
// Handler that open makes for it. It returns when the connection is upgraded, not when it ends.
//
// open is called before the upgrade and after the request and its origin were checked. It may
// refuse by returning a *[HandshakeError]; any other error is logged and answered with 500.
// It must not write a response; headers that it, or middleware before it, sets on the
// ResponseWriter are sent with the upgrade.
func (s *Server) Handler(open func(r *http.Request) (Handler, error)) http.Handler {
	kind := new(route)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, early, err := s.upgrade(w, r, open, kind); err == nil {
			c.stream.run(early, true)
		}
	})
}

// HandlerFunc returns an http.Handler that upgrades requests and calls f for each message.
func (s *Server) HandlerFunc(f HandlerFunc) http.Handler {
	return s.Handler(func(*http.Request) (Handler, error) { return f, nil })
}

// Accept upgrades a request and returns the connection, for reading in a loop. If it fails, the
// request is answered already; the error is then a *[HandshakeError].
//
// The connection lives on when the HTTP handler returns, and does not end with the request's
// context.
func (s *Server) Accept(w http.ResponseWriter, r *http.Request) (*Conn, error) {
	c, early, err := s.upgrade(w, r, nil, &s.accepted)
	if err != nil {
		return nil, err
	}
	c.stream.run(early, false)
	return c, nil
}

// Conns returns an iterator over the connections that are there when it starts.
func (s *Server) Conns() iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) {
		for _, c := range s.snapshot() {
			if !yield(c) {
				return
			}
		}
	}
}

func (s *Server) snapshot() []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.conns)
}

// enter counts a request that may become a connection, unless the server is shut down.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shutdown {
		return false
	}
	s.pending++
	return true
}

// leave ends what enter began: the request has become a connection, or nothing.
func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending--
	s.checkIdle()
}

func (s *Server) add(c *Conn) {
	s.mu.Lock()
	c.place = int32(len(s.conns))
	s.conns = append(s.conns, c)
	late := s.shutdown
	s.mu.Unlock()
	if late {
		c.Close(CloseServiceRestart, "")
	}
}

func (s *Server) remove(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.conns) - 1
	s.conns[c.place] = s.conns[last]
	s.conns[c.place].place = c.place
	s.conns = slices.Delete(s.conns, last, last+1)
	s.checkIdle()
}

// checkIdle tells Shutdown when nothing is left. s.mu is held.
func (s *Server) checkIdle() {
	if s.idle != nil && s.pending == 0 && len(s.conns) == 0 {
		select {
		case <-s.idle:
		default:
			close(s.idle)
		}
	}
}

func (s *Server) config() *config {
	s.once.Do(func() {
		s.cfg = s.Options.config(true)
		s.cfg.server = s
	})
	return s.cfg
}

func (s *Server) allowed(r *http.Request) bool {
	if s.CheckOrigin != nil {
		return s.CheckOrigin(r)
	}
	return origin.Same(r)
}
