package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/terminal"
)

// Table writes a report as an operator reads it on a terminal: the routes with their upstreams, what the lab supplied,
// the matrix with its routes down and its faults across, the findings, and as the last line the verdict with the next
// command to type. Where the matrix is wider than the terminal its faults stand in several blocks, one below the other;
// routes that have the same outcomes share a row. Of a refused config it says why, nginx's own words first. The error
// is the writer's.
func Table(w io.Writer, r *audit.Report, v View) error {
	s, g := newTextWriter(v), newGrid(r)
	s.line(s.Bold(terminal.OneLine(titleOf(r))))
	if r.Refused != nil {
		s.supplied(r, v.Supplied)
		s.refusal(r.Refused)
	} else {
		s.prose(Gist(r), "")
		s.endpoints(g)
		s.supplied(r, v.Supplied)
		s.matrix(g)
		s.notes(g)
		s.findings(r)
		s.breaches(r)
	}
	s.line("")
	s.verdict(r)
	return s.writeTo(w)
}

// titleOf is what was checked, on what.
func titleOf(r *audit.Report) string {
	title := r.Config
	if r.Main != "" && !strings.HasSuffix(r.Config, r.Main) {
		title += " (" + r.Main + ")"
	}
	if r.Gateway != "" {
		title += " on " + r.Gateway
	}
	if r.Image != "" && r.Image != r.Config {
		title += " of " + r.Image
	}
	if r.ClockUnasked {
		title += ", in real time, as " + r.ClockWhy
	}
	return title
}

// endpoints lists the routes, what each calls, and where that is written. In a narrow terminal what the pass directive
// says is left out, because the upstreams say it too, and what is left is wrapped: but not the place, which is to be
// copied.
func (s *textWriter) endpoints(g *grid) {
	if len(g.Routes) == 0 {
		return
	}
	const passes, places = 1, 3
	rows := [][]string{{"route", "passes to", "upstreams", "at"}}
	for i := range g.Routes {
		r := &g.Routes[i]
		if r.SameAs != "" {
			continue
		}
		rows = append(rows, []string{some(g.alike(r), 2) + role(r), r.Pass, strings.Join(peers(r), "\n"), place(r.Place)})
	}
	need := make([]int, len(rows[0]))
	for _, row := range rows {
		for i := range row {
			for _, line := range strings.Split(row[i], "\n") {
				need[i] = max(need[i], displayWidth(terminal.OneLine(line))+gap)
			}
		}
	}
	if s.width > 0 && need[0]+need[1]+need[2]+need[3] > s.width {
		need[passes] = 0
		room := max(s.width-need[places], 24)
		need[2] = min(need[2], max(room*2/5, room-need[0]))
		need[0] = min(need[0], room-need[2])
	}
	s.heading("Routes")
	t := plainTable()
	for i, row := range rows {
		var cells table.Row
		for column, text := range row {
			if need[column] == 0 {
				continue
			}
			var all []string
			for _, line := range lines(text) {
				all = append(all, terminal.Wrap(line, need[column]-gap)...)
			}
			cells = append(cells, strings.Join(all, "\n"))
		}
		if i == 0 {
			t.AppendHeader(cells)
		} else {
			t.AppendRow(cells)
		}
	}
	s.line(t.Render())
}

// role says what a route is for, where that is not the answer itself.
func role(r *audit.Route) string {
	if r.Role == "" || r.Role == "content" {
		return ""
	}
	return " (" + terminal.OneLine(string(r.Role)) + ")"
}

// peers are the upstreams of a route.
func peers(r *audit.Route) (all []string) {
	for _, e := range r.Endpoints {
		name := terminal.OneLine(e.Name)
		if strings.HasPrefix(name, "localhost:") && !strings.Contains(r.Pass, "$") { // nginx takes both for peers
			name += " (127.0.0.1 and ::1)"
		}
		if e.Backup {
			name += " (backup)"
		}
		all = append(all, name)
	}
	for _, name := range r.Down {
		all = append(all, terminal.OneLine(name)+" (down)")
	}
	if r.Dynamic {
		all = append(all, "any that a visitor names")
	}
	return all
}

// matrix writes the blocks of faults that fit, and what the marks mean. Columns that come out well on every route have no block.
func (s *textWriter) matrix(g *grid) {
	columns, well := g.telling(g.columns())
	rows := g.rows(columns)
	if len(rows) == 0 {
		s.unreached(g)
		return
	}
	s.heading("What visitors get")
	if len(columns) > 0 {
		names := s.nameWidth(rows)
		for i, block := range blocks(columns, rows, s.width, names) {
			if i > 0 {
				s.line("")
			}
			s.block(columns[block.from:block.to], rows, block.from, names)
		}
		s.line("")
	}
	for _, means := range legend(rows, g.Clock == "moved") {
		for i, line := range terminal.Wrap(means, s.room()-4) {
			s.line(s.Faint(strings.Repeat("  ", min(i, 1)+1) + line))
		}
	}
	s.titles("Come out well on each of these routes that meets them: ", well)
	if all := g.skips(); len(all) > 0 {
		s.line("Not measured:")
		for _, line := range all {
			s.prose("- "+line, "  ")
		}
	}
	s.unreached(g)
}

// titles lists faults that have no column; nothing where there are none.
func (s *textWriter) titles(which string, faults []audit.FaultInfo) {
	var all []string
	for _, f := range faults {
		all = append(all, terminal.OneLine(f.Title))
	}
	if len(all) > 0 {
		s.prose(which+strings.Join(all, ", ")+".", "  ")
	}
}

func (s *textWriter) unreached(g *grid) {
	for _, r := range g.unreached() {
		s.prose("Not reached: "+r.ID+": "+r.Why, "  ")
	}
}

// gap is what stands between two columns.
const gap = 2

// nameWidth is how wide the rows' names may be.
func (s *textWriter) nameWidth(rows []row) int {
	need := 0
	for _, r := range rows {
		for _, name := range r.names {
			need = max(need, displayWidth(terminal.OneLine(name)))
		}
	}
	if s.width <= 0 {
		return need
	}
	return min(need, max(s.width*3/10, 16))
}

// A span is the columns from one up to another.
type span struct{ from, to int }

// widthOf is what a column needs: its longest outcome, and the longest word of its head.
func widthOf(f audit.FaultInfo, rows []row, column int) int {
	need := 0
	for _, word := range strings.Fields(terminal.OneLine(f.Title)) {
		need = max(need, displayWidth(word))
	}
	for _, r := range rows {
		for _, line := range r.cells[column] {
			need = max(need, displayWidth(line))
		}
	}
	return need
}

// blocks parts the columns so that each part fits beside the names, into as few parts as can be, which are of like
// length.
func blocks(columns []audit.FaultInfo, rows []row, width, names int) []span {
	if width <= 0 {
		return []span{{0, len(columns)}}
	}
	most := len(columns)
	for {
		var all []span
		from, used := 0, names+gap
		for i, f := range columns {
			need := widthOf(f, rows, i) + gap
			if i > from && (used+need > width || i-from == most) {
				all = append(all, span{from, i})
				from, used = i, names+gap
			}
			used += need
		}
		all = append(all, span{from, len(columns)})
		even := (len(columns) + len(all) - 1) / len(all)
		if even >= most {
			return all
		}
		most = even // and again, so that the last is not a rest of one column
	}
}

// block writes some columns of the matrix.
func (s *textWriter) block(columns []audit.FaultInfo, rows []row, first, names int) {
	t := plainTable()
	head := table.Row{""}
	widths := []table.ColumnConfig{{Number: 1, WidthMin: names}}
	for i, f := range columns {
		width := widthOf(f, rows, first+i)
		var title []string
		for _, line := range terminal.Wrap(terminal.OneLine(f.Title), width) {
			title = append(title, s.Bold(line))
		}
		head = append(head, strings.Join(title, "\n"))
		widths = append(widths, table.ColumnConfig{Number: i + 2, WidthMin: width})
	}
	t.SetColumnConfigs(widths)
	t.AppendHeader(head)
	for _, r := range rows {
		for _, name := range rowNames(r, names) {
			line := table.Row{name}
			for i := range columns {
				line = append(line, s.painted(r.cells[first+i]))
			}
			t.AppendRow(line)
		}
	}
	s.line(t.Render())
}

// rowNames are the routes of a row, of many the first ones. Each is written with its outcomes: a name beside which nothing stands is
// taken for a route of which nothing is known.
func rowNames(r row, width int) (all []string) {
	const most = 3
	for i, name := range r.names {
		if i == most && len(r.names) > most+1 {
			return append(all, fmt.Sprintf("and %d more", len(r.names)-most))
		}
		all = append(all, strings.Join(terminal.Wrap(terminal.OneLine(name), width), "\n"))
	}
	return all
}

// painted is a measurement's text in colour: what is objected to in red, an error of the lab in yellow.
func (s *textWriter) painted(cell []string) string {
	paint := s.Plain
	switch {
	case slices.ContainsFunc(cell, func(line string) bool { return strings.HasPrefix(line, markFails) }):
		paint = s.Red
	case slices.Contains(cell, "error"):
		paint = s.Yellow
	case len(cell) == 1 && cell[0] == "-":
		paint = s.Faint
	}
	var all []string
	for _, line := range cell {
		all = append(all, paint(line))
	}
	return strings.Join(all, "\n")
}

// plainTable is a table without a frame.
func plainTable() table.Writer {
	t := table.NewWriter()
	style := table.StyleLight
	style.Options = table.Options{SeparateHeader: true}
	style.Format.Header = text.FormatDefault
	style.Box.PaddingLeft, style.Box.PaddingRight = "", strings.Repeat(" ", gap)
	t.SetStyle(style)
	t.SuppressTrailingSpaces()
	return t
}
