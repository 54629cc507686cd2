package conformance

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Config says which server is checked, and how.
type Config struct {
	URL      string        // of an echo endpoint: ws or wss
	TLS      *tls.Config   // for wss; nil: the system's roots
	Timeout  time.Duration // for a whole case, but those that wait for a server's deadlines; 10 s if zero
	Parallel int           // cases at a time; 8 if zero
	PID      int           // of the server's process, to judge what cases cost it (Linux); 0: not judged
	Remote   bool          // hostile cases may be sent to a server that is not on loopback
}

// Checker runs cases against one server. It may be used by several goroutines.
type Checker struct {
	target   target
	timeout  time.Duration
	patience time.Duration // of the sessions
	parallel int
	process  *process // nil if it is not known
	hostile  bool     // hostile cases may be sent
}

// New returns a Checker for c, or an error that says what is wrong with c.URL or c.PID.
func New(c Config) (*Checker, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, err
	}
	k := &Checker{timeout: c.Timeout, parallel: c.Parallel}
	port, origin := "80", "http://"
	switch u.Scheme {
	case "ws":
	case "wss":
		port, origin = "443", "https://"
		k.target.tls = &tls.Config{}
		if c.TLS != nil {
			k.target.tls = c.TLS.Clone()
		}
		if k.target.tls.ServerName == "" {
			k.target.tls.ServerName = u.Hostname()
		}
	default:
		return nil, fmt.Errorf("%q is not a WebSocket URL: it must begin with ws:// or wss://", c.URL)
	}
	if u.Hostname() == "" {
		return nil, fmt.Errorf("%q names no host", c.URL)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	k.target.edge = new(edge)
	k.target.addr = net.JoinHostPort(u.Hostname(), port)
	k.target.host = u.Host
	k.target.path = u.RequestURI()
	k.target.origin = origin + u.Host
	if k.timeout <= 0 {
		k.timeout = 10 * time.Second
	}
	k.patience = min(patience, k.timeout/4)
	if k.parallel <= 0 {
		k.parallel = 8
	}
	k.hostile = c.Remote || isLoopback(u.Hostname())
	if c.PID != 0 {
		if k.process, err = findProcess(c.PID); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// isLoopback reports whether a host is this machine whatever a name server says.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return ip.IsLoopback() || ip == nil && strings.EqualFold(host, "localhost")
}

// Hostile reports whether Run may be given hostile cases: the server is on loopback, or
// Config.Remote was set.
func (k *Checker) Hostile() bool { return k.hostile }

// target is where a server is reached.
type target struct {
	addr   string      // to dial
	host   string      // the Host header
	path   string      // with the query
	origin string      // that of the server's own pages
	tls    *tls.Config // nil for ws
	edge   *edge
}

// dial connects, with the TLS handshake where it belongs.
func (t *target) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", t.addr)
	if err != nil || t.tls == nil {
		return conn, err
	}
	c := tls.Client(conn, t.tls)
	if err := c.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

// closeWrite ends the sending direction of a connection that dial made.
func closeWrite(c net.Conn) {
	if t, ok := c.(*tls.Conn); ok {
		t.CloseWrite()
	}
	if t, ok := netConn(c).(*net.TCPConn); ok {
		t.CloseWrite()
	}
}

// netConn is what TLS, if there is any, runs over.
func netConn(c net.Conn) net.Conn {
	if t, ok := c.(*tls.Conn); ok {
		return t.NetConn()
	}
	return c
}

// Probe tells whether there is a WebSocket echo server to check at all. The error says what is
// there instead.
func (k *Checker) Probe(ctx context.Context) error {
	res := k.ask(ctx, Case{script: func(s *session) {
		s.dial()
		s.send(s.request().bytes())
		a := s.response()
		switch {
		case a.status == 0:
			s.fail("%s does not answer a WebSocket handshake: it %s", s.target.addr, s.endedOr("was silent"))
		case a.status != 101:
			s.fail("the handshake was refused with %q", a.line)
		}
		s.sendFrames(text("spout"))
		if e := s.next(); e.kind != message || string(e.data) != "spout" {
			s.fail("this is no echo server: %v came for the text message \"spout\"", e)
		}
	}})
	if err := ctx.Err(); err != nil {
		return err
	}
	if res.Verdict == Fail {
		return fmt.Errorf("%s", strings.TrimSpace(res.Reason))
	}
	return nil
}

// Run asks the cases and returns their results in the same order: several at a time, then one at a
// time those that measure the server's process. It calls report, if there is one, after each, one
// call at a time. If ctx ends, so do the cases, and the error is that of ctx.
func (k *Checker) Run(ctx context.Context, cases []Case, report func(Result)) ([]Result, error) {
	results, ask := asking(ctx, cases, k.ask, report)
	for _, c := range cases {
		if c.Family.Hostile() && !k.hostile {
			return nil, fmt.Errorf("%s is hostile and %s is not on loopback: it is not asked without Config.Remote", c.ID, k.target.addr)
		}
	}
	var wg sync.WaitGroup
	var large sync.Mutex
	free := make(chan struct{}, k.parallel)
	for i, c := range cases {
		if c.waits {
			wg.Go(func() { ask(i) })
		}
	}
	for i, c := range cases {
		if c.waits || c.exclusive {
			continue
		}
		free <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-free }()
			if c.large {
				large.Lock()
				defer large.Unlock()
			}
			ask(i)
		})
	}
	wg.Wait()
	for i, c := range cases {
		if c.exclusive && ctx.Err() == nil {
			ask(i)
		}
	}
	return results, ctx.Err()
}

// asking returns the results of cases, which are empty until ask is called with the number of each. It may
// be called from several goroutines: calls of report, if there is one, come one at a time, and none
// after the end of ctx.
func asking(ctx context.Context, cases []Case, one func(context.Context, Case) Result, report func(Result)) (results []Result, ask func(int)) {
	results = make([]Result, len(cases))
	var mu sync.Mutex // around report
	return results, func(i int) {
		results[i] = one(ctx, cases[i])
		mu.Lock()
		defer mu.Unlock()
		if report != nil && ctx.Err() == nil {
			report(results[i])
		}
	}
}

// patience is how long a case waits for an answer that may rightly not come. What a server does
// later than that counts as not done at once.
const patience = 2 * time.Second

// ask runs one case to its verdict.
func (k *Checker) ask(ctx context.Context, c Case) Result {
	start := time.Now()
	s := k.newSession()
	descriptors := 0
	s.run(ctx, k.timeout*time.Duration(max(c.timeouts, 1)), func() {
		if c.exclusive && k.process != nil {
			descriptors = s.usage().descriptors
		}
		s.begin()
		c.script(s)
		s.judge(c.bounds)
	})
	if c.Family.Hostile() && s.verdict != Fail {
		after := k.newSession()
		after.run(ctx, k.timeout, func() { after.afterwards(descriptors) })
		s.adopt("afterwards: ", after)
	}
	return Result{
		Case: c, Verdict: s.verdict, Reason: s.reason, Broken: s.broken,
		Exchange: s.exchange.transfers, Measured: s.measured, Duration: time.Since(start),
	}
}

func (k *Checker) newSession() *session {
	return &session{
		target: &k.target, patience: k.patience,
		measuring: measuring{process: k.process}, verdict: Pass,
	}
}

// run runs a script until it ends, or fails, and hangs up.
func (s *session) run(ctx context.Context, timeout time.Duration, script func()) {
	s.deadline = time.Now().Add(timeout)
	var cancel context.CancelFunc
	s.ctx, cancel = context.WithDeadline(ctx, s.deadline)
	defer cancel()
	defer func() {
		s.hangUp()
		if p := recover(); p != nil && p != any(stopped{}) {
			panic(p)
		}
	}()
	script()
}
