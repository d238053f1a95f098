//go:build !linux

package agentmain

import (
	"fmt"
	"os"
)

// agentMain is for the lab's containers, which are Linux.
func agentMain() int {
	fmt.Fprintln(os.Stderr, "badgateway agent runs inside the lab's containers only")
	return 2
}
