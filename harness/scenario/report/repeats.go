package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/terminal"
)

// Repeated reports whether a variant was run more than once, on one and the same gateway.
func Repeated(all []scenario.Evidence) bool { return len(groups(all, variantOf)) < len(all) }

// Repeats writes what was run many times: a row for each variant that says how often it passed, and then, whole, what did not, one
// of each that are alike. The error is the writer's.
func Repeats(w io.Writer, all []scenario.Evidence, colour bool) error {
	style := terminal.Style(colour)
	var out strings.Builder
	variants := groups(all, variantOf)
	width := 0
	for _, runs := range variants {
		width = max(width, text.StringWidthWithoutEscSequences(rowName(runs[0])))
	}
	for _, runs := range variants {
		paint := style.Red
		if passed, _, _ := Count(runs); passed == len(runs) {
			paint = style.Green
		}
		out.WriteString(text.Pad(rowName(runs[0]), width+2, ' ') + paint(verdicts(runs)) + "\n")
	}
	out.WriteString("\n")
	if _, err := io.WriteString(w, out.String()); err != nil {
		return err
	}
	for _, runs := range groups(all, func(e scenario.Evidence) string { return variantOf(e) + "\x00" + e.Verdict + "\x00" + why(e) }) {
		if runs[0].Verdict == scenario.Passed {
			continue
		}
		if len(runs) > 1 {
			if _, err := fmt.Fprintf(w, "%d runs came to the same; this is the first:\n", len(runs)); err != nil {
				return err
			}
		}
		if err := Show(w, runs[0], colour); err != nil {
			return err
		}
	}
	return nil
}

// groups are the evidences that have a key in common, in the order of their first.
func groups(all []scenario.Evidence, key func(scenario.Evidence) string) (some [][]scenario.Evidence) {
	places := map[string]int{}
	for _, e := range all {
		at, known := places[key(e)]
		if !known {
			at = len(some)
			places[key(e)] = at
			some = append(some, nil)
		}
		some[at] = append(some[at], e)
	}
	return some
}

func variantOf(e scenario.Evidence) string { return name(e) + "\x00" + e.Gateway }

func rowName(e scenario.Evidence) string {
	return terminal.OneLine(strings.TrimSuffix(name(e)+", "+e.Gateway, ", "))
}

// verdicts counts them: "18/20 passed, 1 FAILED, 1 ERROR".
func verdicts(runs []scenario.Evidence) string {
	words := map[string]int{}
	for _, e := range runs {
		words[verdict(e)]++
	}
	s := fmt.Sprintf("%d/%d passed", words["passed"], len(runs))
	for _, word := range []string{"FAILED", "ERROR", "skipped"} {
		if n := words[word]; n > 0 {
			s += fmt.Sprintf(", %d %s", n, word)
		}
	}
	return s
}
