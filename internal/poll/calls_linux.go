//go:build !race

package poll

import (
	"syscall"
	"unsafe"
)

// Raw system calls do not tell the scheduler of themselves, which costs more than a short call that
// never waits, and can wake an idle processor.

func readSocket(fd int, p []byte) (int, syscall.Errno) {
	n, _, err := syscall.RawSyscall(syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return int(n), err
}

func writeSocket(fd int, p []byte) (int, syscall.Errno) {
	n, _, err := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return int(n), err
}

func writeBoth(fd int, head, body []byte) (int, syscall.Errno) {
	parts := [2]syscall.Iovec{{Base: unsafe.SliceData(head)}, {Base: unsafe.SliceData(body)}}
	parts[0].SetLen(len(head))
	parts[1].SetLen(len(body))
	n, _, err := syscall.RawSyscall(syscall.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(&parts[0])), uintptr(len(parts)))
	return int(n), err
}

func epollWait(fd int, events []syscall.EpollEvent) (int, error) {
	n, _, err := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), 0, 0, 0)
	if err != 0 {
		return 0, err
	}
	return int(n), nil
}
