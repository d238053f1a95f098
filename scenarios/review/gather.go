package review

import (
	"slices"
	"sort"
	"strings"

	"github.com/badgateway/badgateway/harness/check"
	"github.com/badgateway/badgateway/harness/nginxconf"
)

// A culprit is what decides: a directive, or the block that lacks one.
type culprit struct {
	directive *nginxconf.Directive
	block     *nginxconf.Directive // where the mend goes; nil for the top level of a fragment
	lacks     []string
	place     nginxconf.Place // where neither is known
}

// decides is the directive of that name that holds for the sight, or the lack of it.
func (s sight) decides(name string) culprit {
	if d := s.effective(name); d != nil {
		return by(d)
	}
	return s.lacking(name)
}

// by blames a directive.
func by(d *nginxconf.Directive) culprit {
	return culprit{directive: d, block: d.Parent, place: d.Place}
}

// lacking blames the block of the pass directive for a directive that it does not have.
func (s sight) lacking(names ...string) culprit {
	c := culprit{block: s.way.Location, lacks: names, place: s.route.Place}
	if c.block != nil {
		c.place = c.block.Place
	}
	return c
}

// passes blames the pass directive.
func (s sight) passes() culprit {
	if s.way.Target.Pass != nil {
		return by(s.way.Target.Pass)
	}
	return culprit{block: s.way.Location, place: s.route.Place}
}

// A group is all that one culprit is to blame for.
type group struct {
	culprit
	sights []sight
}

// groups are the groups of a rule, in the order of their first sight.
type groups []*group

func (g *groups) add(c culprit, s sight) {
	for _, old := range *g {
		if old.same(c) {
			old.sights = append(old.sights, s)
			return
		}
	}
	*g = append(*g, &group{culprit: c, sights: []sight{s}})
}

func (c culprit) same(d culprit) bool {
	return c.directive == d.directive && c.block == d.block && c.place == d.place && slices.Equal(c.lacks, d.lacks)
}

// raised joins the groups that lack the same directive in the nearest block that holds them all, since there it would be
// inherited: a server, or http. Then those that lack several directives in one block become one.
func (g groups) raised() groups {
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
				old.sights = append(old.sights, one.sights...)
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
				old.sights = append(old.sights, one.sights...)
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
func (g *group) finding(title, saw string, m mend) check.Finding {
	f := check.Finding{Title: title, Place: g.place, Lacks: strings.Join(g.lacks, ", "), Saw: saw, Mend: m.text(), In: m.in()}
	for _, s := range g.sights {
		if !slices.Contains(f.Routes, s.route.ID) {
			f.Routes = append(f.Routes, s.route.ID)
		}
		if s.Fault != "" && !slices.Contains(f.Faults, s.Fault) {
			f.Faults = append(f.Faults, s.Fault)
		}
	}
	return f
}

// worst gives the sight that is the most of something.
func (g *group) worst(more func(a, b sight) bool) sight {
	all := slices.Clone(g.sights)
	sort.SliceStable(all, func(i, j int) bool { return more(all[i], all[j]) })
	return all[0]
}

// each makes one finding of each group.
func (g groups) each(make func(*group) check.Finding) []check.Finding {
	var all []check.Finding
	for _, one := range g {
		all = append(all, make(one))
	}
	return all
}
