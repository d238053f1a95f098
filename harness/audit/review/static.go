package review

import (
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// configRoutes are the routes as the config has them, mirrors and those that no request reaches too, as observations without a
// fault: what rules look at that read the config. The outcome is the healthy one, empty where nothing was measured.
func configRoutes(e *audit.Evidence) []observation {
	var all []observation
	for i := range e.Report.Routes {
		r := &e.Report.Routes[i]
		if conf, ok := e.ConfigRoutes[r.ID]; ok {
			all = append(all, observation{Measurement: &audit.Measurement{Outcome: r.Healthy}, route: r, conf: &conf})
		}
	}
	return all
}

// byBlock are the routes by the blocks that their pass directives stand in, at whatever depth.
func byBlock(e *audit.Evidence) map[*nginxconf.Directive][]observation {
	all := map[*nginxconf.Directive][]observation{}
	for _, s := range configRoutes(e) {
		for block := s.conf.Location; block != nil; block = block.Parent {
			all[block] = append(all[block], s)
		}
	}
	return all
}

// within reports whether a block is in another, or that one itself.
func within(block, outer *nginxconf.Directive) bool {
	for ; block != nil; block = block.Parent {
		if block == outer {
			return true
		}
	}
	return false
}

// seen gives the first measurement of the group's routes for which a test holds, as an observation.
func (g *group) seen(holds func(audit.Measurement) bool) (observation, bool) {
	for _, s := range g.observations {
		for i := range s.route.Measurements {
			if c := &s.route.Measurements[i]; c.Error == "" && holds(*c) {
				s.Measurement = c
				return s, true
			}
		}
	}
	return observation{}, false
}

// faultsOf are the faults of the group's measurements for which a test holds.
func (g *group) faultsOf(holds func(audit.Measurement) bool) (all []string) {
	for _, s := range g.observations {
		for _, c := range s.route.Measurements {
			if c.Error == "" && holds(c) && !slices.Contains(all, c.Fault) {
				all = append(all, c.Fault)
			}
		}
	}
	return all
}

// reading is a finding that comes from the config's text alone.
func (g *group) reading(title, says string, m patch) audit.Finding {
	f := g.finding(title, says, m)
	f.Read = true
	return f
}

// proven is the same where a measurement shows it too: saw is what came.
func (g *group) proven(f audit.Finding, s observation, saw string) audit.Finding {
	f.Read, f.Saw = false, s.where()+": "+saw
	if s.Fault != "" {
		f.Faults = []string{s.Fault}
	}
	return f
}

// rewritten is a directive as one would write it, with other arguments.
func rewritten(d *nginxconf.Directive, args ...string) string {
	words := []string{d.Name}
	for _, a := range args {
		words = append(words, quoted(a))
	}
	return strings.Join(words, " ") + ";"
}

// again is a directive as one would write it.
func again(d *nginxconf.Directive) string { return rewritten(d, d.Args...) }

// quoted is an argument as a config has it: in quotes where it has to be.
func quoted(arg string) string {
	switch {
	case arg != "" && !strings.ContainsAny(arg, " \t\r\n;{}\"'#\\"):
		return arg
	case !strings.Contains(arg, `"`) && !strings.HasSuffix(arg, `\`):
		return `"` + arg + `"`
	case !strings.Contains(arg, `'`) && !strings.HasSuffix(arg, `\`):
		return "'" + arg + "'"
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(arg) + `"`
}

// isPass reports whether a directive hands the request to an upstream.
func isPass(d *nginxconf.Directive) bool { return strings.HasSuffix(d.Name, "_pass") }

// pass is the block's own pass directive; nil when there is none.
func pass(block *nginxconf.Directive) *nginxconf.Directive {
	if i := slices.IndexFunc(block.Block, isPass); i >= 0 {
		return block.Block[i]
	}
	return nil
}

// own is the block's own directive of that name; nil when there is none.
func own(block *nginxconf.Directive, name string) *nginxconf.Directive {
	if i := slices.IndexFunc(block.Block, func(d *nginxconf.Directive) bool { return d.Name == name }); i >= 0 {
		return block.Block[i]
	}
	return nil
}

// inherited is what a block would have of a directive that comes in lists, if it had none of its own.
func inherited(block *nginxconf.Directive, name string) []*nginxconf.Directive {
	if block == nil || block.Parent == nil {
		return nil
	}
	return nginxconf.Effective(block.Parent, name)
}

// withInherited are lines for a block that inherits a list: one of its own does away with all of it, so they stand here again.
func withInherited(block *nginxconf.Directive, name string, lines ...string) []string {
	if block == nil || own(block, name) != nil {
		return lines
	}
	var all []string
	for _, d := range inherited(block, name) {
		all = append(all, again(d))
	}
	return append(all, lines...)
}
