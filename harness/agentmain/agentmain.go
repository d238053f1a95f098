// Package agentmain is for a program that labs put into their containers: it does what such a program does there. The
// command badgateway is one, and a program that does not call Main has its labs run that command, which they find or build.
//
// What is registered by fakeupstream.Register is known where it is compiled in. So a program with behaviours of its own calls
// Main before all else, in main, or in the TestMain of a test, and its labs take that program itself:
//
//	func TestMain(m *testing.M) {
//		if code, own := agentmain.Main(os.Args[1:]); own {
//			os.Exit(code)
//		}
//		m.Run()
//	}
//
// A program that is linked to a C library, as most are and every one with the race detector, is built a second time for that,
// with CGO_ENABLED=0.
package agentmain

import (
	"os"

	"github.com/badgateway/badgateway/harness/internal/docker"
)

// ReapCommand is the first argument of the process that watches over a container while it is being made.
const ReapCommand = docker.ReapCommand

// Main does what a lab has started the program for, and returns its exit code. Own is false where the arguments (without the
// program's name) are not those of a lab: then the labs that the program starts take itself for their containers.
func Main(args []string) (code int, own bool) {
	switch {
	case len(args) == 1 && args[0] == "agent":
		return agentMain(), true
	case len(args) == 2 && args[0] == ReapCommand:
		return docker.Reap(args[1], os.Stdin), true
	}
	docker.Serve()
	return 0, false
}
