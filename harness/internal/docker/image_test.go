package docker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/moby/moby/client"
	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/internal/images"
)

func TestAnImagesTagFollowsItsContent(t *testing.T) {
	g := NewWithT(t)
	ref := func(edit func(*recipe)) string {
		r := recipe{repository: "lab", suite: "bookworm", dockerfile: []byte("FROM x\n")}
		edit(&r)
		return r.ref("amd64")
	}
	same := ref(func(*recipe) {})
	g.Expect(same).To(MatchRegexp(`^badgateway/lab:[0-9a-f]{12}$`))
	g.Expect(ref(func(*recipe) {})).To(Equal(same))
	g.Expect(ref(func(r *recipe) { r.dockerfile = []byte("FROM y\n") })).NotTo(Equal(same))
	g.Expect(ref(func(r *recipe) { r.suite = "trixie" })).NotTo(Equal(same))
	g.Expect(ref(func(r *recipe) { r.args = map[string]string{"A": "1"} })).NotTo(Equal(same))
	g.Expect((recipe{repository: "lab", suite: "bookworm", dockerfile: []byte("FROM x\n")}).ref("arm64")).NotTo(Equal(same))
}

func TestEveryNameHasADockerfile(t *testing.T) {
	g := NewWithT(t)
	g.Expect(images.Names()).To(ContainElements("gateway", "nginx", "php"))
	for _, name := range images.Names() {
		r, err := recipeOf(name)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(r.repository).NotTo(BeEmpty())
		g.Expect(r.takes).NotTo(BeEmpty())
		text := string(r.dockerfile)
		g.Expect(text).To(And(HavePrefix("ARG BASE\nFROM ${BASE}\n"), ContainSubstring("\nRUN set -eu")))
		g.Expect(text).NotTo(MatchRegexp(`(?m)^\s*#`), "a changed comment would build the image again")
		g.Expect(strings.ReplaceAll(text, "${BASE}", "")).NotTo(MatchRegexp(`(?m)^ARG [^B]|\$\{[A-Z]+\}`), "each value is filled in: a step for it costs seconds")
	}
	_, err := images.Of("apache3")
	g.Expect(err).To(MatchError(And(ContainSubstring(`"apache3"`), ContainSubstring("gateway, guarded"))))
}

func TestAnImageIsMadeOnceAndThenFound(t *testing.T) {
	g := NewWithT(t)
	e := realEngine(t)
	ctx := context.Background()
	ref, err := e.Image(ctx, "gateway")
	g.Expect(err).NotTo(HaveOccurred())
	inspected, err := e.client.ImageInspect(ctx, ref)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(inspected.Config.Labels).To(HaveKeyWithValue(Label, "image"))

	// From now on nothing is said, so nothing is pulled, made or waited for.
	e.log = slog.New(told(func(text string) { t.Errorf("not at once: %s", text) }))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			again, err := e.Image(ctx, "php")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(again).To(Equal(ref))
		})
	}
	all.Wait()
	after, err := e.client.ImageInspect(ctx, ref)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(after.ID).To(Equal(inspected.ID))

	_, err = e.Image(ctx, "no such")
	g.Expect(err).To(MatchError(ContainSubstring(`"no such"`)))
}

func TestFaketimeComesOutOfOurImage(t *testing.T) {
	g := NewWithT(t)
	e := realEngine(t)
	ownCache(t)
	e.label = unique("org.badgateway.test")
	lib, err := e.Faketime(context.Background())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(lib)).To(HavePrefix("\x7fELF"))
	g.Expect(containers(g, e, e.label)).To(BeEmpty())
	again, err := e.Faketime(context.Background())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(again).To(Equal(lib))
}

func TestPackagesAreFoundWhereTheListsHaveGrownOld(t *testing.T) {
	g := NewWithT(t)
	e := realEngine(t)
	ctx := context.Background()
	base, err := baseRecipe(ownSuite)
	g.Expect(err).NotTo(HaveOccurred())
	ref, err := e.image(ctx, base)
	g.Expect(err).NotTo(HaveOccurred())
	without := "badgateway/" + unique("without-lists") + ":1"
	t.Cleanup(func() { _, _ = e.client.ImageRemove(ctx, without, client.ImageRemoveOptions{PruneChildren: true}) })
	g.Expect(e.build(ctx, without, fmt.Appendf(nil, "FROM %s\nRUN rm -r /var/lib/apt/lists/*; /usr/lib/badgateway/get hello && hello\n", ref), nil)).To(Succeed())
}

func TestABuildThatFailsSaysWhyAndLeavesNothing(t *testing.T) {
	g := NewWithT(t)
	e := realEngine(t)
	ctx := context.Background()
	base, err := e.bare(ctx, ownSuite)
	g.Expect(err).NotTo(HaveOccurred())
	mark := unique("org.badgateway.test")
	ownCache(t)
	t.Cleanup(func() {
		// The builder keeps the step before the one that failed.
		list, _ := e.client.ImageList(ctx, client.ImageListOptions{All: true, Filters: client.Filters{}.Add("label", mark)})
		for _, i := range list.Items {
			_, _ = e.client.ImageRemove(ctx, i.ID, client.ImageRemoveOptions{})
		}
	})
	ref := "badgateway/" + unique("fails") + ":1"
	err = e.build(ctx, ref, fmt.Appendf(nil, "FROM %s\nLABEL %s=1\nRUN echo before; echo 'No space left on device: no space left on device' >&2; exit 3\n", base, mark), nil)
	var failed *BuildError
	g.Expect(errors.As(err, &failed)).To(BeTrue(), "%v", err)
	g.Expect(failed.Image).To(Equal(ref))
	g.Expect(failed.Tail).To(And(ContainSubstring("before"), ContainSubstring("no space left")))
	g.Expect(failed.Remedy).To(ContainSubstring("disk is full"))
	g.Expect(failed.Log).To(BeARegularFile())
	g.Expect(containers(g, e, mark)).To(BeEmpty())
	there, err := e.has(ctx, ref)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(there).To(BeFalse())
}

func TestAnImageThatIsNowhere(t *testing.T) {
	e := realEngine(t)
	// No registry listens on this port, wherever the engine is.
	const ref = "localhost:1/nothing:1"
	for _, ref := range []string{ref, "Not A Reference"} {
		g := NewWithT(t)
		err := e.Pull(context.Background(), ref)
		var no *NoImageError
		g.Expect(errors.As(err, &no)).To(BeTrue(), "%v", err)
		g.Expect(err.Error()).To(And(ContainSubstring(ref), HaveSuffix(no.Remedy), Not(ContainSubstring("\n"))))
	}
}

func TestAnImageThatIsThereIsNotPulled(t *testing.T) {
	g := NewWithT(t)
	e := realEngine(t)
	ref, err := e.Image(context.Background(), "gateway")
	g.Expect(err).NotTo(HaveOccurred())
	e.log = slog.New(told(func(text string) { t.Errorf("not at once: %s", text) }))
	g.Expect(e.Pull(context.Background(), ref)).To(Succeed())
}

func TestWhatABuildsOutputMeans(t *testing.T) {
	g := NewWithT(t)
	g.Expect(buildRemedy("write /x: no space left on device")).To(ContainSubstring("disk is full"))
	g.Expect(buildRemedy("Temporary failure resolving 'm.example'")).To(ContainSubstring("mirror can't be reached"))
	g.Expect(buildRemedy("the release has another nginx than 1.30: nginx version: nginx/1.32.0")).To(ContainSubstring("moved on"))
	g.Expect(buildRemedy("E: The repository 'm sid Release' does not have a Release file.")).To(ContainSubstring("lacks that release"))
	g.Expect(buildRemedy("exit 1")).To(Equal("the output says why"))
}

// containers lists those with a label, in whatever state.
func containers(g Gomega, e *Engine, label string) []string {
	list, err := e.client.ContainerList(context.Background(), client.ContainerListOptions{
		All: true, Filters: client.Filters{}.Add("label", label),
	})
	g.Expect(err).NotTo(HaveOccurred())
	var ids []string
	for _, c := range list.Items {
		ids = append(ids, c.ID)
	}
	return ids
}
