package harness

import "github.com/badgateway/badgateway/harness/wire"

// A Gateway is a gateway's program with the files of its config.
type Gateway struct {
	Program Program
	// Files are the config, by path; the one at Program.Conf is the main one.
	Files []wire.File
	// Hosts are names that resolve in the cell, as /etc/hosts has them: name to address.
	Hosts map[string]string
}
