package e2e

import (
	"os/exec"
	"syscall"
)

// dieWithParent makes the process end when the test's own process is killed
// and can't end it.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
