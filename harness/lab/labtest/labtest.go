// Package labtest opens labs and sandboxes for tests: what it opens it closes when the test ends.
package labtest

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/badgateway/badgateway/harness/lab"
)

// Start starts a lab with the options, of which the last is taken, and closes it when the test ends. Where there is no
// container engine it skips the test, and says so; any other error ends the test. A lab takes about half a second: tests that
// share one start it in TestMain, or in a test that they are subtests of.
func Start(t testing.TB, o ...lab.Options) *lab.Lab {
	t.Helper()
	var options lab.Options
	if len(o) > 0 {
		options = o[len(o)-1]
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	l, err := lab.Start(t.Context(), options)
	if none := (*lab.NoEngineError)(nil); errors.As(err, &none) {
		t.Skipf("no lab without a container engine: %v", err)
	}
	if err != nil {
		t.Fatalf("starting a lab: %v", err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("closing the lab: %v", err)
		}
	})
	return l
}

// Open opens a sandbox in a lab, and closes it when the test ends. A gateway that does not start with its config ends the test
// with what it said.
func Open(t testing.TB, l *lab.Lab, setup lab.Setup) *lab.Sandbox {
	t.Helper()
	s, err := l.Open(t.Context(), setup)
	if err != nil {
		t.Fatalf("opening a sandbox: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the sandbox: %v", err)
		}
	})
	return s
}
