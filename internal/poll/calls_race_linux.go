//go:build race

package poll

import (
	"slices"
	"syscall"
)

// The race detector takes order from ordinary system calls, which raw ones would hide from it.

func readSocket(fd int, p []byte) (int, syscall.Errno) { return errno(syscall.Read(fd, p)) }

func writeSocket(fd int, p []byte) (int, syscall.Errno) { return errno(syscall.Write(fd, p)) }

func writeBoth(fd int, head, body []byte) (int, syscall.Errno) {
	return writeSocket(fd, slices.Concat(head, body))
}

func errno(n int, err error) (int, syscall.Errno) {
	if err == nil {
		return n, 0
	}
	return 0, err.(syscall.Errno)
}

func epollWait(fd int, events []syscall.EpollEvent) (int, error) {
	return syscall.EpollWait(fd, events, 0)
}
