package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/spf13/cobra"

	"github.com/badgateway/badgateway/harness/diagnose"
	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/terminal"
	"github.com/badgateway/badgateway/scenarios"
)

func explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain WORD",
		Short: "Say what an errno, status, phase, flag, code, cause or scenario means",
		Long: `explain takes a scenario (fpm-dead), a cause as diagnose names it (read-timeout), an errno (110), a status (499), a phase of nginx
("reading response header from upstream"), a termination state of HAProxy (SC--), a response flag of Envoy (UF), a code of Apache (AH01114) or a directive
of nginx (proxy_read_timeout), and says what it is, what it proves and does not, how it is confirmed and mended, and which scenarios show it.`,
		Example: `  badgateway explain 110
  badgateway explain "reading response header from upstream"
  badgateway explain fpm-dead
  badgateway explain SC--
  badgateway explain AH01114
  badgateway explain proxy_read_timeout`,
		RunE: func(c *cobra.Command, args []string) error {
			word := strings.TrimSpace(strings.Join(args, " "))
			if word == "" {
				return fmt.Errorf("name what to explain: an errno, a status, a phase, a flag, a cause or a scenario")
			}
			_, width := screen(c.OutOrStdout())
			text, found := explanation(word, min(width, 120))
			if !found {
				return fmt.Errorf("nothing is known of %s%s", terminal.OneLine(fmt.Sprintf("%.100q", word)), nearest(word))
			}
			fmt.Fprint(c.OutOrStdout(), text)
			return nil
		},
	}
}

// explanation is what is known of a word.
func explanation(word string, width int) (string, bool) {
	var b strings.Builder
	if s, ok := scenarioByID(word); ok {
		explainScenario(&b, s, width)
		return b.String(), true
	}
	book := scenarios.Book()
	if c := book.Cause(strings.ToLower(word)); c != nil {
		explainCause(&b, c, width)
		return b.String(), true
	}
	if c, ok := scenarios.CauseByID(word); ok {
		return causeText(c, width), true
	}
	note, found := book.About(word)
	if len(found) == 0 {
		return "", false
	}
	fmt.Fprintf(&b, "%s\n", strings.TrimSpace(terminal.OneLine(word)+": "+note))
	const most = 4
	for _, c := range found[:min(most, len(found))] {
		b.WriteByte('\n')
		explainCause(&b, c, width)
	}
	if len(found) > most {
		var slugs []string
		for _, c := range found[most:] {
			slugs = append(slugs, c.Slug)
		}
		b.WriteByte('\n')
		for _, line := range terminal.Wrap("Also in: "+strings.Join(slugs, ", ")+" (badgateway explain SLUG)", width) {
			fmt.Fprintln(&b, line)
		}
	}
	return b.String(), true
}

func scenarioByID(id string) (scenario.Scenario, bool) {
	all := scenarios.All()
	i := slices.IndexFunc(all, func(s scenario.Scenario) bool { return strings.EqualFold(s.ID, id) })
	if i < 0 {
		return scenario.Scenario{}, false
	}
	return all[i], true
}

// explainIndent is the room of a label, which has ten letters at the most.
const explainIndent = 11

// labelled writes texts beside labels, wrapped, and nothing for an empty one.
func labelled(b *strings.Builder, indent, width int) func(label, text string) {
	return func(label, text string) {
		if text == "" {
			return
		}
		for _, part := range terminal.Wrap(text, width-indent) {
			fmt.Fprintf(b, "%-*s%s\n", indent, label, part)
			label = ""
		}
	}
}

func explainCause(b *strings.Builder, c *diagnose.Cause, width int) {
	line := labelled(b, explainIndent, width)
	none := &diagnose.Line{}
	says := diagnose.Sentence(c.Says, none)
	if c.Status > 0 {
		says += fmt.Sprintf(" Visitors commonly get %d.", c.Status)
	}
	fmt.Fprintf(b, "%s (%s)\n", c.Slug, c.Side)
	line("is", says)
	line("proves", diagnose.Sentence(c.Proves, none))
	line("confirm", diagnose.Fill(c.Confirm, none))
	line("mend", diagnose.Fill(c.Remedy, none))
	for _, gateway := range []string{"apache", "haproxy", "envoy", "varnish"} {
		if r := c.Remedies[gateway]; r != "" {
			line("", gateway+": "+diagnose.Fill(r, none))
		}
	}
	line("not", diagnose.Fill(c.Confused, none))
	if len(c.Shown) > 0 {
		var ids []string
		for _, s := range c.Shown {
			ids = append(ids, s.ID)
		}
		line("shown by", strings.Join(ids, ", "))
	} else {
		line("shown by", "no scenario of badgateway; this is advice from the source")
	}
	line("source", c.Source)
}

// neighboursExplained is how many of the scenarios with the same line are named.
const neighboursExplained = 10

func explainScenario(b *strings.Builder, s scenario.Scenario, width int) {
	line := labelled(b, explainIndent, width)
	fmt.Fprintf(b, "%s (a scenario on %s)\n", s.ID, gatewayOf(s))
	line("is", s.Claim)
	line("visitor", outcome(s.Expect))
	for _, l := range s.Expect.Log {
		line("log", l.String())
	}
	line("said", s.Said)
	line("confirm", s.Confirm)
	line("mend", s.Remedy)
	book := scenarios.Book()
	for _, slug := range scenarios.Diagnosed(book, s) {
		line("cause", slug+" (badgateway explain "+slug+")")
	}
	near := scenarios.Neighbours(s.ID)
	label := "same line"
	for _, n := range near[:min(len(near), neighboursExplained)] {
		line(label, n.ID+": "+n.Confirm)
		label = ""
	}
	if more := len(near) - neighboursExplained; more > 0 {
		line("", fmt.Sprintf("and %d more: badgateway list --log %s", more, terminal.Quote(s.Expect.Log[0].Text)))
	}
	line("source", s.Source)
	line("try it", "badgateway run "+s.ID)
}

// nearest suggests words that are like one; nothing where none is.
func nearest(word string) string {
	small := strings.ToLower(word)
	type near struct {
		word     string
		distance int
	}
	var all []near
	consider := func(known string) {
		d := levenshtein.ComputeDistance(small, known)
		switch {
		case d <= len(small)/3:
		case len(small) >= 4 && strings.Contains(known, small):
			d = 1
		default:
			return
		}
		all = append(all, near{known, d})
	}
	for _, s := range scenarios.All() {
		consider(s.ID)
	}
	for _, c := range scenarios.Book().Causes() {
		consider(c.Slug)
	}
	slices.SortStableFunc(all, func(a, b near) int { return cmp.Compare(a.distance, b.distance) })
	if len(all) == 0 {
		return "; a whole log line is for badgateway diagnose, and badgateway list shows the scenarios"
	}
	var words []string
	for _, n := range all[:min(3, len(all))] {
		words = append(words, n.word)
	}
	return "; did you mean " + strings.Join(words, ", ") + "?"
}
