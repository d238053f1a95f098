package harness

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

// FollowLogs writes what the cell's programs log, as it comes, until ctx ends.
func (c *Cell) FollowLogs(ctx context.Context, w io.Writer) error {
	return follow(ctx, w, c.logName, func(news *map[string]string) error { return c.call(ctx, "News", c.id, news) })
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

// FollowLogs writes what the world's gateway logs, as it comes, until ctx ends.
func (w *World) FollowLogs(ctx context.Context, to io.Writer) error {
	name := func(string) string { return "gateway's error log" }
	return follow(ctx, to, name, func(news *map[string]string) error { return w.call(ctx, "News", w.id, news) })
}

// followEvery is how often the logs are looked at.
const followEvery = 100 * time.Millisecond

func follow(ctx context.Context, w io.Writer, name func(path string) string, ask func(*map[string]string) error) error {
	for {
		var news map[string]string
		if err := ask(&news); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		for _, p := range slices.Sorted(maps.Keys(news)) {
			for line := range strings.Lines(news[p]) {
				if ownTrack(line) {
					continue
				}
				if _, err := fmt.Fprintf(w, "%s: %s\n", name(p), terminal.Clean(strings.TrimRight(line, "\n"))); err != nil {
					return err
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(followEvery):
		}
	}
}
