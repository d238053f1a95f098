package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/badgateway/badgateway/harness/diagnose"
	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/terminal"
	"github.com/badgateway/badgateway/scenarios"
)

func listCommand() *cobra.Command {
	var asJSON bool
	var log string
	c := &cobra.Command{
		Use:   "list [PATTERN...]",
		Short: "Show what can go wrong: the scenarios, by family",
		Long: `list shows the scenarios: what is broken, what the visitor gets, and what is logged. Where its output is no terminal, each has one line:
id, gateway, family, causes, variants, what the visitor gets, what is broken, and after "log:" the lines of the logs, with | between two.`,
		Example: `  badgateway list
  badgateway list 'fpm-*' family:time cause:B1
  badgateway list gateway:apache
  badgateway list status:502 side:kernel
  badgateway list --log 'upstream timed out'
  badgateway list | grep 'Connection refused'
  badgateway list --json | jq -r .id
  badgateway list causes A1`,
		ValidArgsFunction: completeIDs,
		RunE: func(c *cobra.Command, args []string) error {
			some, err := scenarios.Select(args...)
			if err != nil {
				return err
			}
			if log != "" {
				if some = withLog(some, log); len(some) == 0 {
					return fmt.Errorf("no scenario expects a log line with %s; badgateway diagnose takes a whole line", terminal.OneLine(fmt.Sprintf("%.100q", log)))
				}
			}
			if asJSON {
				out := json.NewEncoder(c.OutOrStdout())
				for _, s := range some {
					if err := out.Encode(listed(s)); err != nil {
						return err
					}
				}
				return nil
			}
			out := c.OutOrStdout()
			if !isTerminal(out) {
				printLines(out, some)
				return nil
			}
			colour, width := screen(out)
			printRows(out, some, terminal.Style(colour), width)
			count := fmt.Sprintf("%d scenarios. One of them", len(some))
			if len(some) == 1 {
				count = "1 scenario. Run it"
			}
			fmt.Fprintf(out, "%s: badgateway run %s\nWhat the causes are: badgateway list causes\n", count, some[0].ID)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	c.Flags().StringVar(&log, "log", "", "only those that expect a log line with this text")
	c.AddCommand(listCausesCommand())
	return c
}

// withLog are the scenarios that expect a log line with a text, of the gateway or of the upstream, in whatever case.
func withLog(all []scenario.Scenario, text string) []scenario.Scenario {
	text = strings.ToLower(text)
	has := func(line string) bool { return strings.Contains(strings.ToLower(line), text) }
	logged := func(l scenario.LogLine) bool {
		return has(l.String()) ||
			slices.ContainsFunc(diagnose.ErrnoTexts(l.Errno), func(words string) bool { return has(fmt.Sprintf("%d: %s", l.Errno, words)) })
	}
	return slices.DeleteFunc(all, func(s scenario.Scenario) bool {
		return !slices.ContainsFunc(s.Expect.Log, logged) &&
			!slices.ContainsFunc(s.Variants, func(v scenario.Variant) bool { return v.UpstreamLog != "" && has(v.UpstreamLog) })
	})
}

// listing is a scenario as list --json prints it. Fields are only ever added.
type listing struct {
	ID         string   `json:"id"`
	Gateway    string   `json:"gateway"`
	Family     string   `json:"family"`
	Causes     []string `json:"causes"`
	Claim      string   `json:"claim"`
	Said       string   `json:"said,omitempty"` // what articles claim, where the measurement differs
	Fault      string   `json:"fault"`
	Status     int      `json:"status"` // 0 when the client gets no answer
	NoAnswer   string   `json:"no_answer,omitempty"`
	Cut        bool     `json:"cut,omitempty"`
	Page       string   `json:"page,omitempty"`   // a text on the page that the client gets
	Access     string   `json:"access,omitempty"` // a text in the gateway's access log
	AfterNanos int64    `json:"after_ns"`         // how long the client waits
	Log        []string `json:"log"`              // the log lines, in short
	Variants   []string `json:"variants"`
	Confirm    string   `json:"confirm"`
	Remedy     string   `json:"remedy"`
	Source     string   `json:"source"`
}

func listed(s scenario.Scenario) listing {
	l := listing{
		ID: s.ID, Gateway: gatewayOf(s), Family: s.Family, Causes: append([]string{}, s.Causes...), Claim: s.Claim, Said: s.Said,
		Fault: s.Fault, Status: s.Expect.Status,
		NoAnswer: s.Expect.NoAnswer, Cut: s.Expect.Cut, Page: s.Expect.Page, Access: s.Expect.Access, AfterNanos: int64(s.Expect.After), Confirm: s.Confirm,
		Remedy: s.Remedy, Source: s.Source, Log: []string{}, Variants: []string{},
	}
	for _, line := range s.Expect.Log {
		l.Log = append(l.Log, line.String())
	}
	for _, v := range s.Variants {
		l.Variants = append(l.Variants, string(v.Kind))
	}
	return l
}

// outcome is what the client gets, in a few words.
func outcome(e scenario.Expectation) string {
	s := fmt.Sprint(e.Status)
	switch {
	case e.Status == 0:
		s = "no answer (" + e.NoAnswer + ")"
	case e.Cut:
		s += ", cut off"
	}
	if e.After > 0 {
		s += fmt.Sprintf(" after %v", e.After)
	}
	return s
}

func gatewayOf(s scenario.Scenario) string { return s.Gateway.Driver.Name }

func kinds(s scenario.Scenario) string {
	var all []string
	for _, v := range s.Variants {
		all = append(all, string(v.Kind))
	}
	return strings.Join(all, " + ")
}

// completeIDs completes the patterns that Select knows: ids, families, causes and gateways.
func completeIDs(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	var all []string
	known := map[string]bool{}
	add := func(word, meaning string) {
		if strings.HasPrefix(word, begun) && !known[word] {
			known[word] = true
			all = append(all, word+"\t"+meaning)
		}
	}
	for _, s := range scenarios.All() {
		add(s.ID, s.Fault)
		if begun != "" { // one who begins with nothing wants to see the ids
			add("family:"+s.Family, "all of this family")
			add("gateway:"+gatewayOf(s), "all on this gateway")
			if s.Row != "" {
				add("row:"+s.Row, "the same fault on each gateway")
			}
			for _, c := range s.Causes {
				add("cause:"+c, "all with this cause")
			}
		}
	}
	return all, cobra.ShellCompDirectiveNoFileComp
}

// oneScenario is for a command that takes one.
func oneScenario(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return errors.New("name one scenario (badgateway list shows what there is)")
	}
	return nil
}

// completeOneID is for a command that takes one.
func completeOneID(c *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 || strings.Contains(begun, ":") {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return completeIDs(c, args, begun)
}

// completeVariant lets --twin be completed.
func completeVariant(c *cobra.Command) {
	_ = c.RegisterFlagCompletionFunc("twin", cobra.FixedCompletions(
		[]string{string(scenario.Real), string(scenario.Fake)}, cobra.ShellCompDirectiveNoFileComp))
}
