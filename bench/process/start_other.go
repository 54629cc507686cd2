//go:build !linux

package process

import (
	"errors"
	"os/exec"
)

func start(cmd *exec.Cmd, cpu int) error {
	if cpu >= 0 {
		return errors.New("a process is bound to a CPU only on Linux")
	}
	return cmd.Start()
}

// CPUs fails here.
func CPUs() ([]int, error) {
	return nil, errors.New("the CPUs of a process are only known on Linux")
}
