//go:build cover

package agentapi

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/coverage"
	"time"
)

// A build with the tag cover, and with -cover, brings home what was executed in its labs: at the end of a session the agent
// hands over its counters, which go where those of the driving program go, to $GOCOVERDIR. See make cover.

const coverageCall = "Coverage"

// addCoverage makes the agent answer the call for its counters.
func addCoverage(calls map[string]Handler) {
	if calls == nil {
		return
	}
	calls[coverageCall] = Handle(func(context.Context, None) (map[string][]byte, error) { return counters() })
}

// counters are the files that the go command's covdata reads, by their names.
func counters() (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "coverage-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := errors.Join(coverage.WriteMetaDir(dir), coverage.WriteCountersDir(dir)); err != nil {
		return nil, err
	}
	all, err := os.ReadDir(dir)
	files := map[string][]byte{}
	for _, f := range all {
		var e error
		files[f.Name()], e = os.ReadFile(filepath.Join(dir, f.Name()))
		err = errors.Join(err, e)
	}
	return files, err
}

// keepCoverage files the agent's counters. Those of an agent that is gone are lost.
func (c *Client) keepCoverage() error {
	dir := os.Getenv("GOCOVERDIR")
	if dir == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var files map[string][]byte
	err := c.Call(ctx, "", coverageCall, None{}, &files)
	for name, data := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, filepath.Base(name)), data, 0o644))
	}
	if err != nil && !errors.Is(err, ErrGone) {
		return fmt.Errorf("bringing home what was executed in a lab: %w", err)
	}
	return nil
}
