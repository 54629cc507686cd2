//go:build !race

package poll

import (
	"syscall"
	"unsafe"
)

// Raw system calls do not tell the scheduler of themselves, which costs more than a short call that
// never waits, and can wake an idle processor. So they keep their processor from other goroutines, and
// long ones are not made like that.
const maxRaw = 68 << 10

func readSocket(fd int, p []byte) (int, syscall.Errno) {
	return call(syscall.SYS_READ, fd, unsafe.Pointer(unsafe.SliceData(p)), len(p), len(p))
}

func writeSocket(fd int, p []byte) (int, syscall.Errno) {
	return call(syscall.SYS_WRITE, fd, unsafe.Pointer(unsafe.SliceData(p)), len(p), len(p))
}

func writeBoth(fd int, head, body []byte) (int, syscall.Errno) {
	parts := [2]syscall.Iovec{{Base: unsafe.SliceData(head)}, {Base: unsafe.SliceData(body)}}
	parts[0].SetLen(len(head))
	parts[1].SetLen(len(body))
	return call(syscall.SYS_WRITEV, fd, unsafe.Pointer(&parts[0]), len(parts), len(head)+len(body))
}

// call makes a system call about so many bytes.
func call(trap uintptr, fd int, p unsafe.Pointer, n, bytes int) (int, syscall.Errno) {
	var r uintptr
	var err syscall.Errno
	if bytes <= maxRaw {
		r, _, err = syscall.RawSyscall(trap, uintptr(fd), uintptr(p), uintptr(n))
	} else {
		r, _, err = syscall.Syscall(trap, uintptr(fd), uintptr(p), uintptr(n))
	}
	return int(r), err
}

func epollWait(fd int, events []syscall.EpollEvent) (int, error) {
	n, _, err := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), 0, 0, 0)
	if err != 0 {
		return 0, err
	}
	return int(n), nil
}
