//go:build !linux

package fakeupstream

import (
	"errors"
	"net"
)

func setBacklog(net.Listener, int) error {
	return errors.New("a full backlog can be made on Linux only")
}
