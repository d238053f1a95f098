package lab

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/terminal"
)

// FollowLogs writes what the sandbox's programs log, as it comes, until ctx ends.
func (c *Sandbox) FollowLogs(ctx context.Context, w io.Writer) error {
	return follow(ctx, w, c.logName, c.woken, func(ctx context.Context, news *map[string]string) error {
		return c.call(ctx, "News", nil, news)
	})
}

// logName is what a log is called in front of a reader.
func (c *Sandbox) logName(path string) string {
	switch {
	case path == c.setup.Gateway.Driver.AccessLog:
		return "gateway's access log"
	case slices.Contains(c.logs, path):
		return "gateway's error log"
	}
	return path[strings.LastIndex(path, "/")+1:]
}

// followEvery is how often the logs are looked at.
const followEvery = 100 * time.Millisecond

func follow(ctx context.Context, w io.Writer, name func(path string) string, woken func(path, line string) bool, ask func(context.Context, *map[string]string) error) error {
	for {
		done := ctx.Err() != nil // and one last look: what was logged by now belongs to what the reader did before
		if err := writeNews(ctx, w, name, woken, ask); err != nil {
			return err
		}
		if done {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(followEvery):
		}
	}
}

// writeNews writes what was logged since the last look.
func writeNews(ctx context.Context, w io.Writer, name func(path string) string, woken func(path, line string) bool, ask func(context.Context, *map[string]string) error) error {
	var news map[string]string
	// A look that is broken off would lose what it was told.
	look, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := ask(look, &news); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	for _, p := range slices.Sorted(maps.Keys(news)) {
		for line := range strings.Lines(news[p]) {
			if woken(p, line) {
				continue
			}
			if _, err := fmt.Fprintf(w, "%s: %s\n", name(p), terminal.Clean(strings.TrimRight(line, "\n"))); err != nil {
				return err
			}
		}
	}
	return nil
}
