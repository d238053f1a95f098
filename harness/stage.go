package harness

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"time"
	"unicode"
)

// A Stage is a scenario that is kept as it is, for somebody to look at.
type Stage struct{ r *run }

// SetStage sets a scenario up, healthy. It is in real time, so that a time-out takes as long as it says; only where time
// has to have passed for the fault does the clock stand still after that, so that the fault stays.
func SetStage(ctx context.Context, lab *Lab, s Scenario, t Twin) (*Stage, error) {
	r := &run{lab: lab, scenario: s, twin: t, evidence: &Evidence{}}
	var err error
	if r.cell, err = lab.Open(ctx, Setup{Gateway: s.Gateway, Upstreams: t.Upstreams, Clock: r.passesTime()}); err != nil {
		return nil, err
	}
	return &Stage{r: r}, nil
}

// Cell is the stage's cell.
func (s *Stage) Cell() *Cell { return s.r.cell }

// Break makes the fault. What strikes while a request is under way is done when the first request comes.
func (s *Stage) Break(ctx context.Context) error {
	if err := s.r.breakIt(ctx); err != nil {
		return err
	}
	if len(s.r.twin.Strike) == 0 {
		return nil
	}
	had, err := s.r.cell.prepareHeld(ctx, s.r.twin.Held)
	if err != nil {
		return err
	}
	go func() {
		for ctx.Err() == nil {
			if s.r.cell.awaitHeld(ctx, s.r.twin.Held, had) != nil {
				// Nobody has asked yet, which is all that the error can mean here: watch on.
				if had, err = s.r.cell.prepareHeld(ctx, s.r.twin.Held); err != nil {
					return
				}
				continue
			}
			for _, c := range s.r.twin.Strike {
				if err := c.Do(ctx, s.r.cell); err != nil {
					s.r.cell.Note("fault", "%v failed: %v", c, err)
				}
			}
			return
		}
	}()
	return nil
}

// Mend performs the remedy.
func (s *Stage) Mend(ctx context.Context) error { return s.r.mend(ctx) }

// Close ends the stage.
func (s *Stage) Close() error { return s.r.cell.Close() }

// FollowLogs writes what the cell's programs log, as it comes, until ctx ends.
func (c *Cell) FollowLogs(ctx context.Context, w io.Writer) error {
	for {
		var news map[string]string
		if err := c.call(ctx, "News", c.id, &news); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		paths := make([]string, 0, len(news))
		for p := range news {
			paths = append(paths, p)
		}
		sort.Strings(paths)
		for _, p := range paths {
			for line := range strings.Lines(news[p]) {
				if ownTrack(line) {
					continue
				}
				if _, err := fmt.Fprintf(w, "%s: %s\n", c.logName(p), printable(line)); err != nil {
					return err
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// logName is what a log is called in front of a reader.
func (c *Cell) logName(path string) string {
	switch {
	case path == c.setup.Gateway.Program.AccessLog:
		return "gateway's access log"
	case slices.Contains(c.logs, path):
		return "gateway's error log"
	}
	return path[strings.LastIndex(path, "/")+1:]
}

// printable is a line of a log that does a terminal no harm, whatever an upstream has sent.
func printable(line string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == '\t' {
			return r
		}
		return '?'
	}, strings.TrimRight(line, "\n"))
}
