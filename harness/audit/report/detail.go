package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/terminal"
)

// findRoute is the route of that id, and the one that was measured for it.
func findRoute(r *audit.Report, id string) (route, measured *audit.Route, err error) {
	g := newGrid(r)
	route = g.routes[id]
	if route == nil {
		var ids []string
		for _, other := range r.Routes {
			ids = append(ids, terminal.OneLine(other.ID))
		}
		return nil, nil, fmt.Errorf("there is no route %q; there are: %s", terminal.OneLine(id), strings.Join(ids, ", "))
	}
	measured = route
	if like := g.routes[route.SameAs]; like != nil {
		measured = like
	}
	return route, measured, nil
}

// Route writes all that is known of one route: what it is, the request that reaches it, and a line for each fault. It
// fails for an id that the report does not have.
func Route(w io.Writer, r *audit.Report, id string, v View) error {
	route, measured, err := findRoute(r, id)
	if err != nil {
		return err
	}
	s, g := newTextWriter(v), newGrid(r)
	s.routeHeader(route)
	if !route.Reached {
		s.labelled(evidenceLabel, "reached", "no: "+route.Why)
		return s.writeTo(w)
	}
	if measured != route {
		s.labelled(evidenceLabel, "like", measured.ID+", which was measured for it")
	}
	s.labelled(evidenceLabel, "healthy", saw(measured.Healthy)+tried(measured.Healthy))
	for _, b := range measured.Breaches {
		s.labelled(evidenceLabel, "against", "the policy: "+b)
	}
	s.line("")
	s.outcomes(g, measured)
	for _, line := range inapplicable(r, measured) {
		s.prose("Not measured: "+line+".", "  ")
	}
	open, _ := bySeverity(r)
	for _, f := range open {
		if slices.Contains(f.Routes, measured.ID) {
			s.line("")
			s.finding(r, f)
		}
	}
	return s.writeTo(w)
}

// outcomes writes a line for each fault that applies, with its methods together where they do not differ.
func (s *textWriter) outcomes(g *grid, r *audit.Route) {
	const logColumn = 5
	rows := [][]string{{"fault", "", "visitors get", "page", "tries", "log"}}
	for _, c := range r.Measurements {
		if c.Skipped != "" {
			continue
		}
		text, log := strings.Join(short(c), " "), ""
		if g.fails(cellKey{r.ID, c.Fault}) {
			text = markFails + text
		}
		if len(c.Log) > 0 {
			log = terminal.OneLine(c.Log[0].String())
		}
		title := terminal.OneLine(titleOfFault(g.Report, c.Fault))
		one := []string{title, terminal.OneLine(c.Method), text, terminal.OneLine(c.Page), strconv.Itoa(len(c.Tries)), log}
		if last := rows[len(rows)-1]; last[0] == one[0] && slices.Equal(last[2:], one[2:]) {
			last[1] += ", " + one[1]
			continue
		}
		rows = append(rows, one)
	}
	room := s.width
	for column := range logColumn {
		need := 0
		for _, row := range rows {
			need = max(need, displayWidth(row[column]))
		}
		room -= need + gap
	}
	t := plainTable()
	for i, row := range rows {
		var cells table.Row
		if s.width > 0 {
			row[logColumn] = text.Snip(row[logColumn], max(room-gap, 8), "…")
		}
		for _, cell := range row {
			cells = append(cells, cell)
		}
		if strings.HasPrefix(row[2], markFails) {
			cells[2] = s.Red(row[2])
		}
		if i == 0 {
			t.AppendHeader(cells)
		} else {
			t.AppendRow(cells)
		}
	}
	s.line(t.Render())
}

// Measurement writes all the evidence of one measurement, for each method: what was asked, what the upstream did, what the client got
// and when, the tries, the log, the page, and how it went on when the upstream was healthy again. It fails for a route or
// a fault that the report does not have.
func Measurement(w io.Writer, r *audit.Report, id, fault string, v View) error {
	route, measured, err := findRoute(r, id)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(r.Faults, func(f audit.FaultInfo) bool { return f.ID == fault })
	if at < 0 {
		var ids []string
		for _, f := range r.Faults {
			ids = append(ids, terminal.OneLine(f.ID))
		}
		return fmt.Errorf("there is no fault %q; there are: %s", terminal.OneLine(fault), strings.Join(ids, ", "))
	}
	s, g := newTextWriter(v), newGrid(r)
	s.routeHeader(route)
	info := r.Faults[at]
	s.labelled(evidenceLabel, "fault", info.Title+": "+info.Claim)
	if info.Scenario != "" {
		s.labelledLines(evidenceLabel, "alone", "badgateway run "+terminal.Quote(terminal.OneLine(info.Scenario)))
	}
	if len(info.Servers) > 0 {
		s.labelled(evidenceLabel, "done by", strings.Join(info.Servers, "; "))
		s.labelledLines(evidenceLabel, "told at", terminal.OneLine(info.Source))
	}
	if !route.Reached {
		s.labelled(evidenceLabel, "reached", "no: "+route.Why)
		return s.writeTo(w)
	}
	cells := g.cells[cellKey{measured.ID, fault}]
	if len(cells) == 0 {
		s.line("")
		s.line("It was not tried on this route.")
	}
	for _, c := range cells {
		s.line("")
		s.measurement(measured, c)
	}
	for _, i := range g.found[cellKey{measured.ID, fault}] {
		s.line("")
		s.finding(r, r.Findings[i])
	}
	return s.writeTo(w)
}

// evidenceLabel is the width of the labels beside evidence.
const evidenceLabel = 12

// routeHeader says what a route is.
func (s *textWriter) routeHeader(r *audit.Route) {
	s.line(s.Bold(terminal.OneLine(r.ID)))
	facts := []string{terminal.OneLine(r.Pass) + " at " + place(r.Place)}
	if text := role(r); text != "" {
		facts = append(facts, "called for"+text)
	}
	s.labelled(evidenceLabel, "passes to", strings.Join(facts, ", "))
	s.labelled(evidenceLabel, "upstreams", strings.Join(peers(r), ", "))
}

// measurement writes the evidence of one method.
func (s *textWriter) measurement(r *audit.Route, c audit.Measurement) {
	for _, f := range facts(r, c) {
		text := f.Text
		if f.Exact {
			s.labelledLines(evidenceLabel, f.Label, lines(text)...)
			continue
		}
		s.labelled(evidenceLabel, f.Label, text)
	}
}

// A fact is one thing that is known of a measurement.
type fact struct {
	Label, Text string
	Exact       bool // as it came: never wrapped
}

// facts are all that is known of a measurement, in the order in which it happened.
func facts(r *audit.Route, c audit.Measurement) (all []fact) {
	add := func(label, text string) {
		if text != "" {
			all = append(all, fact{Label: label, Text: text})
		}
	}
	exact := func(label, text string) {
		if text != "" {
			all = append(all, fact{label, text, true})
		}
	}
	exact("asked", requestLine(r.Ask, c.Method))
	add("given", r.Ask.Requires)
	switch {
	case c.Skipped != "":
		add("skipped", c.Skipped)
		return all
	case c.Error != "":
		add("lab failed", c.Error)
		return all
	case c.NotStarted != "":
		add("visitor", "nothing: the gateway does not start")
		exact("nginx", c.NotStarted)
		breaches(&all, c)
		return all
	}
	add("visitor", saw(c.Outcome))
	if c.Of > 1 {
		add("", fmt.Sprintf("%d of %d requests were hit; this is the worst", c.Bad, c.Of))
	}
	if c.NotBefore > 0 {
		add("proof", fmt.Sprintf("no answer yet after %s, answered at %s", seconds(c.NotBefore), seconds(c.Waited)))
	}
	if c.Held {
		add("held", "the upstream worked on for a visitor who had gone, or who did not read")
	}
	add("page", page(c.Outcome))
	add("tries", strings.Join(c.Tries, ", then "))
	if c.Repeated > 0 {
		add("repeated", fmt.Sprintf("the request's body reached an upstream %d times", c.Repeated+1))
	}
	if c.Cached {
		add("cached", "the error came without any upstream being asked")
	}
	if c.Masked {
		add("masked", "the upstream failed, and the status does not say so")
	}
	if c.Warm != 0 {
		add("warm cache", fmt.Sprintf("%d, where the cache has the page and its time is over", c.Warm))
	}
	if c.Loop {
		add("loop", "the gateway called itself without end, and was cut off")
	}
	var calls []string
	for _, call := range c.Calls {
		calls = append(calls, callLine(call))
	}
	calls = more(calls, c.CallsMore, "calls")
	exact("upstream", strings.Join(calls, "\n"))
	if len(c.Log) == 0 {
		add("log", "nothing, at level warn or above")
	}
	var log []string
	for _, l := range c.Log {
		log = append(log, raw(l))
	}
	log = more(log, c.LogMore, "lines")
	exact("log", strings.Join(log, "\n"))
	if len(c.Log) > 0 {
		add("log file", c.LogFile)
	}
	add("afterwards", recovery(c))
	breaches(&all, c)
	exact("answer", answer(c.Outcome))
	return all
}

// more says how many there are beside those that were kept.
func more(lines []string, left int, what string) []string {
	if left == 0 {
		return lines
	}
	return append(lines, fmt.Sprintf("... %d more %s", left, what))
}

func breaches(all *[]fact, c audit.Measurement) {
	for _, b := range c.Breaches {
		*all = append(*all, fact{Label: "against", Text: "the policy: " + b})
	}
}

// requestLine is a request with its own headers.
func requestLine(a audit.ClientRequest, method string) string {
	text := asked(a, method)
	if a.To != "" {
		text += " at " + terminal.OneLine(a.To)
	}
	for _, name := range slices.Sorted(maps.Keys(a.Header)) {
		text += "\n" + terminal.OneLine(name+": "+a.Header[name])
	}
	return text
}

// tried are the peers that were tried, to stand behind an outcome.
func tried(o audit.Outcome) string {
	if len(o.Tries) == 0 {
		return ""
	}
	return " from " + strings.Join(o.Tries, ", then ")
}

// callLine is what an upstream got: "app1:8080 got POST /x over http/1.0, Host backend, told to close".
func callLine(c audit.Call) string {
	text := c.Endpoint + " got " + strings.TrimSpace(c.Method+" "+c.URI)
	if c.Protocol != "" {
		text += " over " + c.Protocol
	}
	if c.TLS {
		text += " in TLS"
		if c.SNI == "" {
			text += " without a server name"
		} else {
			text += " for " + c.SNI
		}
	}
	if c.Host != "" {
		text += ", Host " + c.Host
	}
	if c.Reused {
		text += ", on a kept connection"
	}
	if c.Close {
		text += ", to be closed after it"
	}
	return terminal.OneLine(text)
}

// answer is the beginning of what the client got.
func answer(o audit.Outcome) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(o.Header)) {
		for _, value := range o.Header[name] {
			b.WriteString(terminal.OneLine(name+": "+value) + "\n")
		}
	}
	if o.Body != "" && b.Len() > 0 {
		b.WriteString("\n")
	}
	b.WriteString(o.Body)
	return b.String()
}
