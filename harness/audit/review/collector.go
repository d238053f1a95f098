package review

import (
	"slices"
	"sort"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// A cause is what decides: a directive, or the block that lacks one.
type cause struct {
	directive *nginxconf.Directive
	block     *nginxconf.Directive // where the patch goes; nil for the top level of a fragment
	lacks     []string
	place     nginxconf.Place // where neither is known
}

// causeOf is the directive of that name that holds for the observation, or the lack of it.
func (s observation) causeOf(name string) cause {
	if d := s.effective(name); d != nil {
		return causedBy(d)
	}
	return s.causeLacking(name)
}

// causedBy names a directive as the cause.
func causedBy(d *nginxconf.Directive) cause {
	return cause{directive: d, block: d.Parent, place: d.Place}
}

// causeLacking names the block of the pass directive for a directive that it does not have.
func (s observation) causeLacking(names ...string) cause {
	c := cause{block: s.conf.Location, lacks: names, place: s.route.Place}
	if c.block != nil {
		c.place = c.block.Place
	}
	return c
}

// passCause names the pass directive.
func (s observation) passCause() cause {
	if s.conf.Target.Pass != nil {
		return causedBy(s.conf.Target.Pass)
	}
	return cause{block: s.conf.Location, place: s.route.Place}
}

// A group is all that one cause is to blame for.
type group struct {
	cause
	observations []observation
}

// groups are the groups of a rule, in the order of their first observation.
type groups []*group

// A collector makes groups of what is added.
type collector struct {
	groups
	known map[identity]*group
}

type identity struct {
	directive, block *nginxconf.Directive
	place            nginxconf.Place
	lacks            string
}

func (g *collector) add(c cause, s observation) {
	id := identity{c.directive, c.block, c.place, strings.Join(c.lacks, " ")}
	if old := g.known[id]; old != nil {
		old.observations = append(old.observations, s)
		return
	}
	if g.known == nil {
		g.known = map[identity]*group{}
	}
	one := &group{cause: c, observations: []observation{s}}
	g.known[id] = one
	g.groups = append(g.groups, one)
}

// hoisted joins the groups that lack the same directive in the nearest block that holds them all, since there it would be
// inherited: a server, or http. Then those that lack several directives in one block become one.
func (g groups) hoisted() groups {
	var joined groups
	for _, one := range g {
		if one.directive != nil || one.block == nil {
			joined = append(joined, one)
			continue
		}
		found := false
		for _, old := range joined {
			if old.directive != nil || old.block == nil || !slices.Equal(old.lacks, one.lacks) {
				continue
			}
			if b := commonBlock(old.block, one.block); b != nil {
				old.block, old.place = b, b.Place
				old.observations = append(old.observations, one.observations...)
				found = true
				break
			}
		}
		if !found {
			joined = append(joined, one)
		}
	}
	var all groups
	for _, one := range joined {
		found := false
		for _, old := range all {
			if one.directive == nil && old.directive == nil && one.block != nil && one.block == old.block {
				for _, l := range one.lacks {
					if !slices.Contains(old.lacks, l) {
						old.lacks = append(old.lacks, l)
					}
				}
				old.observations = append(old.observations, one.observations...)
				found = true
				break
			}
		}
		if !found {
			all = append(all, one)
		}
	}
	return all
}

// commonBlock is the innermost block from which both inherit; nil when there is none.
func commonBlock(a, b *nginxconf.Directive) *nginxconf.Directive {
	for up := a; up != nil; up = up.Parent {
		if !slices.Contains([]string{"location", "server", "http", "stream"}, up.Name) {
			continue
		}
		for down := b; down != nil; down = down.Parent {
			if up == down {
				return up
			}
		}
	}
	return nil
}

// finding is the finding of a group: where, and which routes and faults.
func (g *group) finding(title, saw string, m patch) audit.Finding {
	f := audit.Finding{Routes: []string{}, Title: title, Place: g.place, Lacks: strings.Join(g.lacks, ", "), Saw: saw, Patch: m.text(), In: m.location(), Edits: m.edits()}
	routes, faults := map[string]bool{}, map[string]bool{"": true}
	for _, s := range g.observations {
		if !routes[s.route.ID] {
			routes[s.route.ID] = true
			f.Routes = append(f.Routes, s.route.ID)
		}
		if !faults[s.Fault] {
			faults[s.Fault] = true
			f.Faults = append(f.Faults, s.Fault)
		}
	}
	return f
}

// prefixes are what the directives of the group's protocols begin with: what lacks in one block may lack for several.
func (g *group) prefixes() (all []string) {
	for _, s := range g.observations {
		if p := s.prefix(); !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

// worst gives the observation that is the most of something.
func (g *group) worst(more func(a, b observation) bool) observation {
	all := slices.Clone(g.observations)
	sort.SliceStable(all, func(i, j int) bool { return more(all[i], all[j]) })
	return all[0]
}

// findings makes one finding of each group.
func (g groups) findings(make func(*group) audit.Finding) []audit.Finding {
	var all []audit.Finding
	for _, one := range g {
		all = append(all, make(one))
	}
	return all
}
