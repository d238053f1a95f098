package report

import (
	"net/http"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/terminal"
)

// A grid is a report as routes by faults, with what the findings add to each measurement.
type grid struct {
	*audit.Report
	routes map[string]*audit.Route
	cells  map[cellKey][]audit.Measurement // by route and fault, one for each method
	sameAs map[string][]string             // the routes whose matrix is that of this one
	found  map[cellKey][]int               // the findings that name the measurement, by their place in the report, without the waived
}

// A cellKey is a place in the matrix.
type cellKey struct{ route, fault string }

func newGrid(r *audit.Report) *grid {
	g := &grid{Report: r, routes: map[string]*audit.Route{}, sameAs: map[string][]string{}, cells: map[cellKey][]audit.Measurement{}, found: map[cellKey][]int{}}
	for i := range r.Routes {
		route := &r.Routes[i]
		g.routes[route.ID] = route
		if route.SameAs != "" {
			g.sameAs[route.SameAs] = append(g.sameAs[route.SameAs], route.ID)
		}
		for _, c := range route.Measurements {
			at := cellKey{route.ID, c.Fault}
			g.cells[at] = append(g.cells[at], c)
		}
	}
	for i, f := range r.Findings {
		if f.Waived != "" {
			continue
		}
		for _, route := range f.Routes {
			for _, fault := range f.Faults {
				g.found[cellKey{route, fault}] = append(g.found[cellKey{route, fault}], i)
			}
		}
	}
	return g
}

// measured are the routes that have a row of their own.
func (g *grid) measured() (all []*audit.Route) {
	for i := range g.Routes {
		if r := &g.Routes[i]; r.Reached && r.SameAs == "" {
			all = append(all, r)
		}
	}
	return all
}

// alike are the routes whose matrix is that of this one, itself first.
func (g *grid) alike(r *audit.Route) []string {
	return append([]string{r.ID}, g.sameAs[r.ID]...)
}

// unreached are the routes that no request was proven to reach; none where none was sent.
func (g *grid) unreached() (all []*audit.Route) {
	if g.Static {
		return nil
	}
	for i := range g.Routes {
		if r := &g.Routes[i]; !r.Reached && r.SameAs == "" {
			all = append(all, r)
		}
	}
	return all
}

// columns are the faults that apply to any of the routes.
func (g *grid) columns() (apply []audit.FaultInfo) {
	for _, f := range g.Faults {
		applies := func(r *audit.Route) bool {
			return slices.ContainsFunc(g.cells[cellKey{r.ID, f.ID}], func(c audit.Measurement) bool { return c.Skipped == "" })
		}
		if slices.ContainsFunc(g.measured(), applies) {
			apply = append(apply, f)
		}
	}
	return apply
}

// telling parts columns in those in which something is to be seen, and those that come out well on every route: visitors get what
// they get while all is well, or what the application says where that is no failure, at once and without a mark, and no finding and
// no breach is about it. Of a part of a matrix that was asked for all is told, and so is what comes while all is well.
func (g *grid) telling(columns []audit.FaultInfo) (shown, well []audit.FaultInfo) {
	for _, f := range columns {
		if f.ID != audit.Healthy && !g.Partial && !slices.ContainsFunc(g.measured(), func(r *audit.Route) bool { return g.remarkable(r, f) }) {
			well = append(well, f)
		} else {
			shown = append(shown, f)
		}
	}
	return shown, well
}

// remarkable reports whether something is to be seen in a place of the matrix.
func (g *grid) remarkable(r *audit.Route, f audit.FaultInfo) bool {
	at := cellKey{r.ID, f.ID}
	if g.grade(at) > gradeOK {
		return true
	}
	return slices.ContainsFunc(g.cells[at], func(c audit.Measurement) bool {
		if c.Skipped != "" {
			return false
		}
		if f.Visitor && !c.Held && (c.NoAnswer == "left" || c.Status == http.StatusSwitchingProtocols) {
			return false // he left, or has his websocket: what is wrong with that a finding says
		}
		as, page := r.Healthy, c.Page == r.Healthy.Page
		if f.Says != 0 {
			as = audit.Outcome{Status: f.Says}
			page = c.Page == "upstream" || r.Role == nginxconf.Auth // whose own page nobody is to see
		}
		as.Waited, as.NotBefore = 0, 0
		return !page || !slices.Equal(short(c), short(audit.Measurement{Outcome: as}))
	})
}

// grade is how bad a measurement is.
type grade int

const (
	gradeIdle   grade = iota // the fault does not apply, or was not tried
	gradeOK                  // nothing to object to
	gradeLow                 // a finding of low severity
	gradeMedium              // a finding of medium severity
	gradeHigh                // a finding of high severity, or a breach of the policy
	gradeError               // the lab failed
)

func (g grade) String() string {
	return [...]string{"idle", "fine", "low", "medium", "high", "error"}[g]
}

// grade is that of the worst that there is to say of the measurement.
func (g *grid) grade(at cellKey) grade {
	worst := gradeIdle
	for _, c := range g.cells[at] {
		switch {
		case c.Error != "":
			return gradeError
		case len(c.Breaches) > 0:
			worst = max(worst, gradeHigh)
		case c.Skipped == "":
			worst = max(worst, gradeOK)
		}
	}
	if worst == gradeIdle {
		return gradeIdle
	}
	for _, i := range g.found[at] {
		worst = max(worst, map[string]grade{high: gradeHigh, medium: gradeMedium}[g.Findings[i].Severity], gradeLow)
	}
	return worst
}

// fails reports whether a measurement makes the check fail: by a breach, or by a finding that is not waived and that the
// policy does not let pass.
func (g *grid) fails(at cellKey) bool {
	for _, c := range g.cells[at] {
		if c.Error == "" && len(c.Breaches) > 0 {
			return true
		}
	}
	failing := func(i int) bool { return fails(g.Report, g.Findings[i]) }
	return g.grade(at) < gradeError && slices.ContainsFunc(g.found[at], failing)
}

// text is what stands in a place of the matrix: the first method's outcome, and those of the others that differ from
// it.
func (g *grid) text(at cellKey) []string {
	cells := g.cells[at]
	if len(cells) == 0 {
		return []string{"-"}
	}
	first := short(cells[0])
	all := slices.Clone(first)
	if g.fails(at) {
		all[0] = markFails + all[0]
	}
	for _, c := range cells[1:] {
		if c.Skipped != "" { // the detail says why
			continue
		}
		if other := short(c); !slices.Equal(other, first) {
			switch {
			case other[0] == first[0] && len(other) > 1: // only the marks differ
				all = append(all, terminal.OneLine(c.Method)+" "+other[1])
			case long(c.Outcome):
				all = append(append(all, terminal.OneLine(c.Method)), other...)
			default:
				all = append(append(all, terminal.OneLine(c.Method)+" "+other[0]), other[1:]...)
			}
		}
	}
	return all
}

// A row is one line of the matrix: routes that have the same outcomes under each fault.
type row struct {
	names []string
	cells [][]string // by column
	at    []cellKey  // by column: that of the first route
}

// rows merges the routes whose outcomes are the same.
func (g *grid) rows(columns []audit.FaultInfo) (all []row) {
	known := map[string]int{}
	for _, r := range g.measured() {
		one := row{names: g.alike(r)}
		var key strings.Builder
		for _, f := range columns {
			at := cellKey{r.ID, f.ID}
			one.at = append(one.at, at)
			one.cells = append(one.cells, g.text(at))
			key.WriteString(strings.Join(g.text(at), "\n") + "\t" + g.grade(at).String() + "\t")
		}
		if i, seen := known[key.String()]; seen {
			all[i].names = append(all[i].names, one.names...)
			continue
		}
		known[key.String()] = len(all)
		all = append(all, one)
	}
	return all
}
