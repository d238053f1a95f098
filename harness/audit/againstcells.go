package audit

import (
	"cmp"
	"fmt"
	"slices"
)

// A cell is where a measurement stands in a route's row.
type cell struct{ fault, method string }

// faults are those that a change of the cell names: none for the healthy column.
func (c cell) faults() []string {
	if c.fault == Healthy {
		return nil
	}
	return []string{c.fault}
}

// cellChanges are the changes of a route's measurements, those that are there on one side only among them.
func cellChanges(old, new []Measurement, o, n *Route, faults map[string]FaultInfo) []Change {
	before, after := byCell(old), byCell(new)
	var order []cell
	for _, c := range slices.Concat(new, old) {
		if at := (cell{c.Fault, c.Method}); !slices.Contains(order, at) {
			order = append(order, at)
		}
	}
	var all []Change
	said := map[string]bool{} // methods that were not answered as they should be, on one side, without any fault
	for _, at := range order {
		b, a := before[at], after[at]
		switch {
		case b != nil && a != nil && conclusive(*b) && conclusive(*a):
			if differ(*b, *a) {
				all = append(all, change(*b, *a, n.ID, faults[at.fault]))
			}
		case b != nil && b.Error != "" || a != nil && a.Error != "":
			all = append(all, Change{Kind: NotMeasured, Route: n.ID, Faults: at.faults(), Methods: []string{at.method}, After: unknown(b, a)})
		case unhealthy(b) != unhealthy(a):
			// Under no fault anything is known of that method: once is enough, and the healthy column may say it.
			if !said[at.method] && !healthyDiffers(before, after, at.method) {
				all = append(all, unhealthyChange(b, a, n.ID))
			}
			said[at.method] = true
		case b != nil && conclusive(*b) || a != nil && conclusive(*a):
			all = append(all, oneSided(b, a, o, n, at))
		}
	}
	return all
}

func byCell(all []Measurement) map[cell]*Measurement {
	cells := make(map[cell]*Measurement, len(all))
	for i := range all {
		cells[cell{all[i].Fault, all[i].Method}] = &all[i]
	}
	return cells
}

// unknown says on which side a measurement is not known.
func unknown(b, a *Measurement) string {
	was, is := b != nil && b.Error != "", a != nil && a.Error != ""
	when := map[bool]string{true: "before", false: "now"}[was]
	if was && is {
		when = "before and now"
	}
	return "could not be measured " + when + ", as the lab failed: whether it changed is not known"
}

func unhealthy(c *Measurement) bool { return c != nil && c.SkippedAs == Unhealthy }

// healthyDiffers reports whether the healthy column says of a method that its answers differ.
func healthyDiffers(before, after map[cell]*Measurement, method string) bool {
	b, a := before[cell{Healthy, method}], after[cell{Healthy, method}]
	return b != nil && a != nil && conclusive(*b) && conclusive(*a) && differ(*b, *a)
}

// unhealthyChange is the change of a method that one side does not answer as it should, without any fault.
func unhealthyChange(b, a *Measurement, route string) Change {
	const asItShould = "answered as it should be"
	c := Change{Kind: AnswerChanged, Route: route, Before: asItShould, After: asItShould}
	if unhealthy(a) {
		c.After, c.Methods, c.Direction = a.Skipped, []string{a.Method}, Worse
	} else {
		c.Before, c.Methods, c.Direction = b.Skipped, []string{b.Method}, Better
	}
	return c
}

// oneSided is the change of a measurement that makes sense on one side only. Where the gateway was immune against the fault, that is
// weighed as if clients had got the healthy answer; of any other, nothing can be said but that it came or went.
func oneSided(b, a *Measurement, o, n *Route, at cell) Change {
	c := Change{Kind: FaultApplies, Route: n.ID, Faults: at.faults(), Methods: []string{at.method}, Before: absent(b), After: absent(a)}
	asHealthy := func(r *Route) Measurement { return Measurement{Fault: at.fault, Method: at.method, Outcome: r.Healthy} }
	if b != nil && conclusive(*b) {
		c.Before = visible(*b, Measurement{})
		if a != nil && a.SkippedAs == Immune {
			c.Direction = direction(*b, asHealthy(n))
		}
		return c
	}
	c.After = visible(*a, Measurement{})
	if b != nil && b.SkippedAs == Immune {
		c.Direction = direction(asHealthy(o), *a)
	}
	return c
}

// absent says why there is no measurement.
func absent(c *Measurement) string {
	if c == nil {
		return "not tried"
	}
	return "does not apply (" + c.Skipped + ")"
}

// peerChanges are the peers that came and went. Of a route that calls whomever a request names they are chance.
func peerChanges(o, n *Route) []Change {
	if o.Dynamic || n.Dynamic {
		return nil
	}
	lost, gained := peersBeside(o, n), peersBeside(n, o)
	if len(lost) == 0 && len(gained) == 0 {
		return nil
	}
	c := Change{Kind: PeersChanged, Route: n.ID, Before: peerList(o), After: peerList(n)}
	switch before, now := len(o.Endpoints), len(n.Endpoints); {
	case now < before:
		c.Direction = Worse
	case now > before:
		c.Direction = Better
	}
	switch {
	case len(gained) == 0:
		c.Text = fmt.Sprintf("%s: %s %s called no more, %s", n.ID, Listed(lost), isAre(lost), left(n))
	case len(lost) == 0:
		c.Text = fmt.Sprintf("%s: %s %s called too, beside %s", n.ID, Listed(gained), isAre(gained), c.Before)
	default:
		c.Text = fmt.Sprintf("%s: calls %s before, %s now", n.ID, c.Before, c.After)
	}
	return []Change{c}
}

// peersBeside are the peers of a route that another has not, as they are called.
func peersBeside(r, other *Route) (all []string) {
	for _, e := range r.Endpoints {
		if !slices.ContainsFunc(other.Endpoints, func(x Endpoint) bool { return x.Name == e.Name && x.Backup == e.Backup }) {
			all = append(all, peerName(e))
		}
	}
	return all
}

func peerName(e Endpoint) string {
	if e.Backup {
		return e.Name + " (backup)"
	}
	return e.Name
}

func peerList(r *Route) string {
	var all []string
	for _, e := range r.Endpoints {
		all = append(all, peerName(e))
	}
	return cmp.Or(Listed(all), "nobody")
}

func isAre(all []string) string {
	if len(all) == 1 {
		return "is"
	}
	return "are"
}

// left says who is left of a route's peers.
func left(r *Route) string {
	switch len(r.Endpoints) {
	case 0:
		return "and nobody is left"
	case 1:
		return peerList(r) + " alone is left, without a spare"
	}
	return peerList(r) + " are left"
}
