package wire

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Read reads from a descriptor that does not block, without telling the
// scheduler.
func Read(fd int, p []byte) (int, syscall.Errno) { return call(syscall.SYS_READ, fd, p) }

// Write writes to a descriptor that does not block, without telling the
// scheduler.
func Write(fd int, p []byte) (int, syscall.Errno) { return call(syscall.SYS_WRITE, fd, p) }

func call(number uintptr, fd int, p []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall(number, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		switch errno {
		case 0:
			return int(n), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

// EpollWait waits for events, at most for the milliseconds; -1 is for ever. While there
// are some, the scheduler is not told.
func EpollWait(epoll int, events []unix.EpollEvent, milliseconds int) (int, error) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(epoll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	if errno == 0 && n > 0 {
		return int(n), nil
	}
	for {
		n, err := unix.EpollWait(epoll, events, milliseconds)
		if err != unix.EINTR {
			return n, err
		}
	}
}
