package spout

import (
	"net"
	"syscall"
)

const (
	tcpNotSentLowat = 25 // TCP_NOTSENT_LOWAT
	maxUnsent       = 64 << 10
)

// limitUnsent makes a socket take no more than so many bytes beyond those that are under way. Without
// it the system says that there is room again only when a third of its buffer is free, which may
// be megabytes: a slow peer that takes bytes all the time would look like one that takes none.
func limitUnsent(nc *net.TCPConn) {
	if rc, err := nc.SyscallConn(); err == nil {
		rc.Control(func(fd uintptr) {
			syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotSentLowat, maxUnsent)
		})
	}
}
