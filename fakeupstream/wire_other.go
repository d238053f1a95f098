//go:build !linux

package fakeupstream

import "net"

const unixReset = false

// shutDown is needed on Linux only, where the lab is.
func shutDown(uintptr) {}

// lingerNot is needed for connections that have a socket and no SetLinger, which only the lab makes.
func lingerNot(uintptr) {}

func newHolder(net.Conn) holder { return nil }
