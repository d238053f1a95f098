package docker

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	. "github.com/onsi/gomega"
)

func TestCleanRemovesAllThatIsOursAndNothingElse(t *testing.T) {
	g := NewWithT(t)
	e := realEngine(t)
	ctx := context.Background()
	lab, err := e.Image(ctx, "gateway")
	g.Expect(err).NotTo(HaveOccurred())
	cache := ownCache(t)
	_, err = cacheDir()
	g.Expect(err).NotTo(HaveOccurred())

	// A label of its own, as other tests use the engine at the same time.
	e.label = unique("org.badgateway.test")
	name := unique("clean")
	ours, stranger := "badgateway/"+name+":1", "stranger/"+name+":1"
	g.Expect(e.build(ctx, ours, []byte("FROM "+lab+"\n"), nil)).To(Succeed())
	// Somebody's image made from ours inherits the label.
	g.Expect(e.build(ctx, stranger, []byte("FROM "+ours+"\nENV A=b\n"), nil)).To(Succeed())
	t.Cleanup(func() {
		_, _ = e.client.ImageRemove(ctx, stranger, client.ImageRemoveOptions{Force: true, PruneChildren: true})
	})
	labels := map[string]string{e.label: "x"}
	made, err := e.client.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &container.Config{Image: lab, Cmd: []string{"sleep", "60"}, Labels: labels},
	})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = e.client.ContainerStart(ctx, made.ID, client.ContainerStartOptions{})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = e.client.VolumeCreate(ctx, client.VolumeCreateOptions{Name: name, Labels: labels})
	g.Expect(err).NotTo(HaveOccurred())
	_, err = e.client.NetworkCreate(ctx, name, client.NetworkCreateOptions{Labels: labels})
	g.Expect(err).NotTo(HaveOccurred())

	removed, err := e.Clean(ctx)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(removed).To(ConsistOf(
		"container "+made.ID[:12], "volume "+name, "network "+name, "image "+ours,
		"folder "+filepath.Join(cache, "badgateway"),
	))
	g.Expect(filepath.Join(cache, "badgateway")).NotTo(BeAnExistingFile())
	for _, ref := range []string{lab, stranger} {
		there, err := e.has(ctx, ref)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(there).To(BeTrue(), ref)
	}
	// Once more: there is nothing, and that is no error.
	removed, err = e.Clean(ctx)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(removed).To(ConsistOf(HavePrefix("folder ")))
}

func TestOnlyWhatNobodyOwnsIsALeftover(t *testing.T) {
	g := NewWithT(t)
	now := time.Now()
	mine := Labels()[Label]
	o, ok := parseOwner(mine)
	g.Expect(ok).To(BeTrue())
	g.Expect(o).To(Equal(self()))
	g.Expect(o.pid).To(Equal(os.Getpid()))
	with := func(change func(*owner)) string {
		o := self()
		change(&o)
		return o.String()
	}
	lost := with(func(o *owner) { o.pid = deadProcess(t) })
	elsewhere := with(func(o *owner) { o.host = "elsewhere" })
	// Two containers may have one host name, and each has a process 7.
	otherNamespace := with(func(o *owner) { o.where, o.pid = "00000000", deadProcess(t) })
	reused := with(func(o *owner) { o.started = "1" })
	for _, c := range []struct {
		ago   time.Duration
		label string
		want  bool
	}{
		{5 * time.Second, lost, false},
		{2 * time.Minute, lost, true},
		{24 * time.Hour, mine, false},
		{24 * time.Hour, mine + "/build-1", false},
		{2 * time.Minute, lost + "/build-1", true},
		{2 * time.Minute, elsewhere, false},
		{2 * time.Hour, elsewhere, true},
		{2 * time.Minute, otherNamespace, false},
		{2 * time.Hour, otherNamespace, true},
		{2 * time.Minute, reused, runtime.GOOS == "linux"},
		{24 * time.Hour, "image", false}, // somebody's, made of one of our images
		{24 * time.Hour, "host/1", false},
	} {
		g.Expect(leftover(thing{made: now.Add(-c.ago), label: c.label}, now)).To(Equal(c.want), fmt.Sprint(c))
	}
}

func TestSweepRemovesTheOldAndLeavesTheYoung(t *testing.T) {
	g := NewWithT(t)
	e := realEngine(t)
	ctx := context.Background()
	lab, err := e.Image(ctx, "gateway")
	g.Expect(err).NotTo(HaveOccurred())
	e.label = unique("org.badgateway.test")
	gone := self()
	gone.pid = deadProcess(t)
	lost := gone.String()
	made, err := e.client.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &container.Config{Image: lab, Labels: map[string]string{e.label: lost}},
	})
	g.Expect(err).NotTo(HaveOccurred())
	defer func() { _, _ = e.client.ContainerRemove(ctx, made.ID, client.ContainerRemoveOptions{Force: true}) }()
	g.Expect(e.Sweep(ctx)).To(Succeed())
	g.Expect(containers(g, e, e.label)).To(ConsistOf(made.ID))
	g.Expect(e.sweep(ctx, time.Now().Add(2*time.Minute))).To(Succeed())
	g.Expect(containers(g, e, e.label)).To(BeEmpty())
}

// deadProcess returns the id of a process that has just ended.
func deadProcess(t *testing.T) int {
	t.Helper()
	name := "true"
	if runtime.GOOS == "windows" {
		name = "hostname"
	}
	cmd := exec.Command(name)
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

func TestTheCacheIsSweptOfWhatWasBeingWritten(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	for _, name := range []string{".new-1", "agent-amd64-source-1", "image-lab.lock"} {
		g.Expect(os.WriteFile(filepath.Join(dir, name), nil, 0o644)).To(Succeed())
	}
	g.Expect(os.MkdirAll(filepath.Join(dir, ".agent-1", "deep"), 0o755)).To(Succeed())
	names := func() (all []string) {
		found, err := os.ReadDir(dir)
		g.Expect(err).NotTo(HaveOccurred())
		for _, f := range found {
			all = append(all, f.Name())
		}
		return all
	}
	sweepCache(dir, time.Now())
	g.Expect(names()).To(HaveLen(4))
	sweepCache(dir, time.Now().Add(2*time.Hour))
	g.Expect(names()).To(ConsistOf("agent-amd64-source-1", "image-lab.lock"))
}
