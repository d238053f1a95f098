package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/terminal"
)

// Fidelity writes whether fakes led to what real components led to: a row for each scenario, what differs below the table, and how many are
// alike. The error is the writer's.
func Fidelity(w io.Writer, all []scenario.Fidelity, colour bool, width int) error {
	style := terminal.Style(colour)
	t := table.NewWriter()
	t.SetStyle(openStyle())
	t.SuppressTrailingSpaces()
	t.AppendHeader(table.Row{"fake", "scenario", "gateway", "answer", "tries", "log"})
	counts := map[string]int{}
	var below strings.Builder
	used := len("fake only") + len("tries") + 6*gap
	widest := [3]int{len("scenario"), len("gateway"), len("answer")}
	for _, f := range all {
		counts[f.Verdict]++
		word, paint := f.Verdict, style.Plain
		if f.Verdict == scenario.Unlike || f.Verdict == scenario.Unproven {
			word, paint = strings.ToUpper(f.Verdict), style.Red
		}
		cells := [3]string{terminal.OneLine(f.Scenario), terminal.OneLine(f.Gateway), terminal.OneLine(bothOf(f, expected))}
		for i, c := range cells {
			widest[i] = max(widest[i], text.StringWidthWithoutEscSequences(c))
		}
		t.AppendRow(table.Row{paint(terminal.OneLine(word)), cells[0], cells[1], cells[2], bothOf(f, triesOf), bothOf(f, logOf)})
		for _, d := range f.Differences {
			fmt.Fprintf(&below, "%s\n", style.Red(terminal.OneLine(fmt.Sprintf("unlike %s: real %s, fake %s", f.Scenario, d.Want, d.Got))))
		}
		if f.Why != "" {
			fmt.Fprintf(&below, "%s\n", paint(terminal.OneLine(f.Verdict+" "+f.Scenario+": "+f.Why)))
		}
	}
	narrow := width < 120 // leaves out the gateway
	used += widest[0] + widest[2]
	if !narrow {
		used += widest[1]
	}
	t.SetColumnConfigs([]table.ColumnConfig{
		{Name: "gateway", Hidden: narrow},
		{Name: "log", WidthMax: max(width-used, 16), WidthMaxEnforcer: func(s string, n int) string { return fit(s, n, style.Plain) }},
		{Name: "tries", Align: text.AlignRight},
	})
	var sums []string
	for _, verdict := range []string{scenario.Alike, scenario.Unlike, scenario.Unproven, scenario.OnlyReal, scenario.OnlyFake} {
		if n := counts[verdict]; n > 0 {
			sums = append(sums, fmt.Sprintf("%d %s", n, verdict))
		}
	}
	_, err := fmt.Fprintf(w, "%s\n\n%s%s\n", t.Render(), below.String(), strings.Join(sums, ", "))
	return err
}

// bothOf is what followed on the real component and on the fake, once where it is the same.
func bothOf(f scenario.Fidelity, what func(scenario.Expectation) string) string {
	switch {
	case f.Real == nil && f.Fake == nil:
		return "-"
	case f.Fake == nil:
		return what(*f.Real)
	case f.Real == nil:
		return what(*f.Fake)
	}
	real, fake := what(*f.Real), what(*f.Fake)
	if real == fake {
		return real
	}
	return real + " / " + fake
}

func triesOf(e scenario.Expectation) string {
	switch e.Tries {
	case 0:
		return "?"
	case scenario.NoTry:
		return "0"
	}
	return strconv.Itoa(e.Tries)
}

// logOf is the log in short: its first line, and how many more there are.
func logOf(e scenario.Expectation) string {
	switch len(e.Log) {
	case 0:
		return "nothing logged"
	case 1:
		return terminal.OneLine(e.Log[0].String())
	}
	return terminal.OneLine(fmt.Sprintf("%v (+%d)", e.Log[0], len(e.Log)-1))
}
