package agentmain

import (
	"github.com/badgateway/badgateway/harness/internal/agent"
)

// agentMain is the program inside the lab's containers.
func agentMain() int { return agent.Main() }
