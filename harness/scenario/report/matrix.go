package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/badgateway/badgateway/harness/internal/markdown"
	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/terminal"
)

// Matrix writes what each gateway makes of each fault: the status, the wait and the tries where there is more than one, and why a cell is
// empty. In a narrow terminal the gateways are in several tables. The error is the writer's.
func Matrix(w io.Writer, m scenario.Matrix, colour bool, width int) error {
	style := terminal.Style(colour)
	first := len("fault")
	for _, r := range m.Rows {
		first = max(first, len(terminal.OneLine(r.Name)))
	}
	widths := make([]int, len(m.Gateways))
	for i, g := range m.Gateways {
		widths[i] = min(text.StringWidthWithoutEscSequences(terminal.OneLine(g)), widestTitle)
		for _, r := range m.Rows {
			widths[i] = max(widths[i], text.StringWidthWithoutEscSequences(cellText(r.Cells[i])))
		}
	}
	var out strings.Builder
	for from := 0; from < len(m.Gateways); {
		to, used := from, first+gap
		for to < len(m.Gateways) && (to == from || used+widths[to]+gap <= width) {
			used += widths[to] + gap
			to++
		}
		out.WriteString(matrixPart(m, from, to, style) + "\n\n")
		from = to
	}
	for _, note := range emptyCells(m) {
		out.WriteString(terminal.OneLine(note) + "\n")
	}
	for _, r := range m.Rows {
		for _, c := range r.Cells {
			if c.Unproven != "" {
				out.WriteString(style.Red(terminal.OneLine("! "+c.Gateway+" "+r.Name+": "+c.Unproven)) + "\n")
			}
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// widestTitle is from where on the name of a gateway is wrapped.
const widestTitle = 14

// matrixPart is the table of some of the gateways.
func matrixPart(m scenario.Matrix, from, to int, style terminal.Style) string {
	t := table.NewWriter()
	t.SetStyle(openStyle())
	t.SuppressTrailingSpaces()
	head := table.Row{"fault"}
	for _, g := range m.Gateways[from:to] {
		head = append(head, strings.Join(terminal.Wrap(terminal.OneLine(g), widestTitle), "\n"))
	}
	t.AppendHeader(head)
	for _, r := range m.Rows {
		row := table.Row{terminal.OneLine(r.Name)}
		for _, c := range r.Cells[from:to] {
			cell := cellText(c)
			if c.Unproven != "" {
				cell = style.Red(cell)
			}
			row = append(row, cell)
		}
		t.AppendRow(row)
	}
	return t.Render()
}

// cellText is what the visitor gets, how long he waits and how many peers are asked, where that is more than one: "503 3 s ×4".
func cellText(c scenario.Cell) string {
	switch {
	case c.Unproven != "":
		return "unproven !"
	case c.Got == nil:
		return "-"
	}
	got := *c.Got
	got.After = 0
	s := expected(got)
	switch {
	case got.Until > 0 && c.Waited == c.Got.After && c.Waited > 0: // as it is stated
		s += " " + strings.TrimSuffix(seconds(c.Waited), " s") + "-" + seconds(got.Until)
	case c.Waited > 0:
		s += " " + seconds(c.Waited)
	}
	if got.Tries > 1 {
		s += " ×" + strconv.Itoa(got.Tries)
	}
	return terminal.OneLine(s)
}

// emptyCells say why cells are empty, each reason once.
func emptyCells(m scenario.Matrix) []string {
	var reasons []string
	of := map[string][]string{}
	for _, r := range m.Rows {
		for _, c := range r.Cells {
			if c.Missing == "" {
				continue
			}
			reason := c.Gateway + ": " + c.Missing
			if of[reason] == nil {
				reasons = append(reasons, reason)
			}
			of[reason] = append(of[reason], r.Name)
		}
	}
	for i, r := range reasons {
		reasons[i] = "- " + r + " (" + strings.Join(of[r], ", ") + ")"
	}
	return reasons
}

// MatrixLogs writes the logs of the rows in which visitors get the same everywhere, so that it is only the logs that can differ. The error is
// the writer's.
func MatrixLogs(w io.Writer, m scenario.Matrix) error {
	var s textWriter
	for _, r := range m.Rows {
		if slices.ContainsFunc(r.Cells, func(c scenario.Cell) bool { return c.Got == nil || cellText(c) != cellText(r.Cells[0]) }) {
			continue
		}
		fmt.Fprintf(&s.out, "%s, in the log:\n", terminal.OneLine(r.Name))
		for _, c := range r.Cells {
			s.labelledLines(text.Pad(terminal.OneLine(c.Gateway), labelWidth, ' ')+"  ", cleanLines(linesOf(c))...)
		}
		s.out.WriteString("\n")
	}
	_, err := io.WriteString(w, s.out.String())
	return err
}

// MatrixDetails writes all that is known of the rows: of each gateway the answer, the log in its own words and what mends it there. The
// error is the writer's.
func MatrixDetails(w io.Writer, m scenario.Matrix, colour bool) error {
	s := textWriter{style: terminal.Style(colour)}
	for _, r := range m.Rows {
		fmt.Fprintf(&s.out, "%s  %s\n\n", s.style.Bold(terminal.OneLine(r.Name)), terminal.OneLine(r.Fault))
		for _, c := range r.Cells {
			fmt.Fprintf(&s.out, "%s  %s\n", s.style.Bold(terminal.OneLine(c.Gateway)), cellText(c))
			if c.Fault != r.Fault {
				s.prose("Broken", c.Fault)
			}
			s.prose("Missing", c.Missing)
			s.prose("Unproven", c.Unproven)
			if c.Got != nil {
				s.prose("Tries", asked(c))
				s.labelledLines("Log", cleanLines(linesOf(c))...)
				s.prose("Mend", c.Remedy)
				s.labelledLines("Run", "badgateway run "+terminal.Quote(terminal.OneLine(c.Scenario)))
			}
			s.out.WriteString("\n")
		}
	}
	_, err := io.WriteString(w, s.out.String())
	return err
}

// asked is how many peers were.
func asked(c scenario.Cell) string {
	switch n := c.Got.Tries; n {
	case 0:
		return "not counted"
	case scenario.NoTry:
		return "nobody was asked"
	default:
		return strconv.Itoa(n)
	}
}

func linesOf(c scenario.Cell) []string {
	if len(c.Log) == 0 {
		return []string{"nothing logged, at level warn or above"}
	}
	return c.Log
}

func cleanLines(all []string) []string {
	var some []string
	for _, l := range all {
		some = append(some, terminal.OneLine(l))
	}
	return some
}

// MatrixMarkdown writes the table in Markdown. With details, what is known of each cell follows. The error is the writer's.
func MatrixMarkdown(w io.Writer, m scenario.Matrix, details bool) error {
	var out strings.Builder
	out.WriteString(markdownRow(append([]string{"fault"}, m.Gateways...)...))
	out.WriteString(strings.Repeat("|---", len(m.Gateways)+1) + "|\n")
	for _, r := range m.Rows {
		cells := []string{r.Name}
		for _, c := range r.Cells {
			cells = append(cells, cellText(c))
		}
		out.WriteString(markdownRow(cells...))
	}
	if details {
		for _, r := range m.Rows {
			fmt.Fprintf(&out, "\n### %s: %s\n\n", markdown.Text(terminal.OneLine(r.Name)), markdown.Text(terminal.OneLine(r.Fault)))
			for _, c := range r.Cells {
				fmt.Fprintf(&out, "- **%s**: %s", markdown.Text(terminal.OneLine(c.Gateway)), markdown.Text(cellText(c)))
				if why := c.Missing + c.Unproven; why != "" {
					fmt.Fprintf(&out, " (%s)", markdown.Text(terminal.OneLine(why)))
				}
				out.WriteString("\n")
				for _, l := range c.Log {
					out.WriteString("  - " + markdown.Code(terminal.OneLine(l)) + "\n")
				}
				if c.Got != nil {
					out.WriteString("  - mend: " + markdown.Text(terminal.OneLine(c.Remedy)) + "\n")
				}
			}
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

//go:embed matrix.html.tmpl
var matrixSource string

var matrixTemplate = template.Must(template.New("matrix").Funcs(template.FuncMap{
	"clean": terminal.Clean, "cell": cellText, "asked": asked, "log": linesOf,
	"style": func() template.CSS { return template.CSS(pageStyle) },
}).Parse(matrixSource))

// MatrixHTML writes all of it as one page that needs nothing beside itself. The error is the template's or the writer's.
func MatrixHTML(w io.Writer, m scenario.Matrix) error {
	var out bytes.Buffer
	if err := matrixTemplate.Execute(&out, m); err != nil {
		return fmt.Errorf("write HTML of the matrix: %w", err)
	}
	_, err := io.WriteString(w, terminal.Clean(out.String()))
	return err
}
