package engine

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// withBootstrap returns an engine and the tool, on machines that have it.
func withBootstrap(t *testing.T) (*Engine, string) {
	t.Helper()
	e := realEngine(t)
	tool, err := exec.LookPath("mmdebstrap")
	if err != nil {
		t.Skip("no mmdebstrap: the base image comes from a registry here")
	}
	return e, tool
}

func TestAMirrorThatIsNotThereMakesNoImage(t *testing.T) {
	g := NewWithT(t)
	e, tool := withBootstrap(t)
	ctx := context.Background()
	_, err := e.Image(ctx, "gateway")
	g.Expect(err).NotTo(HaveOccurred())
	before, _ := e.client.ImageInspect(ctx, baseRef)
	output, err := e.bootstrap(ctx, tool, "deb file:///nonexistent "+suite+" main\n")
	g.Expect(err).To(MatchError(ContainSubstring("mmdebstrap")))
	g.Expect(output).To(ContainSubstring("nonexistent"))
	after, _ := e.client.ImageInspect(ctx, baseRef)
	g.Expect(after.ID).To(Equal(before.ID))
}

func TestAnInterruptedBaseLeavesNothing(t *testing.T) {
	g := NewWithT(t)
	e, tool := withBootstrap(t)
	list, err := sourcesList()
	g.Expect(err).NotTo(HaveOccurred())
	before, _ := e.client.ImageInspect(context.Background(), baseRef)
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	_, err = e.bootstrap(ctx, tool, list)
	g.Expect(errors.Is(err, context.DeadlineExceeded)).To(BeTrue(), "%v", err)
	after, _ := e.client.ImageInspect(context.Background(), baseRef)
	g.Expect(after.ID).To(Equal(before.ID))
	if dir := scratch(); dir != "" {
		left, _ := filepath.Glob(filepath.Join(dir, "mmdebstrap.*"))
		g.Expect(left).To(BeEmpty())
	}
}
