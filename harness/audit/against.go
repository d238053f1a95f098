package audit

import (
	"cmp"
	"slices"
)

// Changes are what clients would notice when one config takes the place of another.
type Changes struct {
	Old     string   `json:"old"` // as Report.Config has it, with the gateway where that differs
	New     string   `json:"new"`
	Changes []Change `json:"changes"`
	// Documented are the known changes between the two versions of nginx that touch the config; they are not measured.
	Documented []VersionNote `json:"documented,omitempty"`
}

// A Change is one difference that clients would notice, or a finding that came or went.
type Change struct {
	Kind ChangeKind `json:"kind"`
	// Route is the route's id; empty for one that is about the whole config. Also are further routes with the same change.
	Route string   `json:"route,omitempty"`
	Also  []string `json:"also,omitempty"`
	// Faults and Methods are those under which it shows; no fault stands for the healthy answer.
	Faults  []string `json:"faults,omitempty"`
	Methods []string `json:"methods,omitempty"`
	// Before and After are what clients got and get: "504 after 5 s".
	Before string `json:"before"`
	After  string `json:"after"`
	// Direction is "better", "worse", or empty where that is a matter of taste.
	Direction string `json:"turn,omitempty"`
	// Rule is the rule of a finding that came or went.
	Rule string `json:"rule,omitempty"`
	// Text is the change in one line: "/api/, upstream silent: 504 after 5 s before, after 60 s now".
	Text string `json:"text"`
}

// ChangeKind is what a Change is about.
type ChangeKind string

// The kinds of change.
const (
	AnswerChanged  ChangeKind = "answer"       // what clients get
	FaultApplies   ChangeKind = "applies"      // the fault makes sense on one side only
	NotMeasured    ChangeKind = "not measured" // the lab failed, so that nothing is known of a change
	PeersChanged   ChangeKind = "peers"        // a peer came or went
	RouteNew       ChangeKind = "route new"    // a route that was not there
	RouteGone      ChangeKind = "route gone"   // a route that is not there any more
	ReachChanged   ChangeKind = "reached"      // a request gets there that did not, or the other way round
	FindingNew     ChangeKind = "finding new"  // what an expert would object to, and was not so before
	FindingGone    ChangeKind = "finding gone" // what an expert objected to
	LoadingChanged ChangeKind = "loading"      // the config can be loaded, or can't any more
)

// The turns of a Change.
const (
	Better = "better"
	Worse  = "worse"
)

// Compare gives what clients would notice: statuses, waits beyond what measuring varies, whose page they see, answers that
// are cut or pass as whole, orders that are sent twice, for how long errors go on, and whether the gateway starts at all;
// the peers and the findings that came and went; and what makes sense on one side only, or is not known. Which peers were
// tried, and what was logged, is not theirs to notice. Equal changes of several faults, methods or routes are one.
func Compare(old, new *Report) Changes {
	c := Changes{Old: labelOf(old, new), New: labelOf(new, old), Documented: documented(old, new)}
	if old.Refused != nil || new.Refused != nil {
		c.Changes = loading(old, new)
		return c
	}
	before, after, title := routesByID(old), routesByID(new), titles(new, old)
	faults := faultsByID(old, new)
	var all []Change
	for _, id := range routeOrder(old, new) {
		o, n := before[id], after[id]
		switch {
		case n == nil:
			all = append(all, Change{Kind: RouteGone, Route: id, Before: passOf(o), Text: id + ": is gone (was to " + passOf(o) + ")"})
		case o == nil:
			all = append(all, Change{Kind: RouteNew, Route: id, After: passOf(n), Text: id + ": is new (to " + passOf(n) + ")"})
		default:
			all = append(all, withTexts(routeChanges(before, after, o, n, faults), title)...)
		}
	}
	c.Changes = append(acrossRoutes(all), findingChanges(old, new)...)
	if len(c.Changes) == 0 && old.unmeasured() && new.unmeasured() {
		c.Changes = []Change{{Kind: NotMeasured, Text: "nothing was measured, before or now: whether visitors would notice anything is not known"}}
	}
	return c
}

// Unknown reports whether nothing is known of either side, so that there is no proof that clients would notice nothing.
func (c Changes) Unknown() bool {
	return len(c.Changes) == 1 && c.Changes[0].Kind == NotMeasured && c.Changes[0].Route == ""
}

// unmeasured reports whether the report has nothing that was measured under a fault, and nobody has waived that.
func (r *Report) unmeasured() bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Rule == UnmeasuredRule && f.Waived == "" })
}

// labelOf is how a report is called beside another.
func labelOf(r, other *Report) string {
	label := r.Config
	if r.Gateway != other.Gateway && r.Gateway != "" {
		label += " (" + r.Gateway + ")"
	}
	return label
}

func loading(old, new *Report) []Change {
	state := func(r *Report) string {
		if r.Refused == nil {
			return "loads"
		}
		return "can't be loaded: " + r.Refused.Message
	}
	a, b := state(old), state(new)
	if a == b {
		return nil
	}
	direction := ""
	if old.Refused == nil {
		direction = Worse
	} else if new.Refused == nil {
		direction = Better
	}
	return []Change{{Kind: LoadingChanged, Before: a, After: b, Direction: direction, Text: "the config: " + a + " before, " + b + " now"}}
}

func routesByID(r *Report) map[string]*Route {
	all := make(map[string]*Route, len(r.Routes))
	for i := range r.Routes {
		all[r.Routes[i].ID] = &r.Routes[i]
	}
	return all
}

// routeOrder is the new order, with the routes that went at the end.
func routeOrder(old, new *Report) []string {
	var ids []string
	seen := map[string]bool{}
	for _, routes := range [][]Route{new.Routes, old.Routes} {
		for _, r := range routes {
			if !seen[r.ID] {
				seen[r.ID] = true
				ids = append(ids, r.ID)
			}
		}
	}
	return ids
}

func passOf(r *Route) string { return cmp.Or(r.Pass, r.Protocol) }

// measurementsOf are a route's measurements, or those of the route that it is like.
func measurementsOf(routes map[string]*Route, route *Route) []Measurement {
	if like := routes[route.SameAs]; like != nil && len(route.Measurements) == 0 {
		return like.Measurements
	}
	return route.Measurements
}

func routeChanges(before, after map[string]*Route, o, n *Route, faults map[string]FaultInfo) []Change {
	if o.Reached != n.Reached {
		words := func(r *Route) string {
			if r.Reached {
				return "is reached"
			}
			return "is not reached (" + r.Why + ")"
		}
		direction := Better
		if o.Reached {
			direction = Worse
		}
		return []Change{{Kind: ReachChanged, Route: n.ID, Before: words(o), After: words(n), Direction: direction,
			Text: n.ID + ": " + words(o) + " before, " + words(n) + " now"}}
	}
	all := peerChanges(o, n)
	if o.Reached && !(o.hasHealthyColumn() && n.hasHealthyColumn()) && differ(o.healthy(), n.healthy()) {
		all = append(all, change(o.healthy(), n.healthy(), n.ID, FaultInfo{}))
	}
	return append(all, withinRoute(cellChanges(measurementsOf(before, o), measurementsOf(after, n), o, n, faults))...)
}
