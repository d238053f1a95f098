//go:build !linux

package fakeupstream

import "net"

const unixReset = false

func newHolder(net.Conn) holder { return nil }
