//go:build !linux

package docker

import "os/exec"

// own does nothing: what is started elsewhere than on Linux ends by itself.
func own(*exec.Cmd) {}

func endChildren(string) {}

// mountedIn returns false: what mounts things in its folder runs on Linux only.
func mountedIn(string) bool { return false }
