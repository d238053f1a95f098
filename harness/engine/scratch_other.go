//go:build !linux

package engine

// scratch returns "": mmdebstrap runs on Linux only.
func scratch() string { return "" }
