package agentmain

import "github.com/badgateway/badgateway/harness/agent"

// agentMain is the program inside the lab's containers.
func agentMain() int { return agent.Main() }
