package wire

import (
	"runtime"
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

// EpollWait waits for events, at most for the milliseconds; -1 is for ever. The scheduler is not
// told, so it costs what the kernel asks for; whoever waits keeps others from running if there is one processor.
func EpollWait(epoll int, events []unix.EpollEvent, milliseconds int) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(epoll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(milliseconds), 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EINTR:
			runtime.Gosched() // it is the scheduler that interrupts, and it can't interrupt such calls otherwise
		default:
			return 0, errno
		}
	}
}
