//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/spoutws/spout/bench/wire"
	"golang.org/x/sys/unix"
)

// fleet is many connections of a client, in a few bytes each: a descriptor, and what has come back. A goroutine
// of its own answers pings all the time.
type fleet struct {
	epoll int

	mu       sync.Mutex
	conns    []conn
	round    uint32        // of messages
	missing  int           // messages of this round, or answers to Close frames
	complete chan struct{} // closed when missing becomes 0
	state    held
	failed   error
}

type conn struct {
	fd    int32 // -1 for none
	round uint32
}

func newFleet() (*fleet, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	f := &fleet{epoll: epoll}
	go f.watch()
	return f, nil
}

// dialers is how many handshakes of a client are under way at a time.
const dialers = 8

// connect opens n more connections, from an address that nobody else has.
func (f *fleet) connect(from netip.Addr, to netip.AddrPort, n int) error {
	var wg sync.WaitGroup
	first := firstPort + len(f.conns)
	errs := make([]error, dialers)
	for d := range errs {
		wg.Go(func() {
			for i := d; i < n && errs[d] == nil; i += dialers {
				var fd int
				if fd, errs[d] = dial(netip.AddrPortFrom(from, uint16(first+i)), to); errs[d] == nil {
					errs[d] = f.add(fd)
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (f *fleet) add(fd int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := len(f.conns)
	f.conns = append(f.conns, conn{fd: int32(fd), round: f.round})
	f.state.Conns++
	return unix.EpollCtl(f.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)})
}

// message is what a connection sends in a round. No two are alike.
func message(i int, round uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(i)), round)
}

// settle is how long the first pieces of frames are left alone.
const settle = time.Second

// echo has each connection echo a message, and returns how many came back.
func (f *fleet) echo(pieces bool) (int, error) {
	f.mu.Lock()
	f.round++
	n := f.expect()
	frames := func(from func([]byte) []byte) {
		for i, c := range f.conns {
			if c.fd >= 0 {
				f.write(i, from(wire.Frame(false, message(i, f.round))))
			}
		}
	}
	if pieces {
		const first = 3 // bytes, half a header
		frames(func(frame []byte) []byte { return frame[:first] })
		// With the lock held: a pong would go into the midst of a frame.
		time.Sleep(settle)
		frames(func(frame []byte) []byte { return frame[first:] })
	} else {
		frames(func(frame []byte) []byte { return frame })
	}
	f.mu.Unlock()
	return f.await(n)
}

// hangUp sends a Close frame on each connection, and returns on how many it was answered.
func (f *fleet) hangUp() (int, error) {
	f.mu.Lock()
	n := f.expect()
	for i, c := range f.conns {
		if c.fd >= 0 {
			f.write(i, wire.Control(opClose, closeNormal))
		}
	}
	f.mu.Unlock()
	return f.await(n)
}

// expect begins to count what is missing: something from each connection, whose number it returns. f.mu is
// held.
func (f *fleet) expect() (n int) {
	f.missing, f.complete = f.state.Conns, make(chan struct{})
	return f.missing
}

// await waits until none of n is missing, as long as something comes, and returns how many have come.
func (f *fleet) await(n int) (came int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.missing > 0 {
		before := f.missing
		f.mu.Unlock()
		select {
		case <-f.complete:
		case <-time.After(wire.Patience):
		}
		f.mu.Lock()
		if f.missing == before || f.failed != nil {
			break
		}
	}
	return n - f.missing, f.failed
}

func (f *fleet) held() held {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}

// write writes a few bytes, for which there is room. f.mu is held.
func (f *fleet) write(i int, p []byte) {
	if _, err := unix.Write(int(f.conns[i].fd), p); err != nil {
		f.lose(i, err)
	}
}

// lose gives a connection up. f.mu is held.
func (f *fleet) lose(i int, err error) {
	if f.state.Lost == "" {
		f.state.Lost = err.Error()
	}
	f.drop(i)
}

// drop closes a connection. f.mu is held.
func (f *fleet) drop(i int) {
	unix.Close(int(f.conns[i].fd))
	f.conns[i].fd = -1
	f.state.Conns--
}

// watch reads what comes.
func (f *fleet) watch() {
	events, buf := make([]unix.EpollEvent, 256), make([]byte, 4<<10)
	for {
		n, err := unix.EpollWait(f.epoll, events, -1)
		f.mu.Lock()
		if err != nil && err != unix.EINTR {
			f.failed = err
			f.mu.Unlock()
			return
		}
		for _, ev := range events[:max(n, 0)] {
			if i := int(ev.Fd); f.conns[i].fd >= 0 {
				f.read(i, buf)
			}
		}
		f.mu.Unlock()
	}
}

const (
	opBinary = 2
	opClose  = 8
	opPing   = 9
	opPong   = 10
)

var closeNormal = []byte{1000 >> 8, 1000 & 0xff}

// read takes what has come on a connection: whole frames, each of which a server sends at once. f.mu is held.
func (f *fleet) read(i int, buf []byte) {
	n, err := unix.Read(int(f.conns[i].fd), buf)
	if err != nil {
		f.lose(i, err)
		return
	}
	if n == 0 {
		f.lose(i, errors.New("the server has hung up"))
		return
	}
	for p := buf[:n]; len(p) > 0; {
		const final, short = 0x80, 125
		if len(p) < 2 || p[0]&final == 0 || p[1] > short || len(p) < 2+int(p[1]) {
			f.lose(i, fmt.Errorf("these bytes came: % x", p))
			return
		}
		payload := p[2 : 2+int(p[1])]
		switch op := p[0] &^ final; {
		case op == opPing:
			f.state.Pongs++
			f.write(i, wire.Control(opPong, payload))
		case op == opBinary && f.conns[i].round+1 == f.round && bytes.Equal(payload, message(i, f.round)):
			f.conns[i].round = f.round
			f.came()
		case op == opClose && bytes.Equal(payload, closeNormal):
			f.drop(i)
			f.came()
			return
		default:
			f.lose(i, fmt.Errorf("a frame of type %d came with % x", op, payload))
			return
		}
		p = p[2+len(payload):]
	}
}

// came counts what was missing. f.mu is held.
func (f *fleet) came() {
	if f.missing--; f.missing == 0 {
		close(f.complete)
	}
}
