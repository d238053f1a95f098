package measure

import (
	"errors"
	"testing"
)

// Without faults there is nothing to measure, and nothing passes.
func TestNoFaultsIsNoCheck(t *testing.T) {
	if r, err := Run(t.Context(), Options{Path: t.TempDir()}); !errors.Is(err, errNothing) || r.Verdict != "" {
		t.Errorf("verdict %q, %v", r.Verdict, err)
	}
	if _, err := Keep(t.Context(), Options{Path: t.TempDir()}, "a/", "refused"); err == nil {
		t.Error("a fault that there is not is kept")
	}
}
