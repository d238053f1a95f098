package main

import (
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// version is that of this program as Go built it: that of a release, or "devel" for what was built in a checkout.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "devel"
	}
	return strings.Trim(info.Main.Version, "()") // Go's own word is "(devel)"
}

func versionText() string { return "badgateway " + version() + "\n" }

// withVersion gives a command, and all below it, the flag --version.
func withVersion(c *cobra.Command) {
	c.Version = version()
	c.SetVersionTemplate(versionText())
	for _, sub := range c.Commands() {
		withVersion(sub)
	}
}
