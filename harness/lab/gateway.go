package lab

import "github.com/badgateway/badgateway/harness/gateway"

// A Gateway is a gateway's program with its config.
type Gateway struct {
	Driver gateway.Driver
	// Config is the text of the main config file, which lies at Driver.Conf; empty for the image's own.
	Config string
	// Files are those that it needs besides.
	Files []File
	// Listen is where it has to listen before it counts as started ("192.0.2.80:443"); [FrontDoor] when empty.
	Listen string
	// Hosts are names that resolve in the sandbox, as /etc/hosts has them: name to address.
	Hosts map[string]string
}
