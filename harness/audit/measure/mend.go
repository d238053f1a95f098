package measure

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/audit/provision"
	"github.com/badgateway/badgateway/harness/lab"
)

// A mend is what one or more findings propose, and what came of it in the lab.
type mend struct {
	edits    []audit.Edit
	findings []*audit.Finding
	report   *audit.Report // what was measured with it
	verdict
}

// A verdict says what keeps a mend from being one.
type verdict struct {
	lost string // why it is none; empty while it is one
	// advice is true where it would be one but for what some applications do: whose does not may take it.
	advice bool
}

// proveMends tries each mend in a copy of the config: a finding keeps it only where nginx loads it, the outcome that the finding is
// about changed, and nothing else got worse. Then all that are left are tried together.
func (s *session) proveMends(ctx context.Context, routes []*route) error {
	if s.options.NoMends || s.report.Partial { // what was not asked for can get worse too
		return nil
	}
	all := s.mends()
	if len(all) == 0 {
		return nil
	}
	s.options.Logger.Info(fmt.Sprintf("proving %d mends", len(all)))
	var err error
	for _, m := range all {
		if m.report, m.verdict, err = s.prove(ctx, routes, m); err != nil {
			return err
		}
	}
	alone := slices.DeleteFunc(slices.Clone(all), func(m *mend) bool { return m.lost != "" })
	kept, err := together(alone, func(some ...*mend) (string, error) {
		_, v, err := s.prove(ctx, routes, some...)
		return v.lost, err
	})
	if err != nil {
		return err
	}
	for _, m := range all {
		for _, f := range m.findings {
			if m.lost == noEffect && f.Read {
				continue // it is advice: no client was seen to suffer
			}
			if m.lost != "" {
				f.Unproven = oneLine(f.Patch) + " was tried: " + m.lost
				if !m.advice {
					f.Patch, f.In = "", ""
				}
				continue
			}
			f.Proof = audit.Improved(s.report, m.report, f.Cells(m.report))
			f.Costs = audit.Costs(s.report, m.report)
		}
	}
	var edits []audit.Edit
	for _, m := range kept {
		edits = append(edits, m.edits...)
	}
	changes, err := s.tree.Changes(edits)
	for _, c := range changes {
		s.report.Fix = append(s.report.Fix, audit.FileChange{File: path.Join(s.tree.Root, c.File), Before: c.Before, After: c.After})
	}
	return err
}

// oneLine is a patch as it is named in a sentence: its first line that is no comment.
func oneLine(patch string) string {
	lines := slices.DeleteFunc(strings.Split(strings.TrimSpace(patch), "\n"), func(l string) bool { return strings.HasPrefix(l, "#") })
	if len(lines) == 0 {
		return patch
	}
	if len(lines) > 1 {
		return lines[0] + " ..."
	}
	return lines[0]
}

// mends are the proposals of all findings, each once. A proposal that is words alone is advice.
func (s *session) mends() []*mend {
	var all []*mend
	for i := range s.report.Findings {
		f := &s.report.Findings[i]
		if len(f.Edits) == 0 {
			continue
		}
		if k := slices.IndexFunc(all, func(m *mend) bool { return sameEdits(m.edits, f.Edits) }); k >= 0 {
			all[k].findings = append(all[k].findings, f)
			continue
		}
		all = append(all, &mend{edits: f.Edits, findings: []*audit.Finding{f}})
	}
	return all
}

func sameEdits(a, b []audit.Edit) bool {
	return slices.EqualFunc(a, b, func(x, y audit.Edit) bool {
		return x.Block == y.Block && slices.Equal(x.Lines, y.Lines) && slices.Equal(x.Replaces, y.Replaces)
	})
}

// prove tries mends in one copy of the config, and gives what was measured of it. The verdict says why they are none.
func (s *session) prove(ctx context.Context, routes []*route, some ...*mend) (after *audit.Report, v verdict, err error) {
	var edits []audit.Edit
	var findings []*audit.Finding
	for _, m := range some {
		edits, findings = append(edits, m.edits...), append(findings, m.findings...)
	}
	tree, err := s.tree.With(edits)
	if err == nil {
		_, err = s.tree.Changes(edits)
	}
	if err != nil {
		return nil, verdict{lost: err.Error()}, nil
	}
	if after, v.lost, err = s.tried(ctx, tree, append(s.samples(routes, edits), unreachedOf(routes, findings)...)); err != nil || v.lost != "" {
		return nil, v, err
	}
	return after, verdictOf(s.report, after, findings), nil
}

// tried measures a config; failed says why that can't be done. What ends the check itself is an error.
func (s *session) tried(ctx context.Context, tree *provision.Tree, ids []string) (r *audit.Report, failed string, err error) {
	r, err = s.trial(ctx, tree, ids)
	var config *lab.ConfigError
	switch {
	case err == nil:
		return r, "", nil
	case errors.As(err, &config):
		return nil, "nginx does not load it: " + config.Error(), nil
	case ctx.Err() != nil, errors.Is(err, lab.ErrGone):
		return nil, "", err
	}
	return nil, "it could not be tried: " + err.Error(), nil
}

// noEffect is what keeps a mend from being proven that does no harm either.
const noEffect = "it changes nothing of what was measured"

// verdictOf judges a mend of findings.
func verdictOf(before, after *audit.Report, findings []*audit.Finding) verdict {
	own := map[audit.Cell]bool{}
	for _, f := range findings {
		for k := range f.Cells(after) {
			own[k] = true
		}
	}
	harm, rare := audit.Worsened(before, after, own)
	if len(harm) > 0 {
		return verdict{lost: audit.Summed(harm)}
	}
	for _, f := range findings {
		if audit.Improved(before, after, f.Cells(after)) == "" {
			return verdict{lost: noEffect}
		}
		if stillFound(before, after, f) {
			return verdict{lost: "it is found with it as well"}
		}
	}
	if len(rare) > 0 {
		return verdict{lost: audit.Summed(rare), advice: true}
	}
	return verdict{}
}

// stillFound reports whether the rule finds in the same measurements what it found before, and no less grave. Of others of the same
// route, which have a cause of their own, there is another finding; where a finding of several routes and faults takes in some of those
// by its words, they are the other's.
func stillFound(before, after *audit.Report, f *audit.Finding) bool {
	own := f.Cells(after)
	for _, other := range before.Findings {
		if theirs := other.Cells(after); other.Rule == f.Rule && len(theirs) < len(own) {
			for c := range theirs {
				delete(own, c)
			}
		}
	}
	return slices.ContainsFunc(after.Findings, func(g audit.Finding) bool {
		if g.Rule != f.Rule || slices.Index(audit.Severities, g.Severity) > slices.Index(audit.Severities, f.Severity) {
			return false
		}
		for c := range g.Cells(after) {
			if own[c] {
				return true
			}
		}
		return false
	})
}

// together tries mends in one copy of the config. Where they do not go together the gravest ones do as far as they can, and the
// others are none.
func together(all []*mend, try func(...*mend) (why string, err error)) ([]*mend, error) {
	if len(all) < 2 {
		return all, nil
	}
	why, err := try(all...)
	if err != nil || why == "" {
		return all, err
	}
	kept := all[:1:1]
	for _, m := range all[1:] {
		if why, err = try(append(kept, m)...); err != nil {
			return nil, err
		}
		if why == "" {
			kept = append(kept, m)
		} else {
			m.lost = "it does not go together with the others: " + why
		}
	}
	return kept, nil
}

// samples are the routes by which a mend is tried: one of those that are alike, apart by whether the mend touches them. Where
// it changes where they are passed to, each one that it touches.
func (s *session) samples(routes []*route, edits []audit.Edit) []string {
	first := map[string]bool{}
	var ids []string
	forms := newRouteDigests()
	for _, r := range routes {
		if !r.Reached {
			continue
		}
		touched, moved := touches(r, edits)
		form := fmt.Sprint(touched, forms.of(r))
		if moved {
			form = r.ID
		}
		if !first[form] {
			first[form] = true
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// unreachedOf are the routes that findings are about and that no request got to: with the mend one may.
func unreachedOf(routes []*route, findings []*audit.Finding) (ids []string) {
	for _, r := range routes {
		if !r.Reached && slices.ContainsFunc(findings, func(f *audit.Finding) bool { return slices.Contains(f.Routes, r.ID) }) {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// touches reports whether edits change what a route is in or calls, and whether where it is passed to.
func touches(r *route, edits []audit.Edit) (touched, moved bool) {
	around := map[*nginxconf.Directive]bool{r.conf.Target.Block: true}
	for b := r.conf.Location; b != nil; b = b.Parent {
		around[b] = true
	}
	delete(around, nil)
	for _, e := range edits {
		in := around[e.Block]
		for _, d := range e.Replaces {
			in = in || around[d.Parent]
			moved = moved || around[d.Parent] && (strings.HasSuffix(d.Name, "_pass") || d.Name == "server")
		}
		touched = touched || in
	}
	return touched, moved
}

// trial measures these routes of a config with every fault, and holds it against the rules.
func (s *session) trial(ctx context.Context, tree *provision.Tree, ids []string) (*audit.Report, error) {
	t := &session{
		options: s.options, lab: s.lab, tree: tree, prefix: s.prefix, errorLog: s.errorLog, catchAll: s.catchAll,
		report: &audit.Report{Gateway: s.report.Gateway, Clock: s.report.Clock, Faults: s.report.Faults},
	}
	t.options.FaultList, t.options.Logger, t.options.Progress = s.allFaults, slog.New(slog.DiscardHandler), func(int, int) {}
	var err error
	if t.config, err = tree.Config(); err != nil {
		return nil, fmt.Errorf("reading the mended config: %w", err)
	}
	if err := t.read(ctx); err != nil {
		return nil, err
	}
	all := map[string]nginxconf.Route{}
	for _, r := range t.routes {
		all[r.ID] = r
	}
	t.routes = slices.DeleteFunc(t.routes, func(r nginxconf.Route) bool { return !slices.Contains(ids, r.ID) })
	routes, err := t.discover(ctx, t.knownNames())
	if err != nil {
		return nil, err
	}
	if err := t.measure(ctx, t.jobs(routes)); err != nil {
		return nil, err
	}
	t.finish(routes, all)
	return t.report, nil
}

// finish makes the report of what was measured.
func (s *session) finish(routes []*route, all map[string]nginxconf.Route) {
	for _, one := range routes {
		s.report.Routes = append(s.report.Routes, one.Route)
	}
	s.report.Findings = append(s.report.Findings,
		audit.Judge(&audit.Evidence{Report: s.report, Config: s.config, ConfigRoutes: all}, s.options.Rules)...)
}
