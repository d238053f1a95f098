package lab

import (
	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// A Gateway is a gateway's program with the files of its config.
type Gateway struct {
	Driver gateway.Driver
	// Files are the config, by path; the one at Driver.Conf is the main one.
	Files []agentapi.File
	// Listen is where it has to listen before it counts as started ("192.0.2.80:443"); [FrontDoor] when empty.
	Listen string
	// Hosts are names that resolve in the sandbox, as /etc/hosts has them: name to address.
	Hosts map[string]string
}
