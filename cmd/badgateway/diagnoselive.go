package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/diagnose"
	"github.com/badgateway/badgateway/harness/live"
	"github.com/badgateway/badgateway/scenarios"
)

// sinceUsual is how far back a server's logs are read.
const sinceUsual = time.Hour

// server diagnoses a server, and the logs that are named beside.
func (d diagnosing) server(ctx context.Context, m live.Machine, f diagnose.Filter, args []string, in io.Reader) error {
	if f.Since.IsZero() {
		f.Since = m.Now.Add(-sinceUsual)
	}
	found := live.Look(ctx, m, f.Since)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r := scenarios.Book().NewReport(f)
	found.Report(r)
	if len(args) > 0 {
		if err := readAll(args, in, func(l *diagnose.Line) { l.InZone(m.Now); r.Add(l) }); err != nil {
			return err
		}
	}
	r.Finish()
	return d.printServer(ctx, r, found)
}

// printServer tells of a server: what is wrong, or that nothing is, and what was not seen.
func (d diagnosing) printServer(ctx context.Context, r *diagnose.Report, found *live.Findings) (err error) {
	well := len(r.Causes) == 0 || r.Causes[0].Cause.Healthy() // the last in order, where there are others
	if !well {
		err = d.print(ctx, r)
	}
	if d.asJSON {
		err = cmp.Or(err, printLookedAt(d.out, found))
	} else {
		if well {
			fmt.Fprintf(d.out, "Nothing is wrong here, as far as this was looked at (%s of logs).\n", lineCount(r.Lines))
		}
		fmt.Fprint(d.out, lookedText(found, d.width, d.whole || well))
	}
	if err == nil && well {
		err = errDiffers
	}
	return err
}

// A lookedAt is the last object that diagnose --live --json prints.
type lookedAt struct {
	Version int      `json:"version"`
	Looked  []string `json:"looked_at"`
	Unread  []string `json:"not_read"`
}

// lookedText says what was looked at on a server, where that is asked for or all there is to say, and what could not be.
func lookedText(f *live.Findings, width int, whole bool) string {
	var b strings.Builder
	wrapped := labelled(&b, 10, width)
	if whole {
		for _, l := range f.Looked {
			wrapped("looked at", diagnose.Mask(l))
		}
	}
	for _, u := range f.Unread {
		wrapped("not read", diagnose.Mask(u))
	}
	return b.String()
}

func printLookedAt(out io.Writer, f *live.Findings) error {
	o := lookedAt{diagnosisVersion, []string{}, []string{}}
	for _, l := range f.Looked {
		o.Looked = append(o.Looked, diagnose.Mask(l))
	}
	for _, u := range f.Unread {
		o.Unread = append(o.Unread, diagnose.Mask(u))
	}
	return objects(out).Encode(o)
}
