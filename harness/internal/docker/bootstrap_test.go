package docker

import (
	"context"
	"errors"
	"os"
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
	before, _ := e.client.ImageInspect(ctx, baseRef(ownSuite))
	output, err := e.bootstrap(ctx, ownSuite, tool, "deb file:///nonexistent "+ownSuite+" main\n")
	g.Expect(err).To(MatchError(ContainSubstring("mmdebstrap")))
	g.Expect(output).To(ContainSubstring("nonexistent"))
	after, _ := e.client.ImageInspect(ctx, baseRef(ownSuite))
	g.Expect(after.ID).To(Equal(before.ID))
}

func TestAnInterruptedBaseLeavesNothing(t *testing.T) {
	g := NewWithT(t)
	e, tool := withBootstrap(t)
	list, err := sourcesList(ownSuite)
	g.Expect(err).NotTo(HaveOccurred())
	before, _ := e.client.ImageInspect(context.Background(), baseRef(ownSuite))
	where := scratch()
	if where == "" {
		where = os.TempDir()
	}
	folders := func() []string {
		found, _ := filepath.Glob(filepath.Join(where, bootstrapDir))
		return found
	}
	others := folders() // of other processes
	// Early, it has not yet begun to catch signals; later, a good deal is there.
	for _, after := range []time.Duration{100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, 2 * time.Second} {
		ctx, cancel := context.WithTimeout(context.Background(), after)
		_, err = e.bootstrap(ctx, ownSuite, tool, list)
		cancel()
		g.Expect(errors.Is(err, context.DeadlineExceeded)).To(BeTrue(), "%v", err)
		for _, left := range folders() {
			g.Expect(others).To(ContainElement(left), "after %s", after)
		}
	}
	after, _ := e.client.ImageInspect(context.Background(), baseRef(ownSuite))
	g.Expect(after.ID).To(Equal(before.ID))
}
