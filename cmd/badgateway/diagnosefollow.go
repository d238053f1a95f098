package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/diagnose"
	"github.com/badgateway/badgateway/harness/diagnose/follow"
	"github.com/badgateway/badgateway/harness/terminal"
	"github.com/badgateway/badgateway/scenarios"
)

// tellAgain is how long a cause that was told is not told again.
const tellAgain = 10 * time.Second

// A teller tells of causes as they come: whole the first time, then how often, when that has doubled and ten seconds are over.
type teller struct {
	diagnosing
	report *diagnose.Report
	now    func() time.Time
	told   map[*diagnose.Count]*telling
	err    error // of writing
}

type telling struct {
	n  int
	at time.Time
}

// following tells of what comes in files until ctx ends, or standard input does, and then of it all.
func (d diagnosing) following(ctx context.Context, f diagnose.Filter, args []string, in io.Reader, say io.Writer) error {
	if len(args) == 0 {
		args = []string{"-"}
	}
	until, stop := context.WithCancel(ctx)
	defer stop()
	t := &teller{diagnosing: d, report: scenarios.Book().NewReport(f), now: time.Now, told: map[*diagnose.Count]*telling{}}
	err := follow.Files(until, args, in, !f.Since.IsZero(), follow.Events{
		Line: t.line,
		Rest: func() {
			if t.rest(); t.err != nil {
				stop()
			}
		},
		Say: func(what string) { fmt.Fprintln(say, terminal.OneLine(what)) },
	})
	if err = cmp.Or(err, t.err); err != nil {
		return err
	}
	if !d.asJSON && len(t.told) > 0 {
		fmt.Fprintln(d.out, "In all:")
	}
	t.report.Finish()
	if err = d.print(ctx, t.report); errors.Is(err, errDiffers) {
		return explained(exitDiffers) // an interrupt is how this ends, and no failure
	}
	return err
}

func (t *teller) line(l *diagnose.Line) {
	c := t.report.Add(l)
	if c == nil || c.Cause.Healthy() || t.told[c] != nil {
		return
	}
	t.told[c] = &telling{c.N, t.now()}
	if t.asJSON {
		t.object(c)
		return
	}
	var b strings.Builder
	diagnosisBlock(&b, t.report, c, t.width, t.whole, true)
	t.write(b.String() + "\n")
}

// rest tells of causes that are seen much more often by now.
func (t *teller) rest() {
	for c, was := range t.told {
		if c.N < 2*was.n || t.now().Sub(was.at) < tellAgain {
			continue
		}
		if t.asJSON {
			t.object(c)
		} else {
			t.write(fmt.Sprintf("%s  %s: %d by now, %d more than when last told\n", t.now().Format("15:04:05"), c.Cause.Slug, c.N, c.N-was.n))
		}
		*was = telling{c.N, t.now()}
	}
}

func (t *teller) object(c *diagnose.Count) {
	if err := objects(t.out).Encode(diagnosisOf(t.report, c)); err != nil {
		t.err = err
	}
}

func (t *teller) write(text string) {
	if _, err := io.WriteString(t.out, text); err != nil {
		t.err = err
	}
}

// objects writes JSON, an object a line.
func objects(out io.Writer) *json.Encoder {
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	return lines
}
