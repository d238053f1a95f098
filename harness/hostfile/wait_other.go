//go:build !unix

package hostfile

const noWait = 0
