package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/badgateway/badgateway/harness/hostfile"
	"github.com/badgateway/badgateway/harness/terminal"
)

// environment are the variables of --env-file and --env, of which the later ones win. Both are as docker run takes
// them: K=V with the value as it stands, K alone with the value that it has in our own environment, and in a file lines
// that begin with # are comments.
func environment(ctx context.Context, file string, pairs []string) (map[string]string, error) {
	all := map[string]string{}
	if file != "" {
		text, err := hostfile.ReadTyped(ctx, file, 1<<20)
		if err != nil {
			return nil, fmt.Errorf("reading the environment: %w", err)
		}
		lines := bufio.NewScanner(bytes.NewReader(text))
		for n := 1; lines.Scan(); n++ {
			line := strings.TrimLeft(lines.Text(), " \t")
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			if err := setVariable(all, line); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", file, n, err)
			}
		}
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("reading the environment from %s: %w", file, err)
		}
	}
	for _, pair := range pairs {
		if err := setVariable(all, pair); err != nil {
			return nil, fmt.Errorf("--env %s: %w", terminal.Quote(pair), err)
		}
	}
	return all, nil
}

func setVariable(all map[string]string, pair string) error {
	name, value, given := strings.Cut(pair, "=")
	if name == "" || strings.ContainsAny(name, " \t") {
		return fmt.Errorf("a variable is K=V, and %q is no name", name)
	}
	if !given {
		if value, given = os.LookupEnv(name); !given {
			return nil // as docker does: a variable that is not set stays so
		}
	}
	all[name] = value
	return nil
}
