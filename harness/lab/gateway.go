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
	// Hosts are names that resolve in the sandbox, as /etc/hosts has them: name to address.
	Hosts map[string]string
}
