// Package agentmain is for a program that labs put into their containers: it does what such a program does there. The
// command badgateway is one. Any other finds or builds that command, and needs none of this.
package agentmain

import (
	"os"

	"github.com/badgateway/badgateway/harness/internal/docker"
)

// ReapCommand is the first argument of the process that watches over a container while it is being made.
const ReapCommand = docker.ReapCommand

// Main does what a lab has started the program for, and returns its exit code. Own is false, and nothing is done, where the
// arguments (without the program's name) are not those of a lab.
func Main(args []string) (code int, own bool) {
	switch {
	case len(args) == 1 && args[0] == "agent":
		return agentMain(), true
	case len(args) == 2 && args[0] == ReapCommand:
		return docker.Reap(args[1], os.Stdin), true
	}
	return 0, false
}
