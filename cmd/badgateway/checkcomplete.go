package main

import (
	"context"

	"strings"

	"github.com/spf13/cobra"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/provision"
	"github.com/badgateway/badgateway/harness/audit/review"
	"github.com/badgateway/badgateway/harness/lab"
)

// complete lets the shell complete the flags' values.
func (f *checkFlags) complete(c *cobra.Command) {
	fixed := func(flag string, values ...string) {
		_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	fixed("format", asTable, asMarkdown, asJSON)
	fixed("fail-on", audit.Severities...)
	fixed("nginx", lab.NginxVersions()...)
	var faults []string
	for _, fault := range append([]audit.Fault{audit.HealthyColumn()}, review.Faults()...) {
		faults = append(faults, fault.ID+"\t"+fault.Claim)
	}
	fixed("fault", faults...)
	_ = c.RegisterFlagCompletionFunc("route", func(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		return routeIDs(strings.Join(args, ""), begun), cobra.ShellCompDirectiveNoFileComp
	})
}

// routeIDs are the routes that the config at a path can be read to have; none where it can't be read without a lab.
func routeIDs(path, begun string) (all []string) {
	if path == "" {
		return nil
	}
	tree, err := provision.Load(provision.Options{Path: path})
	if err != nil || tree.Main == "" {
		return nil
	}
	config, err := tree.Config()
	if err != nil || config == nil {
		return nil
	}
	for _, route := range config.Routes(context.Background()) {
		if strings.HasPrefix(route.ID, begun) {
			all = append(all, route.ID+"\t"+route.Target.Written)
		}
	}
	return all
}
