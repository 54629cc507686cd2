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
