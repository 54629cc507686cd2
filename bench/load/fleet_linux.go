package load

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/spoutws/spout/bench/servers"
	"github.com/spoutws/spout/bench/wire"
	"golang.org/x/sys/unix"
)

// fleet is many connections without TLS, driven by one thread.
type fleet struct {
	job     Job
	traffic traffic
	epoll   int
	conns   []*conn
	events  []unix.EpollEvent
	buf     []byte

	turn    int // how often all were to receive something
	missing int // messages that are to come back
	until   time.Time
	now     time.Time // when the current event began
	latency histogram
	result  Result
}

// conn is one connection.
type conn struct {
	fd      int
	rest    []byte // of a batch, what could not be written yet
	next    int    // batch
	missing int    // messages that are to come back
	sent    time.Time
	scanner wire.Scanner
}

// newFleet connects.
func newFleet(j Job) (runner, error) {
	clients, x, err := dial(j)
	defer wire.CloseAll(clients)
	if err != nil {
		return nil, err
	}
	f := &fleet{job: j, traffic: x, events: make([]unix.EpollEvent, 256), buf: make([]byte, 256<<10)}
	if f.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	for i, client := range clients {
		// Package net would be woken by whatever arrives at a descriptor of its own.
		fd, err := duplicate(client.Conn.(syscall.Conn))
		if err != nil {
			f.close()
			return nil, err
		}
		c := &conn{fd: fd, scanner: wire.Scanner{Size: uint64(x.size)}}
		if j.Setup.Compression.Compressed() {
			c.next = len(x.first)
		}
		f.conns = append(f.conns, c)
		client.Close()
		if err := f.watch(unix.EPOLL_CTL_ADD, i, unix.EPOLLIN); err != nil {
			f.close()
			return nil, err
		}
	}
	return f, nil
}

func duplicate(c syscall.Conn) (fd int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	e := raw.Control(func(old uintptr) { fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) })
	return fd, errors.Join(err, e)
}

func (f *fleet) watch(op, i int, events uint32) error {
	return unix.EpollCtl(f.epoll, op, f.conns[i].fd, &unix.EpollEvent{Fd: int32(i), Events: events})
}

func (f *fleet) close() {
	for _, c := range f.conns {
		unix.Close(c.fd)
	}
	unix.Close(f.epoll)
}

// run keeps the connections busy for a while and returns when all that was sent has come back.
func (f *fleet) run(d time.Duration) (Result, error) {
	f.latency, f.result = histogram{}, Result{}
	f.now = time.Now()
	began := f.now
	f.until = f.now.Add(d)
	if err := f.begin(); err != nil {
		return f.result, err
	}
	for f.missing > 0 {
		n, err := wire.EpollWait(f.epoll, f.events, int(wire.Patience.Milliseconds()))
		if err != nil {
			return f.result, err
		}
		if n == 0 {
			return f.result, fmt.Errorf("%d messages have not come back within %s", f.missing, wire.Patience)
		}
		for _, ev := range f.events[:n] {
			if err := f.serve(int(ev.Fd), ev.Events); err != nil {
				return f.result, err
			}
		}
	}
	f.result.Elapsed = time.Since(began)
	f.result.set(&f.latency)
	return f.result, nil
}

// begin sends from all connections, or from some what all are to receive.
func (f *fleet) begin() error {
	if f.job.Setup.Role == servers.Echo {
		for i := range f.conns {
			if err := f.send(i); err != nil {
				return err
			}
		}
		return nil
	}
	for _, c := range f.conns {
		c.sent = f.now
		c.missing++
	}
	f.missing += len(f.conns)
	publishers := f.job.publishers(f.turn)
	f.turn++
	for _, i := range publishers {
		if err := f.write(i, f.traffic.batches[0]); err != nil {
			return err
		}
	}
	return nil
}

// send sends the next batch of a connection.
func (f *fleet) send(i int) error {
	c := f.conns[i]
	batch := f.traffic.batches[c.next]
	if c.next++; c.next == len(f.traffic.batches) {
		c.next = 0
	}
	c.sent = f.now
	c.missing = max(1, f.job.Depth)
	f.missing += c.missing
	return f.write(i, batch)
}

func (f *fleet) write(i int, p []byte) error {
	c := f.conns[i]
	waited := len(c.rest) > 0
	n, errno := wire.Write(c.fd, p)
	if errno != 0 && errno != syscall.EAGAIN {
		return errno
	}
	c.rest = p[n:]
	switch waits := len(c.rest) > 0; {
	case waits && !waited:
		return f.watch(unix.EPOLL_CTL_MOD, i, unix.EPOLLIN|unix.EPOLLOUT)
	case waited && !waits:
		return f.watch(unix.EPOLL_CTL_MOD, i, unix.EPOLLIN)
	}
	return nil
}

// serve does what an event asks for.
func (f *fleet) serve(i int, events uint32) error {
	c := f.conns[i]
	if events&unix.EPOLLOUT != 0 {
		if err := f.write(i, c.rest); err != nil {
			return err
		}
	}
	if events&^unix.EPOLLOUT == 0 {
		return nil
	}
	n, errno := wire.Read(c.fd, f.buf)
	if errno == syscall.EAGAIN {
		return nil
	}
	if errno != 0 {
		return errno
	}
	if n == 0 {
		return errors.New("the server has closed a connection")
	}
	f.result.Wire += int64(n)
	messages, err := c.scanner.Scan(f.buf[:n])
	if err != nil || messages == 0 {
		return err
	}
	f.now = time.Now()
	for range messages {
		f.latency.add(f.now.Sub(c.sent))
	}
	f.result.Messages += messages
	f.missing -= messages
	if c.missing -= messages; c.missing < 0 {
		return errors.New("more messages came back than were sent")
	}
	if f.now.After(f.until) {
		return nil
	}
	if f.job.Setup.Role != servers.Echo {
		if f.missing == 0 {
			return f.begin()
		}
		return nil
	}
	if c.missing == 0 {
		return f.send(i)
	}
	return nil
}
