package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/terminal"
)

// Transcript writes all that is needed to find out why a scenario failed, without colour: what happened when and by whom
// (in milliseconds of real time since the scenario began), what was expected and what came, the log, the config with
// its line numbers, and the command that runs it again. The error is the writer's.
func Transcript(w io.Writer, e scenario.Evidence) error {
	_, err := io.WriteString(w, transcript(e))
	return err
}

func transcript(e scenario.Evidence) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s %s: %s\n", verdict(e), terminal.OneLine(name(e)), terminal.OneLine(e.Claim))
	if e.Error != "" {
		fmt.Fprintf(&out, "\nThe lab failed: %s\n", strings.TrimSpace(terminal.Clean(e.Error)))
	}
	section(&out, "What differed", differences(e))
	section(&out, "What happened", events(e))
	x, when := lastLook(e)
	section(&out, "The gateway's error log "+when, logLines(x))
	section(&out, "The upstreams' logs "+when, each(x.UpstreamLog))
	section(&out, "The gateway's config", numbered(e.Config))
	section(&out, "Run it again", each(lines(e.Again)))
	return out.String()
}

// section writes a heading and indented lines; nothing when there are none.
func section(out *strings.Builder, heading string, all []string) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%s\n", heading)
	for _, line := range all {
		out.WriteString(strings.TrimRight("  "+line, " ") + "\n")
	}
}

// differences are aligned so that expected and came stand under each other.
func differences(e scenario.Evidence) []string {
	var all []string
	for _, d := range e.Differences {
		what := text.Pad(terminal.OneLine(d.What), 8, ' ')
		all = append(all, what+"expected "+terminal.OneLine(d.Want), strings.Repeat(" ", 8)+"came     "+terminal.OneLine(d.Got))
	}
	return all
}

// events are aligned by time and actor; a text of several lines keeps its column.
func events(e scenario.Evidence) []string {
	actor := 0
	for _, v := range e.Transcript {
		actor = max(actor, text.StringWidthWithoutEscSequences(terminal.OneLine(v.Actor)))
	}
	var all []string
	for _, v := range e.Transcript {
		head := fmt.Sprintf("%7.1f ms  %s  ", float64(v.At.Microseconds())/1000, text.Pad(terminal.OneLine(v.Actor), actor, ' '))
		first, others, _ := strings.Cut(strings.TrimRight(terminal.Clean(v.Text), "\n"), "\n")
		all = append(all, head+first)
		indent := strings.Repeat(" ", text.StringWidthWithoutEscSequences(head))
		for _, line := range lines(others) {
			all = append(all, indent+line)
		}
	}
	return all
}

func logLines(x lab.Exchange) []string {
	if x.Request == "" {
		return nil
	}
	return logText(x)
}

// numbered are a config's lines, numbered as nginx names them in its own messages.
func numbered(config string) []string {
	all := lines(terminal.Clean(config))
	for i, line := range all {
		all[i] = fmt.Sprintf("%4d  %s", i+1, line)
	}
	return all
}

// each are texts made harmless for a terminal.
func each(texts []string) []string {
	var all []string
	for _, t := range texts {
		all = append(all, lines(terminal.Clean(t))...)
	}
	return all
}
