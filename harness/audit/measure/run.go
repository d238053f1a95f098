package measure

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/audit/provision"
	"github.com/badgateway/badgateway/harness/audit/review"
	"github.com/badgateway/badgateway/harness/lab"
)

// Run checks a config. A config that can't be loaded is in the report; an error is the lab's, or says that the
// options make no sense.
func Run(ctx context.Context, o Options) (*audit.Report, error) {
	o.defaults()
	r := &audit.Report{
		Schema: audit.Schema, Config: cmp.Or(o.Path, o.Image), Image: o.Image, Started: time.Now(),
		Supplied: []audit.Supply{}, Routes: []audit.Route{}, Findings: []audit.Finding{}, Clock: "moved",
	}
	err := run(ctx, o, r)
	r.Took = time.Since(r.Started)
	var refused *provision.Refused
	if errors.As(err, &refused) {
		r.Refused, r.Verdict = &refused.Refusal, audit.Refused
		return r, nil
	}
	if over := lab.Overrun(err); over != nil {
		r.Refused, r.Verdict = &audit.Refusal{
			Kind: "limit", Message: over.Error(), Remedy: "see what the config starts: a lab gives it 256 processes and 1 GiB",
		}, audit.Refused
		return r, nil
	}
	return r, err
}

// errNothing keeps a check that measures nothing from passing.
var errNothing = errors.New("Options.FaultList is empty, so nothing would be measured: nil is all faults")

func run(ctx context.Context, o Options, r *audit.Report) error {
	if len(o.FaultList) == 0 {
		return errNothing
	}
	for _, p := range o.Faults {
		if ids := append([]string{audit.Healthy}, faultIDs(o.FaultList)...); !anyMatch(p, ids) {
			return fmt.Errorf("there is no fault %q: the faults are %s", p, strings.Join(ids, ", "))
		}
	}
	every := append([]audit.Fault{audit.HealthyColumn()}, o.FaultList...)
	// What fails while all is well is looked for whatever else is picked: a method that fails so has no other measurement.
	o.FaultList = append([]audit.Fault{audit.HealthyColumn()}, pickFaults(o.FaultList, o.Faults)...)
	for _, f := range o.FaultList {
		r.Faults = append(r.Faults, f.FaultInfo)
	}
	s := &session{options: o, report: r, allFaults: every}
	defer s.close()
	routes, err := s.prepare(ctx)
	if err != nil {
		return err
	}
	configRoutes := map[string]nginxconf.Route{} // those that are not measured too: what else hangs on a fault does not depend on what was asked for
	for _, one := range routes {
		configRoutes[one.ID] = one.conf
	}
	r.Partial = len(o.Routes) > 0 || len(o.Faults) > 0
	if len(o.Routes) > 0 {
		if routes, err = pickRoutes(routes, o.Routes); err != nil {
			return err
		}
	}
	s.markSameRoutes(routes)
	if err := s.checkMeasurementCount(routes); err != nil {
		return err
	}
	jobs := s.jobs(routes)
	s.warn(jobs)
	if err := s.measure(ctx, jobs); err != nil {
		return err
	}
	s.noteCaches(routes)
	inUse := make([]nginxconf.Route, 0, len(routes))
	for _, one := range routes {
		inUse = append(inUse, one.conf)
	}
	r.VersionNotes = review.VersionNotes(s.config, inUse)
	s.finish(routes, configRoutes)
	if err := s.proveMends(ctx, routes); err != nil {
		return fmt.Errorf("proving the mends: %w", err)
	}
	policy := o.Policy
	if policy == nil {
		policy = audit.DefaultPolicy()
	}
	policy.Apply(r, time.Now())
	return nil
}

// prepare makes the config run, and finds its routes.
func (s *session) prepare(ctx context.Context) ([]*route, error) {
	if err := s.load(ctx); err != nil {
		return nil, err
	}
	s.options.Logger.Info("looking for routes")
	names := s.knownNames()
	routes, err := s.discover(ctx, names)
	if err != nil {
		return nil, err
	}
	s.listSupplied(names)
	if err := s.noteFlags(ctx, routes); err != nil {
		return nil, err
	}
	return routes, s.noteClients(ctx, routes)
}

// load reads the config and makes nginx take it.
func (s *session) load(ctx context.Context) error {
	ours := fakeupstream.NewAuthority("badgateway")
	tree, err := provision.Load(provision.Options{
		Path: s.options.Path, Revision: s.options.Revision, Env: s.options.Env, Image: s.options.Image, CA: ours.Certificate, CAKey: ours.Key,
	})
	if err != nil {
		return err
	}
	s.tree = tree
	if s.lab == nil {
		if err := s.startLab(ctx); err != nil {
			return err
		}
	}
	s.report.Gateway = s.lab.GatewayVersion()
	s.reportClock()
	if err := s.asInProduction(ctx); err != nil {
		return err
	}
	sb, err := s.lab.Open(ctx, lab.Setup{CatchAll: &s.catchAll})
	if err != nil {
		return refusedUser(err)
	}
	defer func() { _ = sb.Close() }() // the lab ends it at the latest
	s.options.Logger.Info("loading the config")
	if err = tree.Settle(ctx, sb); err == nil {
		if s.config, err = tree.Config(); err == nil {
			tree.OneWorker()
		}
	}
	s.report.Supplied = append(s.report.Supplied, tree.Supplied...)
	s.report.Main = tree.Place(tree.Main, 0).File
	s.report.Notes = append(s.report.Notes, tree.Notes...)
	if err != nil {
		return err
	}
	if s.options.Parallel, err = demandOf(s.config).parallel(s.options.Parallel); err != nil {
		return err
	}
	s.prefix, s.errorLog = tree.Prefix, tree.ErrorLog
	return s.read(ctx)
}

func (s *session) startLab(ctx context.Context) error {
	if s.options.Lab != nil {
		s.lab = s.options.Lab
		return nil
	}
	lab, err := lab.Start(ctx, lab.Options{
		GatewayImage: s.options.Image, Nginx: s.options.Nginx, RealTime: s.options.RealTime, Install: s.options.Install, Untrusted: true,
		WithoutLimits: s.options.WithoutLimits, Logger: s.options.Logger,
	})
	if err != nil {
		return &NoLab{err}
	}
	s.lab = lab
	return nil
}

func (s *session) close() {
	if s.lab != nil && s.options.Lab == nil {
		if err := s.lab.Close(); err != nil {
			s.options.Logger.Warn("ending the lab: " + err.Error())
		}
	}
}

// NoLab says that no lab could be had.
type NoLab struct{ Err error }

func (e *NoLab) Error() string { return e.Err.Error() }
func (e *NoLab) Unwrap() error { return e.Err }

func faultIDs(all []audit.Fault) (ids []string) {
	for _, f := range all {
		ids = append(ids, f.ID)
	}
	return ids
}

func pickFaults(all []audit.Fault, patterns []string) []audit.Fault {
	if len(patterns) == 0 {
		return all
	}
	var some []audit.Fault
	for _, f := range all {
		for _, p := range patterns {
			if matches(p, f.ID) {
				some = append(some, f)
				break
			}
		}
	}
	return some
}

func pickRoutes(all []*route, patterns []string) ([]*route, error) {
	var some []*route
	used := map[string]bool{}
	for _, r := range all {
		for _, p := range patterns {
			if matches(p, r.ID) || p == r.Location {
				some, used[p] = append(some, r), true
				break
			}
		}
	}
	for _, p := range patterns {
		if !used[p] {
			var ids []string
			for _, r := range all {
				ids = append(ids, r.ID)
			}
			return nil, fmt.Errorf("the config has no route %q: the routes are %q", p, ids)
		}
	}
	return some, nil
}

// matches reports whether an id is the pattern, or matches it as a shell pattern in which a slash is a letter as any other: most ids
// of routes have slashes.
func matches(pattern, id string) bool {
	if pattern == id {
		return true
	}
	const slash = "\x00" // no id and no pattern has one: neither nginx nor a command line takes it
	noSlash := func(s string) string { return strings.ReplaceAll(s, "/", slash) }
	ok, err := path.Match(noSlash(pattern), noSlash(id))
	return err == nil && ok
}

func anyMatch(pattern string, ids []string) bool {
	for _, id := range ids {
		if matches(pattern, id) {
			return true
		}
	}
	return false
}
