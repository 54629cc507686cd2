//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"

	"github.com/spoutws/spout/bench/wire"
	"golang.org/x/sys/unix"
)

const key = "dGhlIHNhbXBsZSBub25jZQ=="

// dial opens a connection as cheaply as can be, and returns its descriptor, which does not block.
func dial(from, to netip.AddrPort) (fd int, err error) {
	if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	patience := unix.Timeval{Sec: int64(wire.Patience.Seconds())}
	err = errors.Join(
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &patience),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1), // others have the port, at other addresses
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.Bind(fd, sockaddr(from)))
	if err != nil {
		return -1, err
	}
	if err := retry(func() error { return unix.Connect(fd, sockaddr(to)) }); err != nil {
		return -1, fmt.Errorf("connect from %s to %s: %w", from, to, err)
	}
	if err := shake(fd, to); err != nil {
		return -1, fmt.Errorf("handshake with %s: %w", to, err)
	}
	return fd, unix.SetNonblock(fd, true)
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
}

func shake(fd int, addr netip.AddrPort) error {
	request := fmt.Appendf(nil, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", addr, key)
	if _, err := unix.Write(fd, request); err != nil {
		return err
	}
	var buf [1 << 10]byte
	answer := buf[:0]
	for !bytes.HasSuffix(answer, []byte("\r\n\r\n")) {
		var n int
		err := retry(func() (err error) {
			n, err = unix.Read(fd, buf[len(answer):])
			return err
		})
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("the connection ended after %q", answer)
		}
		answer = buf[:len(answer)+n]
	}
	if !bytes.HasPrefix(answer, []byte("HTTP/1.1 101 ")) || !bytes.Contains(answer, []byte(wire.Accept(key))) {
		return fmt.Errorf("the server answered %q", answer)
	}
	return nil
}

// retry makes a system call until no signal interrupts it.
func retry(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}
