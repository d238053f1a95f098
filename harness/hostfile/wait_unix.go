//go:build unix

package hostfile

import "syscall"

// noWait makes the opening of a pipe that nobody writes to return.
const noWait = syscall.O_NONBLOCK
