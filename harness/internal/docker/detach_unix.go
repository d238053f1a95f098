//go:build unix

package docker

import (
	"errors"
	"os/exec"
	"syscall"
)

// detach makes a program outlive the terminal and the signals of this process.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// stop asks a detached program, and all that it has started, to end.
func stop(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }

// alive reports whether a process of this machine runs. One of another user's,
// which may not be signalled, does.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
