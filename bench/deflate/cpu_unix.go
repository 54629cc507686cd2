//go:build unix

package main

import (
	"syscall"
	"time"
)

// cpuTime returns what this process has used, in its own code and in the kernel.
func cpuTime() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, err
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}
