//go:build !linux

package fakeupstream

import "net"

const unixReset = false

// shutDown is needed on Linux only, where the lab is.
func shutDown(uintptr) {}

func newHolder(net.Conn) holder { return nil }
