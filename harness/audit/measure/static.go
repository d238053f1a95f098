package measure

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/audit/provision"
)

// staticNote is what the reader of a report should know that nothing was measured for.
const staticNote = "Nothing was measured: the config was read, and nginx did not run. What is found is read, not proven, and what the " +
	"lab alone can show is not in it."

// Read holds a config against the rules that need no more than its text ([audit.Rule.Static]): no engine is asked, nothing is
// run, and nothing is measured. A config that can't be read is in the report. Of the options only those count that say what is
// read, and the policy.
func Read(ctx context.Context, o Options) (*audit.Report, error) {
	o.defaults()
	r := &audit.Report{
		Schema: audit.Schema, Config: o.Path, Started: time.Now(), Clock: "real", ClockWhy: "nothing was run", Static: true,
		Supplied: []audit.Supply{}, Routes: []audit.Route{}, Findings: []audit.Finding{}, Faults: []audit.FaultInfo{}, Notes: []string{staticNote},
	}
	err := read(ctx, o, r)
	r.Took = time.Since(r.Started)
	var refused *provision.Refused
	if errors.As(err, &refused) {
		r.Refused, r.Verdict = &refused.Refusal, audit.Refused
		return r, nil
	}
	return r, err
}

func read(ctx context.Context, o Options, r *audit.Report) error {
	tree, err := provision.Load(provision.Options{Path: o.Path, Revision: o.Revision, Env: o.Env})
	if err != nil {
		return err
	}
	r.Main = tree.Place(tree.Main, 0).File
	r.Notes = append(r.Notes, tree.Notes...)
	config, err := tree.Config()
	if err != nil {
		return &provision.Refused{Refusal: audit.Refusal{Kind: "mistake", Message: err.Error(), Remedy: "mend the form of the config, then check again"}}
	}
	found := config.Routes(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := CheckRouteCount(found); err != nil {
		return err
	}
	s := &session{options: o, report: r, config: config, routes: found}
	var routes []*route
	for _, conf := range found {
		one := s.newRoute(conf)
		one.Why = cmp.Or(conf.UnreachableReason, "the config was only read")
		routes = append(routes, one)
	}
	r.Partial = len(o.Routes) > 0
	if len(o.Routes) > 0 {
		if routes, err = pickRoutes(routes, o.Routes); err != nil {
			return err
		}
	}
	configRoutes := map[string]nginxconf.Route{}
	for _, one := range routes {
		r.Routes = append(r.Routes, one.Route)
		configRoutes[one.ID] = one.conf
	}
	static := slices.DeleteFunc(slices.Clone(o.Rules), func(rule audit.Rule) bool { return !rule.Static })
	r.Findings = append(r.Findings, audit.Judge(&audit.Evidence{Report: r, Config: config, ConfigRoutes: configRoutes}, static)...)
	cmp.Or(o.Policy, audit.DefaultPolicy()).Apply(r, time.Now())
	return nil
}
