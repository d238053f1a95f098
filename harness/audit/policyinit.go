package audit

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/badgateway/badgateway/harness/terminal"
)

// grace is how long --init waives what is found: long enough to correct it, short enough not to be forgotten.
const grace = 90 * 24 * time.Hour

// dnsLifetime is for how long an answer of the lab's DNS is good.
const dnsLifetime = 5 * time.Second

// InitPolicy writes a policy from what was measured: it passes now, and every change of what clients get fails from then
// on. What would fail already is waived for 90 days from the check, so that a team can begin at once and has a day by
// which each finding is mended or judged.
func InitPolicy(r *Report) []byte {
	root := &yaml.Node{Kind: yaml.MappingNode}
	root.HeadComment = "What may happen behind " + terminal.OneLine(r.Config) + ", as measured on " + r.Started.Format(time.DateOnly) +
		" by badgateway check --init.\n" +
		"Edit it: a list allows more ([502, 504]), a time without \"about\" is the longest (5s), and what is removed is not limited.\n" +
		"The limits of all hold for every route (what most have alike stands there); those of a route, or of a pattern\n" +
		"(\"example.com/*\"), go before them.\n" +
		"survives: [one-dead] says which faults visitors must not notice; application: Puma says what is behind the routes, and what\n" +
		"is known of others alone is not tried then."
	put(root, "fail_on", word(DefaultPolicy().FailOn)).LineComment = "the least severity of a finding that fails"

	all := &yaml.Node{Kind: yaml.MappingNode}
	put(all, "repeated_post", word("false"))
	put(all, "cut_as_whole", word("false"))
	put(all, "errors_for", word("0s")).LineComment = "how long errors go on once the upstream is well"
	order, common := commonCells(r)
	if len(order) > 0 {
		faults := &yaml.Node{Kind: yaml.MappingNode}
		for _, c := range order {
			c.put(faults, false)
		}
		put(all, "faults", faults)
	}
	put(root, "all", all)

	routes := &yaml.Node{Kind: yaml.MappingNode}
	var unreached []string
	for i := range r.Routes {
		route := &r.Routes[i]
		switch {
		case route.SameAs != "":
		case !route.Reached:
			unreached = append(unreached, route.ID)
		default:
			put(routes, route.ID, routeNode(route, common))
		}
	}
	if len(routes.Content) > 0 {
		put(root, "routes", routes)
	}
	if len(unreached) > 0 {
		root.FootComment = "No request was found for these; give one, and they are checked too:\nrequests:\n"
		for _, id := range unreached {
			root.FootComment += "  " + quotedKey(id) + ": {method: GET, path: /}\n"
		}
	}
	if waivers := waiverNodes(r); len(waivers) > 0 {
		put(root, "waive", &yaml.Node{Kind: yaml.SequenceNode, Content: waivers})
	}
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	err := e.Encode(&yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{root}})
	if err = errors.Join(err, e.Close()); err != nil {
		panic(fmt.Sprintf("writing a policy to memory: %v", err)) // the nodes are our own
	}
	return []byte(terminal.Clean(out.String())) // in double quotes YAML reads what this escapes as what it was
}

// routeNode writes what is measured on a route, without what is common.
func routeNode(r *Route, common map[string]faultCells) *yaml.Node {
	faults := &yaml.Node{Kind: yaml.MappingNode}
	for _, own := range cellsOf(r) {
		shared, ok := common[own.fault]
		if !ok || shared.text != own.text {
			own.put(faults, ok) // all that is common says has to be said anew
		}
	}
	n := &yaml.Node{Kind: yaml.MappingNode}
	if len(faults.Content) == 0 {
		n.Style = yaml.FlowStyle
		return n
	}
	put(n, "faults", faults)
	return n
}

// faultCells are the measurements of a fault on a route: the first method's, and those of the others that differ from it.
type faultCells struct {
	fault string
	cells []Measurement
	text  string // as they are written
}

// cellsOf are a route's measurements by fault.
func cellsOf(r *Route) (all []faultCells) {
	measured := r.Measurements
	if !r.hasHealthyColumn() {
		measured = append([]Measurement{r.healthy()}, measured...)
	}
	at := map[string]int{}
	for _, c := range measured {
		if !conclusive(c) {
			continue
		}
		text := nodeText(cellNode(c, false))
		i, known := at[c.Fault]
		switch {
		case !known:
			at[c.Fault] = len(all)
			all = append(all, faultCells{c.Fault, []Measurement{c}, text})
		case text != nodeText(cellNode(all[i].cells[0], false)):
			all[i].cells = append(all[i].cells, c)
			all[i].text += c.Method + "\n" + text
		}
	}
	return all
}

// put writes them. Beside others that hold for all routes nothing is left out.
func (f faultCells) put(n *yaml.Node, beside bool) {
	put(n, f.fault, cellNode(f.cells[0], beside))
	for _, c := range f.cells[1:] {
		put(n, f.fault+" "+c.Method, cellNode(c, true))
	}
}

// commonCells are what most of the routes have alike, by fault and in the order of the columns: what at least two of them have.
func commonCells(r *Report) (order []faultCells, byFault map[string]faultCells) {
	routes, alike := map[string][]faultCells{}, false
	var faults []string
	for i := range r.Routes {
		route := &r.Routes[i]
		alike = alike || route.SameAs != ""
		if !route.Reached || route.SameAs != "" {
			continue
		}
		for _, c := range cellsOf(route) {
			if routes[c.fault] == nil {
				faults = append(faults, c.fault)
			}
			routes[c.fault] = append(routes[c.fault], c)
		}
	}
	byFault = map[string]faultCells{}
	for _, fault := range faults {
		if fault == Healthy && alike { // that of a route which is like another is held against the policy too, and was measured by itself
			continue
		}
		count, most := map[string]int{}, 1
		for _, c := range routes[fault] {
			count[c.text]++
		}
		for _, c := range routes[fault] {
			if count[c.text] > most {
				most, byFault[fault] = count[c.text], c
			}
		}
		if most > 1 {
			order = append(order, byFault[fault])
		}
	}
	return order, byFault
}

// cellNode writes a measurement so that it, and nothing that differs, is allowed. What all says of every route is left out, unless the
// measurement stands beside one of another method that may say otherwise.
func cellNode(c Measurement, beside bool) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	put(n, "status", word(statusWord(c)))
	if c.NotStarted != "" {
		return n
	}
	put(n, "wait", word(roundedLimit(wait(c))))
	put(n, "page", word(pageWord(c)))
	put(n, "tries", word(strconv.Itoa(len(c.Tries))))
	if c.Repeated > 0 || beside {
		put(n, "repeated_post", word(strconv.Itoa(c.Repeated)))
	}
	if c.SilentTruncation || beside {
		put(n, "cut_as_whole", word(strconv.FormatBool(c.SilentTruncation)))
	}
	switch errors := recovery(c); {
	case c.Fault == "name-moved" && errors <= dnsLifetime:
		put(n, "errors_for", word(dnsLifetime.String())) // how old the answer was that the gateway had is chance
	case errors > time.Second:
		put(n, "errors_for", word(roundedLimit(errors)))
	case beside:
		put(n, "errors_for", word("0s"))
	}
	return n
}

// roundedLimit is a time that was measured, as a policy has it. Below a second it is only bounded.
func roundedLimit(d time.Duration) string {
	switch {
	case d == forever:
		return "about endless"
	case d < time.Second:
		return "1s"
	case d < 10*time.Second:
		return "about " + d.Round(100*time.Millisecond).String()
	}
	return "about " + strconv.Itoa(int(d.Round(time.Second)/time.Second)) + "s"
}

// waiverNodes waive what would fail.
func waiverNodes(r *Report) []*yaml.Node {
	until := r.Started.Add(grace).Format(time.DateOnly)
	var all []*yaml.Node
	for _, f := range r.Findings {
		if f.Rule == PolicyRule || severityRank(f.Severity) > severityRank(DefaultPolicy().FailOn) {
			continue
		}
		n := &yaml.Node{Kind: yaml.MappingNode}
		put(n, "rule", text(f.Rule)).LineComment = terminal.OneLine(fmt.Sprintf("%s, %s:%d: %s", f.Severity, f.Place.File, f.Place.Line, f.Title))
		if len(f.Routes) > 0 {
			list := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
			for _, route := range f.Routes {
				list.Content = append(list.Content, text(route))
			}
			put(n, "route", list)
		}
		put(n, "reason", text("there when this file was written, and not judged yet"))
		put(n, "until", word(until))
		all = append(all, n)
	}
	return all
}

// put adds a key, and gives the value back.
func put(n *yaml.Node, key string, value *yaml.Node) *yaml.Node {
	n.Content = append(n.Content, text(key), value)
	return value
}

// word is a value that is written as it is.
func word(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: s} }

// text is a value that is quoted where YAML needs it.
func text(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(strings.ToValidUTF8(s, "\uFFFD"))
	if strings.ContainsAny(s, "\n\r") || terminal.Clean(n.Value) != n.Value {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// quotedKey is a key as YAML has it.
func quotedKey(s string) string {
	if out, err := yaml.Marshal(s); err == nil && strings.Count(string(out), "\n") == 1 && terminal.OneLine(s) == s {
		return strings.TrimSpace(string(out))
	}
	return strconv.Quote(s) // all that it escapes YAML reads so too
}

// nodeText is what a node says, to be compared.
func nodeText(n *yaml.Node) string {
	var out strings.Builder
	for _, c := range n.Content {
		out.WriteString(c.Value + "\n")
	}
	return out.String()
}
