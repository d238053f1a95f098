//go:build !linux

package docker

import "runtime"

// processNamespace is the same for all processes of a machine.
func processNamespace() string { return runtime.GOOS }

// startOf returns "": a process is known by its number alone.
func startOf(int) string { return "" }
