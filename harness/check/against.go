package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Changes are what visitors would notice when one config takes the place of another.
type Changes struct {
	Old     string   `json:"old"` // as Report.Config has it, with the gateway where that differs
	New     string   `json:"new"`
	Changes []Change `json:"changes"`
}

// A Change is one difference that visitors would notice, or a finding that came or went.
type Change struct {
	Kind ChangeKind `json:"kind"`
	// Route is the route's id; empty for one that is about the whole config. Also are further routes with the same change.
	Route string   `json:"route,omitempty"`
	Also  []string `json:"also,omitempty"`
	// Faults and Methods are those under which it shows; no fault stands for the healthy answer.
	Faults  []string `json:"faults,omitempty"`
	Methods []string `json:"methods,omitempty"`
	// Before and After are what visitors got and get: "504 after 5 s".
	Before string `json:"before"`
	After  string `json:"after"`
	// Turn is "better", "worse", or empty where that is a matter of taste.
	Turn string `json:"turn,omitempty"`
	// Rule is the rule of a finding that came or went.
	Rule string `json:"rule,omitempty"`
	// Text is the change in one line: "/api/, upstream silent: 504 after 5 s before, after 60 s now".
	Text string `json:"text"`
}

// ChangeKind is what a Change is about.
type ChangeKind string

// The kinds of change.
const (
	AnswerChanged  ChangeKind = "answer"       // what visitors get
	RouteNew       ChangeKind = "route new"    // a way that was not there
	RouteGone      ChangeKind = "route gone"   // a way that is not there any more
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

// Compare gives what visitors would notice: statuses, waits beyond what measuring varies, whose page they see, answers that
// are cut or pass as whole, orders that are sent twice, for how long errors go on, and whether the gateway starts at all;
// and the findings that came and went. Which peers were tried, and what was logged, is not theirs to notice. Equal changes
// of several faults, methods or routes are one.
func Compare(old, new *Report) Changes {
	c := Changes{Old: labelOf(old, new), New: labelOf(new, old)}
	if old.Refused != nil || new.Refused != nil {
		c.Changes = loading(old, new)
		return c
	}
	before, after := routesByID(old), routesByID(new)
	var all []Change
	for _, id := range routeOrder(old, new) {
		o, n := before[id], after[id]
		switch {
		case n == nil:
			all = append(all, Change{Kind: RouteGone, Route: id, Before: passOf(o), Text: id + ": is gone (was to " + passOf(o) + ")"})
		case o == nil:
			all = append(all, Change{Kind: RouteNew, Route: id, After: passOf(n), Text: id + ": is new (to " + passOf(n) + ")"})
		default:
			all = append(all, routeChanges(old, new, o, n)...)
		}
	}
	c.Changes = append(acrossRoutes(all), findingChanges(old, new)...)
	return c
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
	turn := ""
	if old.Refused == nil {
		turn = Worse
	} else if new.Refused == nil {
		turn = Better
	}
	return []Change{{Kind: LoadingChanged, Before: a, After: b, Turn: turn, Text: "the config: " + a + " before, " + b + " now"}}
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

func passOf(r *Route) string { return or(r.Pass, r.Protocol) }

// cellsOf are a route's cells, or those of the route that it is like.
func cellsOf(r *Report, route *Route) []Cell {
	if len(route.Cells) == 0 && route.Like != "" {
		if like := routesByID(r)[route.Like]; like != nil {
			return like.Cells
		}
	}
	return route.Cells
}

func routeChanges(old, new *Report, o, n *Route) []Change {
	if o.Reached != n.Reached {
		words := func(r *Route) string {
			if r.Reached {
				return "is reached"
			}
			return "is not reached (" + r.Why + ")"
		}
		turn := Better
		if o.Reached {
			turn = Worse
		}
		return []Change{{Kind: ReachChanged, Route: n.ID, Before: words(o), After: words(n), Turn: turn,
			Text: n.ID + ": " + words(o) + " before, " + words(n) + " now"}}
	}
	var all []Change
	if o.Reached && differ(Cell{Outcome: o.Healthy}, Cell{Outcome: n.Healthy}) {
		all = append(all, change(Cell{Outcome: o.Healthy, Method: o.Ask.Method}, Cell{Outcome: n.Healthy, Method: n.Ask.Method}, n.ID))
	}
	type key struct{ fault, method string }
	before := map[key]Cell{}
	for _, c := range cellsOf(old, o) {
		before[key{c.Fault, c.Method}] = c
	}
	for _, c := range cellsOf(new, n) {
		b, ok := before[key{c.Fault, c.Method}]
		if !ok || !sound(b) || !sound(c) || !differ(b, c) {
			continue
		}
		all = append(all, change(b, c, n.ID))
	}
	return withTexts(withinRoute(all), titles(new, old))
}

// sound tells whether a cell says anything.
func sound(c Cell) bool { return c.Skipped == "" && c.Error == "" }

// sameWait tells whether two waits are the same but for what measuring varies: half a second, and 2 % of the longer one.
func sameWait(a, b time.Duration) bool {
	return (a - b).Abs() <= 500*time.Millisecond+max(a, b)/50
}

func differ(a, b Cell) bool {
	return a.Status != b.Status || a.NoAnswer != b.NoAnswer && a.Status == 0 || a.Cut != b.Cut || a.Whole != b.Whole ||
		a.Endless != b.Endless || !sameWait(a.Waited, b.Waited) || a.Page != b.Page && a.Status >= 400 || a.Repeated != b.Repeated ||
		a.Never != b.Never || !sameRecovery(a, b) || a.Cached != b.Cached || (a.NotStarted == "") != (b.NotStarted == "") ||
		(a.Bad == 0) != (b.Bad == 0)
}

// sameRecovery allows for the whole seconds that nginx counts fail_timeout in.
func sameRecovery(a, b Cell) bool {
	return (a.ErrorsFor - b.ErrorsFor).Abs() <= 1500*time.Millisecond+max(a.ErrorsFor, b.ErrorsFor)/50
}

// change is the change of one cell. Its sides say what differs, and the status always.
func change(b, a Cell, route string) Change {
	c := Change{Kind: AnswerChanged, Route: route, Turn: turn(b, a)}
	if a.Fault != "" {
		c.Faults = []string{a.Fault}
	}
	if a.Method != "" {
		c.Methods = []string{a.Method}
	}
	c.Before, c.After = visible(b, a), visible(a, b)
	return c
}

// visible is what a visitor gets, in words, with as much as tells it from the other.
func visible(c, other Cell) string {
	if c.NotStarted != "" {
		return "nothing, as the gateway does not start"
	}
	parts := []string{statusWords(c)}
	switch {
	case c.Endless:
		parts[0] += ", waiting without end"
	case other.NotStarted == "" && sameWait(c.Waited, other.Waited) && !other.Endless:
	case c.Waited < time.Second:
		parts[0] += " at once"
	default:
		parts[0] += " after " + Long(c.Waited)
	}
	add := func(differs bool, text string) {
		if differs && text != "" {
			parts = append(parts, text)
		}
	}
	add(c.Page != other.Page && other.NotStarted == "" && (c.Status >= 400 || other.Status >= 400), pageWords(c))
	add(c.Cut != other.Cut && c.Cut, "cut")
	add(c.Whole != other.Whole && c.Whole, "cut but complete to see")
	if c.Repeated != other.Repeated {
		add(true, "sent "+times(c.Repeated+1))
	}
	add(c.Cached != other.Cached && c.Cached, "from the cache")
	if (c.Bad == 0) != (other.Bad == 0) && c.Of > 0 {
		add(true, fmt.Sprintf("%d of %d visitors hit", c.Bad, c.Of))
	}
	if c.Never != other.Never || !sameRecovery(c, other) {
		switch {
		case c.Never:
			add(true, "errors for ever")
		case c.ErrorsFor > 0:
			add(true, "errors for "+Long(c.ErrorsFor)+" after recovery")
		default:
			add(true, "no errors after recovery")
		}
	}
	return strings.Join(parts, ", ")
}

func statusWords(c Cell) string {
	if c.Status != 0 {
		return strconv.Itoa(c.Status)
	}
	if c.NoAnswer != "" {
		return "no answer (" + c.NoAnswer + ")"
	}
	return "no answer"
}

func pageWords(c Cell) string {
	switch c.Page {
	case "nginx":
		return "nginx's page"
	case "config":
		return "the config's page"
	case "upstream":
		return "the upstream's page"
	}
	return "no page"
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return strconv.Itoa(n) + " times"
}

// turn weighs the two: an answer against an error, whole against cut, started against not, and a wait of the same status.
func turn(b, a Cell) string {
	if x, y := badness(b), badness(a); x != y {
		if y > x {
			return Worse
		}
		return Better
	}
	weigh := func(before, after time.Duration) string {
		switch {
		case after > before:
			return Worse
		case after < before:
			return Better
		}
		return ""
	}
	if !sameWait(b.Waited, a.Waited) || b.Endless != a.Endless {
		return weigh(wait(b), wait(a))
	}
	if b.Never != a.Never || !sameRecovery(b, a) {
		return weigh(recovery(b), recovery(a))
	}
	return ""
}

const forever = time.Duration(1<<63 - 1)

func wait(c Cell) time.Duration {
	if c.Endless {
		return forever
	}
	return c.Waited
}

func recovery(c Cell) time.Duration {
	if c.Never {
		return forever
	}
	return c.ErrorsFor
}

func badness(c Cell) int {
	n := 0
	switch {
	case c.NotStarted != "":
		n += 8
	case c.Status == 0:
		n += 3
	case c.Status >= 500:
		n += 2
	case c.Status >= 400:
		n++
	}
	if c.Whole {
		n += 3
	}
	if c.Cut {
		n++
	}
	if c.Repeated > 0 {
		n += 3
	}
	if c.Cached && c.Status >= 500 {
		n += 2
	}
	return n
}

// withinRoute joins what several faults and methods of a route have alike.
func withinRoute(all []Change) []Change {
	merge := func(in []Change, same func(a, b Change) bool, join func(into *Change, c Change)) []Change {
		var out []Change
	next:
		for _, c := range in {
			for i := range out {
				if out[i].Kind == c.Kind && out[i].Before == c.Before && out[i].After == c.After && same(out[i], c) {
					join(&out[i], c)
					continue next
				}
			}
			out = append(out, c)
		}
		return out
	}
	healthy := func(a, b Change) bool { return (len(a.Faults) == 0) == (len(b.Faults) == 0) }
	// First the methods of a fault, so that faults are joined only when all of their methods are alike.
	all = merge(all, func(a, b Change) bool { return slices.Equal(a.Faults, b.Faults) },
		func(into *Change, c Change) { into.Methods = append(into.Methods, c.Methods...) })
	return merge(all, func(a, b Change) bool { return healthy(a, b) && slices.Equal(a.Methods, b.Methods) },
		func(into *Change, c Change) { into.Faults = append(into.Faults, c.Faults...) })
}

// acrossRoutes joins what several routes have alike. Routes that came or went stay by themselves.
func acrossRoutes(all []Change) []Change {
	var out []Change
next:
	for _, c := range all {
		for i := range out {
			o := &out[i]
			if c.Kind == AnswerChanged && o.Kind == c.Kind && o.Before == c.Before && o.After == c.After &&
				slices.Equal(o.Faults, c.Faults) && slices.Equal(o.Methods, c.Methods) {
				o.Also = append(o.Also, c.Route)
				continue next
			}
		}
		out = append(out, c)
	}
	for i, c := range out {
		if n := len(c.Also); n == 1 {
			out[i].Text = c.Route + " and " + c.Also[0] + strings.TrimPrefix(c.Text, c.Route)
		} else if n > 1 {
			out[i].Text = fmt.Sprintf("%s and %d more%s", c.Route, n, strings.TrimPrefix(c.Text, c.Route))
		}
	}
	return out
}

func titles(reports ...*Report) map[string]string {
	all := map[string]string{}
	for _, r := range reports {
		for _, f := range r.Faults {
			if _, ok := all[f.ID]; !ok {
				all[f.ID] = f.Title
			}
		}
	}
	return all
}

// withTexts writes the line of each change.
func withTexts(all []Change, title map[string]string) []Change {
	for i := range all {
		c := &all[i]
		var faults []string
		for _, f := range c.Faults {
			faults = append(faults, or(title[f], f))
		}
		text := c.Route
		switch {
		case len(faults) == 0:
			text += ", all well"
		case strings.HasPrefix(faults[0], "one "), strings.HasPrefix(faults[0], "name "):
			text += ", " + listed(faults)
		default:
			text += ", upstream " + listed(faults)
		}
		if len(c.Methods) == 1 && c.Methods[0] != "GET" {
			text += ", " + c.Methods[0]
		}
		c.Text = text + ": " + c.Before + " before, " + afterwards(c.Before, c.After) + " now"
	}
	return all
}

// afterwards leaves out the status where it is the same as before: "after 60 s".
func afterwards(before, after string) string {
	first, _, _ := strings.Cut(before, " ")
	rest, ok := strings.CutPrefix(after, first+" ")
	if ok && len(first) == 3 && first >= "100" && first <= "999" {
		return rest
	}
	return after
}

// listed joins words as one would say them: "a, b and c".
func listed(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

// Long is a length of time in words, as reports give it: "60 s", "2.5 s".
func Long(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Round(100*time.Millisecond).Seconds(), 'f', -1, 64) + " s"
	case d >= time.Hour && d%time.Hour < time.Minute:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d s", d.Round(time.Second)/time.Second)
}

// findingChanges compares by rule and route, since lines move.
func findingChanges(old, new *Report) []Change {
	type key struct{ rule, route string }
	has := func(r *Report) map[key]bool {
		all := map[key]bool{}
		for _, f := range r.Findings {
			for _, route := range routesOf(f) {
				all[key{f.Rule, route}] = true
			}
		}
		return all
	}
	before, after := has(old), has(new)
	one := func(kind ChangeKind, r *Report, other map[key]bool, word, turn string) []Change {
		var all []Change
		for _, f := range r.Findings {
			if f.Rule == PolicyRule {
				continue
			}
			routes := slices.DeleteFunc(slices.Clone(routesOf(f)), func(route string) bool { return other[key{f.Rule, route}] })
			if len(routes) == 0 {
				continue
			}
			c := Change{Kind: kind, Route: routes[0], Also: routes[1:], Faults: f.Faults, Rule: f.Rule, Turn: turn}
			if kind == FindingNew {
				c.After = f.Title
			} else {
				c.Before = f.Title
			}
			c.Text = fmt.Sprintf("%s: %s (%s, %s:%d)", word, f.Title, f.Rule, f.Place.File, f.Place.Line)
			all = append(all, c)
		}
		return all
	}
	return append(one(FindingNew, new, before, "new finding", Worse), one(FindingGone, old, after, "no longer found", Better)...)
}

// routesOf are a finding's routes; one without any is about the whole config.
func routesOf(f Finding) []string {
	if len(f.Routes) == 0 {
		return []string{""}
	}
	return f.Routes
}
