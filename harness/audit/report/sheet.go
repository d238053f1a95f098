package report

import (
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/badgateway/badgateway/harness/terminal"
)

// A View is how much of a report a terminal shows, and how.
type View struct {
	// Width is the terminal's, in columns; 0 for no bound.
	Width int
	// Colour is true where colours may be used. Nothing is told by colour alone.
	Colour bool
	// Supplied lists each thing that the lab made up, rather than how many there are of each kind.
	Supplied bool
}

// proseWidth is the most that a line of prose may have, on however wide a terminal.
const proseWidth = 110

// A sheet is a text for a terminal that is being written.
type sheet struct {
	strings.Builder
	terminal.Ink
	width int
}

func newSheet(v View) *sheet { return &sheet{Ink: terminal.Ink(v.Colour), width: v.Width} }

// to writes the whole sheet at once.
func (s *sheet) to(w io.Writer) error {
	_, err := io.WriteString(w, s.String())
	return err
}

// room is how long a line of prose may be.
func (s *sheet) room() int {
	if s.width <= 0 || s.width > proseWidth {
		return proseWidth
	}
	return s.width
}

// head begins a part.
func (s *sheet) head(title string) { s.WriteString("\n" + s.Bold(title) + "\n") }

// line writes one line as it is.
func (s *sheet) line(line string) { s.WriteString(strings.TrimRight(line, " ") + "\n") }

// say writes prose, wrapped, each line but the first with this indent.
func (s *sheet) say(prose, indent string) {
	for i, line := range terminal.Wrap(terminal.OneLine(prose), max(s.room()-len(indent), 20)) {
		if i > 0 {
			line = indent + line
		}
		s.line(line)
	}
}

// beside writes prose beside a label of this width, wrapped; nothing when it is empty.
func (s *sheet) beside(width int, label, prose string) {
	var all []string
	for _, line := range lines(prose) {
		all = append(all, terminal.Wrap(line, max(s.room()-width, 20))...)
	}
	s.exact(width, label, all...)
}

// exact writes lines beside a label as they are: log lines and config are to be searched for and copied.
func (s *sheet) exact(width int, label string, all ...string) {
	for i, line := range all {
		if i > 0 {
			label = ""
		}
		s.line(s.Faint(text.Pad(label, width, ' ')) + line)
	}
}

// wide is the room that a text takes on a terminal.
func wide(s string) int { return text.StringWidthWithoutEscSequences(s) }

// lines are the lines of a text, clean, without the empty end.
func lines(text string) []string {
	text = strings.TrimRight(terminal.Clean(text), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}
