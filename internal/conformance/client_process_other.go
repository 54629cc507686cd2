//go:build !unix

package conformance

import "os/exec"

func ownGroup(*exec.Cmd) {}

// kill ends a command.
func kill(cmd *exec.Cmd) { cmd.Process.Kill() }
