package backend

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/lab"
)

// Browser is a visitor's machine with Chromium on it, in the sandbox's network. It listens nowhere: what it does are steps
// (fault.Visit). Its image, of 1 GB, is made when a sandbox first needs it.
type Browser struct {
	Name string
	// Hosts are the addresses by name that its hosts file has.
	Hosts map[string]string
}

// Upstream is the machine as an upstream of a sandbox.
func (b Browser) Upstream() lab.Upstream {
	return lab.Upstream{Name: b.Name, Real: &lab.Backend{
		Image:   "chromium",
		Argv:    []string{"sleep", "infinity"},
		Folders: []lab.Folder{{Path: "/etc", Keep: true}},
		Files:   []lab.File{{Path: "/etc/hosts", Data: b.hosts()}},
	}}
}

func (b Browser) hosts() string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(b.Hosts)) {
		fmt.Fprintf(&text, "%s %s\n", b.Hosts[name], name)
	}
	return text.String()
}
