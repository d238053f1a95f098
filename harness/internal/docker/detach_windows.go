package docker

import (
	"os/exec"

	"golang.org/x/sys/windows"
)

// detach does nothing: no engine is started by hand on Windows.
func detach(*exec.Cmd) {}

// stop ends a program.
func stop(cmd *exec.Cmd) error { return cmd.Process.Kill() }

// alive reports whether a process of this machine runs. One that may not be
// looked at does.
func alive(pid int) bool {
	const stillActive = 259
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return err == windows.ERROR_ACCESS_DENIED
	}
	defer windows.CloseHandle(h)
	var code uint32
	return windows.GetExitCodeProcess(h, &code) != nil || code == stillActive
}
