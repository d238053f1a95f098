package report

import (
	"regexp"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/terminal"
)

// The table's columns. The verdict stands first, so that failures are found by looking down the edge.
const (
	verdictColumn = iota
	scenarioColumn
	brokenColumn
	statusColumn
	logColumn
	timeColumn
	columnCount
)

var headings = [columnCount]string{"result", "scenario", "what was broken", "status", "log line", "waited"}

const (
	gap     = 2 // spaces after each column
	deepest = 3 // lines of a cell: with two, a log line loses its phase
)

// columns are the widths of the columns in a terminal of this width, 0 for one that is left out. The short ones get what
// they need; the log line, by which a fault is recognised, gets the most of what is left. In a narrow terminal
// what was broken is left out, because the scenario's name says it too.
func columns(all []scenario.Evidence, width int) [columnCount]int {
	var need [columnCount]int
	for i, h := range headings {
		need[i] = len(h)
	}
	for _, e := range all {
		for i, cell := range cells(e) {
			need[i] = max(need[i], text.StringWidthWithoutEscSequences(cell))
		}
	}
	if width <= 0 {
		return need
	}
	room := width - columnCount*gap - need[verdictColumn] - need[statusColumn] - need[timeColumn]
	if need[scenarioColumn]+need[brokenColumn]+need[logColumn] <= room {
		return need
	}
	if room < 54 {
		need[brokenColumn] = 0
		room += gap
	} else {
		need[brokenColumn] = min(need[brokenColumn], room*3/10)
	}
	need[scenarioColumn] = min(need[scenarioColumn], max(room*3/10, 12))
	left := room - need[scenarioColumn] - need[brokenColumn]
	need[logColumn] = min(need[logColumn], max(left, 12))
	return need
}

// fit wraps a text to a width, cuts it after a few lines, and paints each of them.
func fit(s string, width int, paint func(string) string) string {
	if text.StringWidthWithoutEscSequences(s) <= width {
		return paint(s)
	}
	wrapped := terminal.Wrap(s, width)
	if len(wrapped) > deepest {
		wrapped = append(wrapped[:deepest-1], text.Trim(wrapped[deepest-1], width-1)+"…")
	}
	for i, line := range wrapped {
		wrapped[i] = paint(line)
	}
	return strings.Join(wrapped, "\n")
}

var (
	socketPath = regexp.MustCompile(`unix:/[^ ]*/([^/ ]+)`)
	errnoText  = regexp.MustCompile(`\(\d+: [^)]*\)`)
)

// withErrno is a log line whose errno is still there when it is cut: the path of a unix socket before it gives way, first
// its folders and then all of it.
func withErrno(log string, width int) string {
	errno := strings.ReplaceAll(errnoText.FindString(log), " ", "")
	for _, shorter := range []string{log, socketPath.ReplaceAllString(log, "unix:…/$1")} {
		seen := strings.Join(strings.Fields(fit(shorter, width, terminal.Style(false).Plain)), "")
		if errno == "" || strings.Contains(seen, errno) {
			return shorter
		}
	}
	return socketPath.ReplaceAllString(log, "unix:…")
}
