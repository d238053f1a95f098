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
	// Colour is true where colours may be used. Nothing is said by colour alone.
	Colour bool
	// Supplied lists each thing that the lab made up, rather than how many there are of each kind.
	Supplied bool
}

// proseWidth is the most that a line of prose may have, on however wide a terminal.
const proseWidth = 110

// A textWriter is a text for a terminal that is being written.
type textWriter struct {
	strings.Builder
	terminal.Style
	width int
}

func newTextWriter(v View) *textWriter {
	return &textWriter{Style: terminal.Style(v.Colour), width: v.Width}
}

// writeTo writes the whole text at once.
func (s *textWriter) writeTo(w io.Writer) error {
	_, err := io.WriteString(w, s.String())
	return err
}

// room is how long a line of prose may be.
func (s *textWriter) room() int {
	if s.width <= 0 || s.width > proseWidth {
		return proseWidth
	}
	return s.width
}

// heading begins a part.
func (s *textWriter) heading(title string) { s.WriteString("\n" + s.Bold(title) + "\n") }

// line writes one line as it is.
func (s *textWriter) line(line string) { s.WriteString(strings.TrimRight(line, " ") + "\n") }

// prose writes prose, wrapped, each line but the first with this indent.
func (s *textWriter) prose(prose, indent string) {
	for i, line := range terminal.Wrap(terminal.OneLine(prose), max(s.room()-len(indent), 20)) {
		if i > 0 {
			line = indent + line
		}
		s.line(line)
	}
}

// labelled writes prose beside a label of this width, wrapped; nothing when it is empty.
func (s *textWriter) labelled(width int, label, prose string) {
	var all []string
	for _, line := range lines(prose) {
		all = append(all, terminal.Wrap(line, max(s.room()-width, 20))...)
	}
	s.labelledLines(width, label, all...)
}

// labelledLines writes lines beside a label as they are: log lines and config are to be searched for and copied.
func (s *textWriter) labelledLines(width int, label string, all ...string) {
	for i, line := range all {
		if i > 0 {
			label = ""
		}
		s.line(s.Faint(text.Pad(label, width, ' ')) + line)
	}
}

// displayWidth is the room that a text takes on a terminal.
func displayWidth(s string) int { return text.StringWidthWithoutEscSequences(s) }

// lines are the lines of a text, clean, without the empty end.
func lines(text string) []string {
	text = strings.TrimRight(terminal.Clean(text), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}
