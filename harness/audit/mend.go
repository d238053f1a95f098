package audit

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"
)

// A Cell names one measurement of a report; without a fault it is the answer while all is well.
type Cell struct{ Route, Fault, Method string }

// Cells are the measurements that a finding is about, of those that a report has.
func (f Finding) Cells(r *Report) map[Cell]bool {
	all := map[Cell]bool{}
	for _, route := range r.Routes {
		if !slices.Contains(f.Routes, route.ID) {
			continue
		}
		if len(f.Faults) == 0 {
			all[Cell{Route: route.ID}] = true
		}
		for _, c := range route.Measurements {
			if slices.Contains(f.Faults, c.Fault) || len(f.Faults) == 0 && c.Fault == Healthy {
				all[Cell{route.ID, c.Fault, c.Method}] = true
			}
		}
	}
	return all
}

// A pair is one cell before and after a mend.
type pair struct {
	Cell
	before, after Measurement
	measured      bool // the one after says something too
}

// pairs are the cells that said something before, of the routes that both reports reach.
func pairs(before, after *Report) (all []pair) {
	routes := routesByID(before)
	for i := range after.Routes {
		old := routes[after.Routes[i].ID]
		if old == nil || !old.Reached || !after.Routes[i].Reached {
			continue
		}
		all = append(all, pair{Cell{Route: old.ID}, old.healthy(), after.Routes[i].healthy(), true})
		here := byCell(after.Routes[i].Measurements)
		for _, b := range old.Measurements {
			if !conclusive(b) {
				continue
			}
			p := pair{Cell: Cell{old.ID, b.Fault, b.Method}, before: b}
			if a := here[cell{b.Fault, b.Method}]; a != nil {
				p.after, p.measured = *a, conclusive(*a)
			}
			all = append(all, p)
		}
	}
	return all
}

// Improved says what a mend changed in the measurements that a finding is about: the first that is not worse and not the same. It is
// empty where nothing changed, so that the finding is gone by its words alone.
func Improved(before, after *Report, own map[Cell]bool) string {
	reached := newlyReached(before, after)
	for _, r := range after.Routes {
		if reached[r.ID] && slices.ContainsFunc(slices.Collect(maps.Keys(own)), func(c Cell) bool { return c.Route == r.ID }) {
			return r.ID + ": no request got there before, and one does with it"
		}
	}
	said := ""
	for _, p := range pairs(before, after) {
		if !own[p.Cell] || !p.measured || sameObserved(p.before, p.after) {
			continue
		}
		c := change(p.before, p.after, p.Route, FaultInfo{})
		if c.Before != c.After {
			return p.words() + ": " + c.Before + " before, " + c.After + " with it"
		}
		if said == "" {
			said = p.words() + ": " + c.Before + " as before, and " + whatElse(p.before, p.after)
		}
	}
	return said
}

// newlyReached are the routes that a request gets to after, and none did before.
func newlyReached(before, after *Report) map[string]bool {
	all := map[string]bool{}
	routes := routesByID(before)
	for i := range after.Routes {
		if r := &after.Routes[i]; r.Reached && routes[r.ID] != nil && !routes[r.ID].Reached {
			all[r.ID] = true
		}
	}
	return all
}

func (k Cell) words() string {
	out := k.Route
	for _, w := range []string{k.Fault, k.Method} {
		if w != "" {
			out += ", " + w
		}
	}
	return out
}

// sameObserved reports whether a measurement shows nothing that the other does not.
func sameObserved(a, b Measurement) bool {
	return !differ(a, b) && a.Loop == b.Loop && a.Held == b.Held && a.Masked == b.Masked && a.Warm == b.Warm && len(a.Tries) == len(b.Tries) && (len(a.Log) == 0) == (len(b.Log) == 0) && a.Version == b.Version &&
		reflect.DeepEqual(callForms(a), callForms(b)) && maps.EqualFunc(steadyHeader(a.Header), steadyHeader(b.Header), slices.Equal[[]string])
}

// whatElse says what differs in two measurements in which clients get the same.
func whatElse(b, a Measurement) string {
	switch {
	case b.Held && !a.Held:
		return "the upstream is let go when the client is gone, or has begun to read"
	case a.Held && !b.Held:
		return "the upstream is held after the client is gone, or has begun to read"
	case a.Masked != b.Masked:
		return "its status " + map[bool]string{true: "hides", false: "no longer hides"}[a.Masked] + " that the upstream failed"
	case a.Warm != b.Warm:
		return fmt.Sprintf("a cache that has the page answers %d, not %d", a.Warm, b.Warm)
	case !reflect.DeepEqual(callForms(b), callForms(a)):
		return "the upstream is called in another way"
	case (len(a.Log) == 0) != (len(b.Log) == 0):
		return "now it is in the log"
	}
	return "its header is another"
}

// callForms are a measurement's calls without what differs from run to run.
func callForms(m Measurement) []Call {
	all := slices.Clone(m.Calls)
	for i := range all {
		all[i].Reused = false
	}
	return all
}

// steadyHeader is a header without the fields that differ by the time, or by how the body is framed.
func steadyHeader(h map[string][]string) map[string][]string {
	out := map[string][]string{}
	for name, values := range h {
		switch name = http.CanonicalHeaderKey(name); name {
		case "Date", "Expires", "Last-Modified", "Etag", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive":
		default:
			out[name] = values
		}
	}
	return out
}

// Worsened says in what clients get less after than before, in all that both reports have measured; nothing where a mend does no
// harm. In measurements that the mend is not for (own) no status may change but for the better. What is in some comes about alone where
// the application does what few do.
func Worsened(before, after *Report, own map[Cell]bool) (all, some []string) {
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	routes := routesByID(before)
	for i := range after.Routes {
		route := &after.Routes[i]
		if old := routes[route.ID]; old == nil || !old.Reached {
			continue
		} else if !route.Reached {
			add("%s is not reached any more", route.ID)
		} else if lost := lostPeers(old, route); len(lost) > 0 {
			add("%s does not call %s any more", route.ID, strings.Join(lost, ", "))
		}
	}
	faults := faultsByID(before)
	for _, p := range pairs(before, after) {
		switch {
		case p.after.SkippedAs == Immune && p.Fault != keptClosed:
		case !p.measured:
			add("%s can't be measured any more", p.words())
		default:
			f := faults[p.Fault]
			harm := harmOf(p.before, p.after, own[p.Cell], f)
			switch {
			case harm == "":
			case len(f.Servers) > 0 && f.Says == 0:
				some = append(some, p.words()+": "+harm)
			default:
				add("%s: %s", p.words(), harm)
			}
		}
	}
	known := map[[2]string]bool{}
	reached := newlyReached(before, after) // of which nothing was known
	for _, f := range before.Findings {
		for _, id := range routesOf(f) {
			known[[2]string{f.Rule, id}] = true
		}
	}
	for _, f := range after.Findings {
		if f.Severity == "low" || f.Rule == PolicyRule || f.Rule == UnmeasuredRule {
			continue
		}
		if i := slices.IndexFunc(routesOf(f), func(id string) bool { return !known[[2]string{f.Rule, id}] && !reached[id] }); i >= 0 {
			add("%s: %s (%s), which was not so before", routesOf(f)[i], f.Title, f.Rule)
		}
	}
	return all, some
}

// keptClosed is the fault that shows whether connections to the upstream are kept, which is not to be lost.
const keptClosed = "reuse"

// lostPeers are the endpoints that a route called, and does not call any more.
func lostPeers(old, new *Route) (lost []string) {
	called := map[string]bool{}
	for _, p := range new.Endpoints {
		called[p.Name] = called[p.Name] || p.Called
	}
	for _, p := range old.Endpoints {
		if p.Called && !called[p.Name] {
			lost = append(lost, p.Name)
		}
	}
	return lost
}

// harmOf says in what a client or an upstream gets less; empty where in nothing.
func harmOf(b, a Measurement, own bool, f FaultInfo) string {
	if costOf(b, a) != "" { // which is told, and no harm
		a.ErrorsFor, a.Waited, a.NotBefore, a.Tries = b.ErrorsFor, b.Waited, b.NotBefore, b.Tries
	}
	c := change(b, a, "", f)
	turn := c.Direction
	switch {
	case b.Page == "upstream" && b.Status >= 400 && a.Status != b.Status && turn != Better:
		return fmt.Sprintf("the application's own %d becomes %s", b.Status, c.After)
	case b.Page == "upstream" && a.Page == "config" && b.Status == a.Status && b.Status >= 400 && b.Status < 500:
		return fmt.Sprintf("the application's own %d page gives way to the config's", b.Status)
	case turn == Worse, b.Status != a.Status && !own && b.Page != "nginx" && turn != Better:
		return c.Before + " before, " + c.After + " with it"
	case b.Status == a.Status && a.Status >= 400 && a.Page == "nginx" && (b.Page == "config" || b.Page == "upstream"):
		return "nginx's own page in place of " + pageWords(b)
	case len(a.Tries) > len(b.Tries) && a.Waited > b.Waited+time.Second:
		return "more peers are waited for"
	}
	if b.Status != a.Status || b.Page != a.Page {
		return ""
	}
	before, after := steadyHeader(b.Header), steadyHeader(a.Header)
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if len(after[name]) == 0 {
			return "the header has no " + name + " any more"
		}
	}
	if !slices.Equal(before["Location"], after["Location"]) {
		return fmt.Sprintf("Location: %s before, %s with it", strings.Join(before["Location"], ", "), strings.Join(after["Location"], ", "))
	}
	if (b.Fault == "" || b.Fault == Healthy) && len(b.Calls) > 0 && len(a.Calls) > 0 {
		x, y := sameCall(b.Calls, a.Calls)
		switch {
		case x.URI != y.URI:
			return fmt.Sprintf("the upstream is asked for %s, not for %s", y.URI, x.URI)
		case x.Host != y.Host && !own:
			return fmt.Sprintf("the upstream is asked with Host: %s, not %s", y.Host, x.Host)
		case x.TLS && !y.TLS:
			return "the upstream is asked without TLS"
		}
	}
	return ""
}

// sameCall is the last call of a measurement, and that of another to the same endpoint: beside the route's own there are those to a
// mirror or an auth service, in whatever order. Where none is to that endpoint it is the last.
func sameCall(before, after []Call) (b, a Call) {
	b, a = before[len(before)-1], after[len(after)-1]
	for _, c := range after {
		if c.Endpoint == b.Endpoint {
			a = c
		}
	}
	return b, a
}

// maxCost is how much longer errors may go on after an upstream is well again for a mend to be one: a peer that failed is left
// alone for 10 s where the config says nothing else. Nobody waits for a minute.
// https://nginx.org/en/docs/http/ngx_http_upstream_module.html#fail_timeout
const (
	maxCost     = 15 * time.Second
	maxCostWait = 59 * time.Second
)

// costOf says what clients pay where a pool's other peers are tried: they wait for each where none is well, and a peer that failed
// is left alone for a while. It is empty for nothing, and for what is more than that.
func costOf(b, a Measurement) string {
	longer := !sameWait(b.Waited, a.Waited) && a.Waited > b.Waited
	later := !sameRecovery(b, a) && a.ErrorsFor > b.ErrorsFor
	switch {
	case longer && (a.Status != b.Status || a.TimedOut || len(a.Tries) <= len(b.Tries) || a.Waited > maxCostWait),
		later && (a.NotRecovered || a.ErrorsFor > b.ErrorsFor+maxCost):
		return ""
	case longer:
		return fmt.Sprintf("%s after %s, not %s, as %d peers are tried", statusWords(a), Long(a.Waited), Long(b.Waited), len(a.Tries))
	case later:
		return fmt.Sprintf("errors for %s after recovery, not %s, as a peer that failed is left alone for a while", Long(a.ErrorsFor), Long(b.ErrorsFor))
	}
	return ""
}

// answersLate is the fault in which the answer comes after every time-out: it shows which answers a time-out lets through.
const answersLate = "slow"

// Costs says what clients pay for a mend; empty for nothing.
func Costs(before, after *Report) string {
	var all []string
	for _, p := range pairs(before, after) {
		b, a := p.before, p.after
		if cost := costOf(b, a); cost != "" {
			all = append(all, p.words()+": "+cost)
		} else if p.Fault == answersLate && p.measured && a.Status == b.Status && a.Status >= 500 && !sameWait(a.Waited, b.Waited) && a.Waited < b.Waited {
			all = append(all, fmt.Sprintf("%s: an answer that takes longer than %s is lost, not only one of %s", p.words(), Long(a.Waited), Long(b.Waited)))
		}
	}
	if all = append(all, newlyMet(before, after)...); len(all) == 0 {
		return ""
	}
	return Summed(all)
}

// faultsByID are the faults of all reports; what a later one says of a fault goes before.
func faultsByID(reports ...*Report) map[string]FaultInfo {
	all := map[string]FaultInfo{}
	for _, r := range reports {
		for _, f := range r.Faults {
			all[f.ID] = f
		}
	}
	return all
}

// newlyMet are the failures that could not come about before a mend, as that of a connection that is kept from then on.
func newlyMet(before, after *Report) (all []string) {
	faults := faultsByID(after)
	routes := routesByID(before)
	for i := range after.Routes {
		old := routes[after.Routes[i].ID]
		if old == nil {
			continue
		}
		was := byCell(old.Measurements)
		for _, a := range after.Routes[i].Measurements {
			b := was[cell{a.Fault, a.Method}]
			if b != nil && b.Skipped != "" && b.SkippedAs != Unhealthy && conclusive(a) && fails(a) && !faults[a.Fault].isRight(a) {
				all = append(all, Cell{old.ID, a.Fault, a.Method}.words()+": "+statusWords(a)+", which could not come about before")
			}
		}
	}
	return all
}

// Summed is the first of several sentences, and how many more there are.
func Summed(all []string) string {
	if n := len(all) - 1; n > 0 {
		return fmt.Sprintf("%s; %d more like it", all[0], n)
	}
	return all[0]
}
