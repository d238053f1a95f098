//go:build unix

package main

import (
	"os"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// readerLost waits until nobody can read any more what is written to a pipe or a terminal, and returns which error that is.
// A program that waits and writes nothing, as a lab does, learns it in no other way. Where there is nothing to wait for, it
// waits for ever.
func readerLost(f *os.File) error {
	terminal := term.IsTerminal(int(f.Fd()))
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeNamedPipe == 0 && !terminal {
		select {}
	}
	for {
		poll := []unix.PollFd{{Fd: int32(f.Fd())}}
		_, err := unix.Poll(poll, -1)
		switch {
		case err == unix.EINTR:
		case err != nil || poll[0].Revents&(unix.POLLERR|unix.POLLHUP) == 0:
			select {}
		case terminal:
			return errInterrupted
		default:
			return errUnread
		}
	}
}
