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
		"The limits of all hold for every route; those of a route, or of a pattern (\"example.com/*\"), go before them.\n" +
		"survives: [one-dead] says which faults visitors must not notice."
	put(root, "fail_on", word(DefaultPolicy().FailOn)).LineComment = "the least severity of a finding that fails"

	all := &yaml.Node{Kind: yaml.MappingNode}
	put(all, "repeated_post", word("false"))
	put(all, "cut_as_whole", word("false"))
	put(all, "errors_for", word("0s")).LineComment = "how long errors go on once the upstream is well"
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
			put(routes, route.ID, routeNode(route))
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

func routeNode(r *Route) *yaml.Node {
	faults := &yaml.Node{Kind: yaml.MappingNode}
	put(faults, Healthy, cellNode(r.healthy(), false))
	written := map[string]string{} // by fault: the first method's, as it is written
	for _, c := range r.Measurements {
		if !conclusive(c) {
			continue
		}
		node := cellNode(c, false)
		text := nodeText(node)
		first, ok := written[c.Fault]
		switch {
		case !ok:
			written[c.Fault] = text
			put(faults, c.Fault, node)
		case text != first:
			put(faults, c.Fault+" "+c.Method, cellNode(c, true))
		}
	}
	n := &yaml.Node{Kind: yaml.MappingNode}
	put(n, "faults", faults)
	return n
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
