package report

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/terminal"
)

// HTML writes a report as one page that needs nothing beside itself: no script, no font, no other file. It can be
// mailed, kept as a build's artefact, and read on a phone, in the dark, by keyboard and by a screen reader. Each measurement
// of the matrix is a link to its evidence, which has an address of its own. The error is the template's or the writer's.
func HTML(w io.Writer, r *audit.Report) error {
	out := terminal.NewCleaner(w) // for whatever the template forgot
	if err := errors.Join(pageTemplate.Execute(out, newPage(r)), out.Flush()); err != nil {
		return fmt.Errorf("write HTML report: %w", err)
	}
	return nil
}

//go:embed page.html.tmpl
var pageSource string

//go:embed page.css
var pageStyle string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"clean": terminal.Clean, "one": terminal.OneLine, "place": place, "where": where, "toMend": toMend, "seconds": seconds, "saw": saw,
	"supply": supplyLine,
	"peers":  peers, "role": role, "join": strings.Join, "waiver": waiver,
	"method": func(line string) bool { return aMethod.MatchString(line) },
	"link":   func(s string) bool { return strings.HasPrefix(s, "https://") && !strings.ContainsAny(s, " \n") },
	"style":  func() template.CSS { return template.CSS(pageStyle) }, // our own file: nothing of the report is in it
}).Parse(pageSource))

// aMethod begins what stands in a measurement for another method than the first.
var aMethod = regexp.MustCompile(`^[A-Z]+( |$)`)

// A pageData is what the template shows.
type pageData struct {
	*audit.Report
	Summary  string
	Gist     string
	Findings []pageFinding
	Waived   []audit.Finding
	Breaches []pageBreach
	Columns  []audit.FaultInfo
	Skipped  []string // what was not measured, and why
	Rows     []pageRow
	Legend   []string
	Kinds    []string
	Cells    []pageCell // in the order of the matrix
}

// A pageFinding is a finding with links to where it was seen.
type pageFinding struct {
	card
	On     []string // the routes of all of them
	Anchor string
	Seen   []pageLink
	More   int // places that are not linked
}

// A pageBreach is a breach with links to where it was seen.
type pageBreach struct {
	Route, Text string
	Where       []string
}

// A pageLink leads to a place on the page.
type pageLink struct{ Anchor, Text string }

// A pageRow is a route with its measurements.
type pageRow struct {
	*audit.Route
	Anchor string
	Alike  []string
	Cells  []pageCell
}

// A pageCell is a place of the matrix with its evidence.
type pageCell struct {
	Anchor, Grade string
	Text          []string
	Empty         bool // it does not apply: there is no evidence
	Why           string
	Route         *audit.Route
	Fault         audit.FaultInfo
	Findings      []*pageFinding
	Back          string // the row's anchor
	Before, Next  string // the neighbours' anchors
	Again         string // the command that shows it
	cells         []audit.Measurement
}

// Methods are the evidence of each method, made when they are written: that of all measurements at once would take a multiple of the report.
func (c pageCell) Methods() (all []pageMethod) {
	for _, cell := range c.cells {
		all = append(all, pageMethod{terminal.OneLine(cell.Method), facts(c.Route, cell)})
	}
	return all
}

// A pageMethod is the evidence for one method, or for several that got the same.
type pageMethod struct {
	Name  string
	Facts []fact
}

const linksOfFinding = 12 // more of them help nobody

func newPage(r *audit.Report) pageData {
	g := newGrid(r)
	open, waived := bySeverity(r)
	data := pageData{Report: r, Summary: Summary(r), Gist: Gist(r), Waived: waived, Kinds: kinds(r.Supplied)}
	columns := g.columns()
	data.Columns = columns
	for _, means := range legend(g.rows(columns), r.Clock == "moved") {
		if !strings.HasPrefix(means, markFails) { // colours stand for it here
			data.Legend = append(data.Legend, means)
		}
	}
	for _, line := range g.skips() {
		data.Skipped = append(data.Skipped, terminal.OneLine(line))
	}
	anchors := map[cellKey]string{}
	for i, route := range g.measured() {
		for j, f := range columns {
			if at := (cellKey{route.ID, f.ID}); g.grade(at) > gradeIdle {
				anchors[at] = fmt.Sprintf("r%d-f%d", i+1, j+1)
			}
		}
	}
	for i, c := range cards(open) {
		data.Findings = append(data.Findings, newPageFinding(c, fmt.Sprintf("finding-%d", i+1), columns, anchors))
	}
	found := map[cellKey][]*pageFinding{}
	for i := range data.Findings {
		f := &data.Findings[i]
		whole := f.whole()
		for _, route := range whole.Routes {
			for _, fault := range whole.Faults {
				if at := (cellKey{route, fault}); f.has(at) {
					found[at] = append(found[at], f)
				}
			}
		}
	}
	for _, b := range mergedBreaches(r) {
		data.Breaches = append(data.Breaches, pageBreach{terminal.OneLine(b.route), terminal.OneLine(b.text), b.where})
	}
	for i, route := range g.measured() {
		row := pageRow{Route: route, Anchor: fmt.Sprintf("r%d", i+1), Alike: g.alike(route)[1:]}
		for _, f := range columns {
			c := newPageCell(g, route, f, found)
			c.Anchor, c.Back = anchors[cellKey{route.ID, f.ID}], row.Anchor
			row.Cells = append(row.Cells, c)
		}
		data.Rows = append(data.Rows, row)
		for _, c := range row.Cells {
			if !c.Empty {
				data.Cells = append(data.Cells, c)
			}
		}
	}
	for i := range data.Cells {
		if i > 0 {
			data.Cells[i].Before = data.Cells[i-1].Anchor
		}
		if i < len(data.Cells)-1 {
			data.Cells[i].Next = data.Cells[i+1].Anchor
		}
	}
	return data
}

func newPageFinding(c card, anchor string, columns []audit.FaultInfo, anchors map[cellKey]string) pageFinding {
	p := pageFinding{card: c, On: c.whole().Routes, Anchor: anchor}
	for _, route := range p.On {
		for _, fault := range columns {
			at := cellKey{route, fault.ID}
			if anchors[at] == "" || !c.has(at) {
				continue
			}
			if len(p.Seen) == linksOfFinding {
				p.More++
				continue
			}
			p.Seen = append(p.Seen, pageLink{anchors[at], terminal.OneLine(route) + ", " + terminal.OneLine(fault.Title)})
		}
	}
	return p
}

func newPageCell(g *grid, route *audit.Route, f audit.FaultInfo, found map[cellKey][]*pageFinding) pageCell {
	at := cellKey{route.ID, f.ID}
	grade := g.grade(at)
	c := pageCell{
		Grade: grade.String(), Text: g.text(at), Empty: grade == gradeIdle, Route: route, Fault: f,
		Again: again(g.Report, route.ID, f.ID), Findings: found[at], cells: g.cells[at],
	}
	c.Text[0] = strings.TrimPrefix(c.Text[0], markFails) // its colour says it, and a word for screen readers
	if i := strings.LastIndex(c.Text[0], " "); i > 0 && waitPattern.MatchString(c.Text[0][i:]) {
		c.Text = slices.Insert(c.Text, 1, c.Text[0][i+1:])
		c.Text[0] = c.Text[0][:i]
	}
	for _, cell := range g.cells[at] {
		if c.Empty && c.Why == "" {
			c.Why = terminal.OneLine(cell.Skipped)
		}
	}
	return c
}
