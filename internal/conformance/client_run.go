package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ClientConfig says where clients are awaited, and who starts them.
type ClientConfig struct {
	Addr     string        // to listen on, as in 127.0.0.1:0
	Exec     []string      // the program, and its arguments, to start for every case: {url} in them becomes the URL; nil: others start the clients
	Timeout  time.Duration // for a whole case once the client has connected, but those that wait for a client's own deadlines; 10 s if zero
	Parallel int           // cases at a time, with Exec; 8 if zero
}

// ClientChecker runs cases against clients, which connect to it.
type ClientChecker struct {
	cfg    ClientConfig
	main   net.Listener
	second net.Listener // where redirects lead
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	visits  map[int]chan *visit // of the cases that are not over
	waiting []int               // the cases that have had no client, in order
	keys    map[string]int      // how many handshakes had a key
	masks   map[[4]byte]int     // how many connections began with a masking key
}

// Listen returns a ClientChecker that takes connections. The caller closes it.
func Listen(c ClientConfig) (*ClientChecker, error) {
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Second
	}
	if c.Parallel <= 0 {
		c.Parallel = 8
	}
	if c.Exec != nil && !slices.ContainsFunc(c.Exec, func(word string) bool { return strings.Contains(word, urlWord) }) {
		return nil, fmt.Errorf("the command lacks %s, which becomes the URL to connect to", urlWord)
	}
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return nil, err
	}
	k := &ClientChecker{cfg: c, visits: map[int]chan *visit{}, keys: map[string]int{}, masks: map[[4]byte]int{}}
	if k.main, err = net.Listen("tcp", c.Addr); err != nil {
		return nil, err
	}
	if k.second, err = net.Listen("tcp", net.JoinHostPort(host, "0")); err != nil {
		k.main.Close()
		return nil, err
	}
	k.ctx, k.cancel = context.WithCancel(context.Background())
	return k, nil
}

// URL is where the clients are awaited: that of the next case.
func (k *ClientChecker) URL() string {
	return (&url.URL{Scheme: "ws", Host: k.host(k.main), Path: "/"}).String()
}

// host is how a client reaches a listener: loopback for one that takes connections from everywhere.
func (k *ClientChecker) host(ln net.Listener) string {
	a := ln.Addr().(*net.TCPAddr)
	if a.IP.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(a.Port))
	}
	return a.String()
}

// caseURL is the URL of one case.
func (k *ClientChecker) caseURL(ln net.Listener, number int) *url.URL {
	return &url.URL{Scheme: "ws", Host: k.host(ln), Path: casePath + strconv.Itoa(number)}
}

const casePath = "/case/"

// Close takes no more connections, and ends those of which no case has heard.
func (k *ClientChecker) Close() {
	k.cancel()
	k.main.Close()
	k.second.Close()
	k.wg.Wait()
}

func (k *ClientChecker) accept(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			wait(k.ctx, 10*time.Millisecond) // for a descriptor to become free
			continue
		}
		k.wg.Go(func() { k.receive(conn, ln == k.second) })
	}
}

// receive reads a client's handshake and hands the connection to its case.
func (k *ClientChecker) receive(conn net.Conn, second bool) {
	defer context.AfterFunc(k.ctx, func() { conn.Close() })()
	conn.SetReadDeadline(time.Now().Add(k.cfg.Timeout))
	var in []byte
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		in = append(in, buf[:n]...)
		if head, rest, whole := cutHead(in); whole {
			v := &visit{conn: conn, head: head, rest: rest, second: second}
			v.request, v.bad = parseRequest(head)
			k.deliver(v)
			return
		}
		if err != nil || len(in) > largestHeader {
			conn.Close()
			return
		}
	}
}

// deliver hands a visit to the case that its path names, or to the next that has had none.
func (k *ClientChecker) deliver(v *visit) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range valuesOf(v.request.fields, "Sec-WebSocket-Key") {
		k.keys[key]++
	}
	number := 0
	if path, named := strings.CutPrefix(v.request.path, casePath); named {
		path, _, _ = strings.Cut(path, "?")
		number, _ = strconv.Atoi(path)
	} else if len(k.waiting) > 0 && !v.second {
		number = k.waiting[0]
	}
	k.waiting = slices.DeleteFunc(k.waiting, func(n int) bool { return n == number })
	select {
	case k.visits[number] <- v:
	default: // there is no such case, or it is over, or has enough
		io.WriteString(v.conn, "HTTP/1.1 404 Not Found\r\nContent-Length: 13\r\nConnection: close\r\n\r\nno such case\n")
		v.conn.Close()
	}
}

// mostVisits bounds the connections of a case that wait for it.
const mostVisits = 64

// Run asks the cases, once, and returns their results in the same order. Where it starts the clients,
// those of cases that compare them with others come last, one at a time. It calls report, if there
// is one, after each, one call at a time. If ctx ends, so do the cases, and the error is that of ctx.
func (k *ClientChecker) Run(ctx context.Context, cases []Case, report func(Result)) ([]Result, error) {
	k.mu.Lock()
	for _, c := range cases {
		k.visits[c.number] = make(chan *visit, mostVisits)
		if k.cfg.Exec == nil {
			k.waiting = append(k.waiting, c.number)
		}
	}
	k.mu.Unlock()
	k.wg.Go(func() { k.accept(k.main) }) // those that came before wait in the queue of the system
	k.wg.Go(func() { k.accept(k.second) })

	results, ask := asking(ctx, cases, k.ask, report)
	var wg sync.WaitGroup
	large := make(chan struct{}, 2)
	free := make(chan struct{}, k.cfg.Parallel)
	for i, c := range cases {
		if k.cfg.Exec == nil || c.waits {
			wg.Go(func() { ask(i) })
			continue
		}
		if c.exclusive {
			continue
		}
		free <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-free }()
			if c.large {
				large <- struct{}{}
				defer func() { <-large }()
			}
			ask(i)
		})
	}
	wg.Wait()
	for i, c := range cases {
		if k.cfg.Exec != nil && c.exclusive && ctx.Err() == nil {
			ask(i)
		}
	}
	return results, ctx.Err()
}

// ask runs one case to its verdict.
func (k *ClientChecker) ask(ctx context.Context, c Case) Result {
	k.mu.Lock()
	visits := k.visits[c.number]
	k.mu.Unlock()
	defer k.over(c.number, visits)
	s := &session{
		patience: min(patience, k.cfg.Timeout/4), verdict: Pass,
		client: &visitor{visits: visits, check: k, number: c.number},
	}
	if k.cfg.Exec == nil {
		select {
		case s.client.first = <-visits:
		case <-ctx.Done():
		}
	}
	start := time.Now()
	if k.cfg.Exec != nil {
		// The time that it takes to start is not the case's.
		s.run(ctx, k.cfg.Timeout, func() {
			s.start(c.given(k.caseURL(k.main, c.number)))
			s.client.first = s.nextVisit()
		})
	}
	if s.verdict == Pass {
		s.run(ctx, k.cfg.Timeout*time.Duration(max(c.timeouts, 1)), func() {
			c.script(s)
			s.judgeMemory(c.bounds)
		})
	}
	s.endProcess(ctx, k.cfg.Timeout)
	return Result{
		Case: c, Verdict: s.verdict, Reason: s.reason, Broken: s.broken,
		Exchange: s.exchange.transfers, Measured: s.measured, Duration: time.Since(start),
	}
}

// given is the URL that the client of a case gets.
func (c *Case) given(u *url.URL) string {
	if c.url != nil {
		c.url(u)
	}
	return u.String()
}

// over forgets a case and hangs up on those that still want it.
func (k *ClientChecker) over(number int, visits chan *visit) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.visits, number)
	k.waiting = slices.DeleteFunc(k.waiting, func(n int) bool { return n == number })
	for {
		select {
		case v := <-visits:
			v.conn.Close()
		default:
			return
		}
	}
}
