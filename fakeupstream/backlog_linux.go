package fakeupstream

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

// setBacklog changes the backlog of a socket that listens already: Linux takes the value
// of the last call of listen(2).
func setBacklog(l net.Listener, n int) error {
	sc, ok := l.(syscall.Conn)
	if !ok {
		return fmt.Errorf("the listener (%T) does not give its socket; Options.Listen has to give a *net.TCPListener or *net.UnixListener", l)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = syscall.Listen(int(fd), n) }); err != nil {
		return err
	}
	return os.NewSyscallError("listen", failed)
}
