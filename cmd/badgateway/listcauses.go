package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/badgateway/badgateway/harness/audit/review"
	"github.com/badgateway/badgateway/harness/terminal"
	"github.com/badgateway/badgateway/scenarios"
)

func listCausesCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "causes [ID...]",
		Short: "Show the documented causes that ids such as A1 stand for, and what reproduces them",
		Long: `The documented causes are the reasons that articles about 502 Bad Gateway commonly give. Scenarios, faults of a check and
all reports name them by their ids.`,
		Example: `  badgateway list causes
  badgateway list causes A1
  badgateway list causes --json | jq -r 'select(.missing) | .id'`,
		ValidArgsFunction: completeCauses,
		RunE: func(c *cobra.Command, args []string) error {
			some, err := causesOf(args)
			if err != nil {
				return err
			}
			out := c.OutOrStdout()
			switch _, width := screen(out); {
			case asJSON:
				lines := json.NewEncoder(out)
				for _, cause := range some {
					if err := lines.Encode(listedCause(cause)); err != nil {
						return err
					}
				}
			case len(args) > 0:
				for i, cause := range some {
					if i > 0 {
						fmt.Fprintln(out)
					}
					fmt.Fprint(out, causeText(cause, min(width, 100)))
				}
			default:
				fmt.Fprint(out, causesTable(some, width))
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return c
}

// causesOf are the causes with these ids; all where there are none.
func causesOf(ids []string) ([]scenarios.Cause, error) {
	if len(ids) == 0 {
		return scenarios.Causes(), nil
	}
	var some []scenarios.Cause
	for _, id := range ids {
		c, known := scenarios.CauseByID(id)
		if !known {
			return nil, fmt.Errorf("no cause has the id %q (badgateway list causes shows all)", id)
		}
		some = append(some, c)
	}
	return some, nil
}

// causeListing is a cause as list causes --json prints it. Fields are only ever added.
type causeListing struct {
	ID         string   `json:"id"`
	Group      string   `json:"group"`
	Title      string   `json:"title"`
	Components []string `json:"components"`
	Scenarios  []string `json:"scenarios"`         // that reproduce it, for badgateway run
	Faults     []string `json:"faults"`            // of badgateway check, for --fault
	Missing    string   `json:"missing,omitempty"` // why no scenario does
}

func listedCause(c scenarios.Cause) causeListing {
	l := causeListing{ID: c.ID, Group: c.Group, Title: c.Title, Components: c.Components, Scenarios: []string{},
		Faults: faultsOf(c), Missing: c.Missing}
	for _, s := range c.Scenarios() {
		l.Scenarios = append(l.Scenarios, s.ID)
	}
	return l
}

// faultsOf are the faults of a check that stand for the cause.
func faultsOf(c scenarios.Cause) []string {
	some := []string{}
	for _, f := range review.Faults() {
		if slices.Contains(f.Causes, c.ID) {
			some = append(some, f.ID)
		}
	}
	return some
}

// causesTable is an overview. A narrow one leaves out the components.
func causesTable(some []scenarios.Cause, width int) string {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"cause", "what is broken", "component", "scenarios"})
	reproduced := 0
	for _, c := range some {
		count := "-"
		if n := len(c.Scenarios()); n > 0 {
			count = fmt.Sprint(n)
			reproduced++
		}
		t.AppendRow(table.Row{c.ID, c.Title, strings.Join(c.Components, ", "), count})
	}
	const component, others = 28, 30 // the widths of that column, and of the two narrow ones with all edges
	hidden := width < 120
	room := width - others
	if !hidden {
		room -= component
	}
	t.SetColumnConfigs([]table.ColumnConfig{
		{Name: "what is broken", WidthMax: min(max(room, 16), 80), WidthMaxEnforcer: text.WrapSoft},
		{Name: "component", WidthMax: component, WidthMaxEnforcer: text.WrapSoft, Hidden: hidden},
		{Name: "scenarios", Align: text.AlignRight},
	})
	return fmt.Sprintf("%s\n%d documented causes, %d of them reproduced. One of them: badgateway list causes %s\n",
		t.Render(), len(some), reproduced, some[0].ID)
}

// causeText is all that is known of one.
func causeText(c scenarios.Cause, width int) string {
	const indent = 13
	var b strings.Builder
	line := func(label string, lines ...string) {
		for _, l := range lines {
			fmt.Fprintf(&b, "%-*s%s\n", indent, label, l)
			label = ""
		}
	}
	wrapped := func(label, text string) { line(label, terminal.Wrap(text, width-indent)...) }
	wrapped(c.ID, c.Title)
	wrapped("Group", c.Group)
	wrapped("Component", strings.Join(c.Components, ", "))
	some := c.Scenarios()
	longest := 0
	for _, s := range some {
		longest = max(longest, len(s.ID))
	}
	label := "Scenarios"
	for _, s := range some {
		for i, part := range terminal.Wrap(s.Fault+": "+outcome(s.Expect), width-indent-longest-2) {
			id := s.ID
			if i > 0 {
				id = ""
			}
			line(label, fmt.Sprintf("%-*s  %s", longest, id, part))
			label = ""
		}
	}
	if c.Missing != "" {
		wrapped("Scenarios", "none: "+c.Missing)
	}
	if faults := faultsOf(c); len(faults) > 0 {
		wrapped("Check", strings.Join(faults, ", "))
	}
	if len(some) > 0 {
		line("Run them", "badgateway run cause:"+c.ID)
	}
	return b.String()
}

// completeCauses completes the ids of causes.
func completeCauses(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	var all []string
	for _, c := range scenarios.Causes() {
		if strings.HasPrefix(c.ID, strings.ToUpper(begun)) {
			all = append(all, c.ID+"\t"+c.Title)
		}
	}
	return all, cobra.ShellCompDirectiveNoFileComp
}
