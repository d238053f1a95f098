package engine

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
		e.client.ImageRemove(ctx, stranger, client.ImageRemoveOptions{Force: true, PruneChildren: true})
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
	here, now := hostname(), time.Now()
	dead := deadProcess(t)
	made := func(ago time.Duration, label string) container.Summary {
		return container.Summary{Created: now.Add(-ago).Unix(), Labels: map[string]string{Label: label}}
	}
	mine := Labels()[Label]
	o, ok := parseOwner(mine)
	g.Expect(ok).To(BeTrue())
	g.Expect(o).To(Equal(owner{host: here, pid: os.Getpid()}))
	lost := owner{host: here, pid: dead}.String()
	for _, c := range []struct {
		ago   time.Duration
		label string
		want  bool
	}{
		{5 * time.Second, lost, false},
		{2 * time.Minute, lost, true},
		{24 * time.Hour, mine, false},
		{2 * time.Minute, "elsewhere/1", false},
		{2 * time.Hour, "elsewhere/1", true},
		{2 * time.Minute, "image", false}, // a build may be at it
		{2 * time.Hour, "image", true},
	} {
		g.Expect(leftover(made(c.ago, c.label), Label, now)).To(Equal(c.want), fmt.Sprint(c))
	}
}

func TestSweepRemovesTheOldAndLeavesTheYoung(t *testing.T) {
	g := NewWithT(t)
	e := realEngine(t)
	ctx := context.Background()
	lab, err := e.Image(ctx, "gateway")
	g.Expect(err).NotTo(HaveOccurred())
	e.label = unique("org.badgateway.test")
	lost := owner{host: hostname(), pid: deadProcess(t)}.String()
	made, err := e.client.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &container.Config{Image: lab, Labels: map[string]string{e.label: lost}},
	})
	g.Expect(err).NotTo(HaveOccurred())
	defer e.client.ContainerRemove(ctx, made.ID, client.ContainerRemoveOptions{Force: true})
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
