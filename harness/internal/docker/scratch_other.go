//go:build !linux

package docker

// scratch returns "": mmdebstrap runs on Linux only.
func scratch() string { return "" }
