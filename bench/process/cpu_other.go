//go:build !unix

package process

import (
	"errors"
	"time"
)

// CPUTime fails here.
func CPUTime() (time.Duration, error) {
	return 0, errors.New("the CPU time of a process is only known on Unix")
}
