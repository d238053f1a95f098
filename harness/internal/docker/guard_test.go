package docker

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/moby/moby/client"
	. "github.com/onsi/gomega"
)

func TestAWatcherCountsWhatIsLeft(t *testing.T) {
	paths := func(all ...string) map[string]bool {
		m := map[string]bool{}
		for _, p := range all {
			m[p] = true
		}
		return m
	}
	for news, want := range map[string]left{
		"":                                     {paths: paths()},
		"+container\n":                         {being: 1, paths: paths()},
		"+container\n=container":               {running: 1, paths: paths()},
		"+container\n=container\n-container\n": {paths: paths()},
		"+container\n+container\n=container\n=container\n-container\n": {running: 1, paths: paths()},
		"+container\n=container\n+container\n+container\n=container\n": {being: 1, running: 2, paths: paths()},
		"+build\n": {builds: 1, paths: paths()},
		"+build\n+container\n-build\n+build\n-build\n": {being: 1, paths: paths()},
		"+\"/tmp/a b\"\n+\"/x\\n\"\n":                  {paths: paths("/tmp/a b", "/x\n")},
		"+\"/tmp/a\"\n+\"/tmp/b\"\n-\"/tmp/a\"\n":      {paths: paths("/tmp/b")},
	} {
		for _, in := range []io.Reader{bytes.NewBufferString(news), iotest.OneByteReader(bytes.NewBufferString(news))} {
			if got := hear(in); !reflect.DeepEqual(got, want) {
				t.Errorf("%q: %+v is left, want %+v", news, got, want)
			}
		}
	}
}

func TestAGuardTellsEachThingOnce(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(*Guard)
		want string
	}{
		"made and gone":       {func(g *Guard) { g.Made(); g.Gone() }, "+=-"},
		"gone twice":          {func(g *Guard) { g.Made(); g.Gone(); g.Gone() }, "+=-"},
		"gone before it runs": {func(g *Guard) { g.Gone() }, "+=-"},
		"never gone":          {func(g *Guard) { g.Made() }, "+="},
	} {
		var news bytes.Buffer
		w := &watcher{news: &news}
		w.tell(newsBegun, aContainer)
		c.do(&Guard{watcher: w})
		if got := strings.ReplaceAll(news.String(), "container\n", ""); got != c.want {
			t.Errorf("%s: told %q, want %q", name, got, c.want)
		}
	}
}

func TestWithoutAWatcherAGuardDoesNothing(t *testing.T) {
	g := &Guard{watcher: &watcher{}}
	g.Made()
	g.Gone()
}

func TestAWatcherOfACleanEndDoesNothing(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///nonexistent.sock") // it must not even look for the engine
	clean := "+container\n=container\n-container\n+build\n-build\n"
	if code := after("nobody", bytes.NewBufferString(clean)); code != 0 {
		t.Errorf("it ends with %d", code)
	}
	was := backWithin
	backWithin = time.Millisecond
	t.Cleanup(func() { backWithin = was })
	for _, news := range []string{"+container\n=container\n", "+build\n"} {
		if code := after("nobody", bytes.NewBufferString(news)); code != 1 {
			t.Errorf("%q: without an engine it ends with %d", news, code)
		}
	}
}

func TestATemporaryFolderIsToldBeforeItIsThere(t *testing.T) {
	g := NewWithT(t)
	var news bytes.Buffer
	w := &watcher{news: &news}
	w.once.Do(func() {})
	was, _ := watchers.Swap("", w)
	t.Cleanup(func() {
		if watchers.Delete(""); was != nil {
			watchers.Store("", was)
		}
	})
	dir, remove, err := TempDir(t.TempDir(), "badgateway-*.d")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(filepath.Base(dir)).To(MatchRegexp(`^badgateway-.{20,}\.d$`))
	info, err := os.Stat(dir)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(info.Mode().Perm()).To(BeEquivalentTo(0o700))
	g.Expect(news.String()).To(Equal("+\"" + dir + "\"\n"))
	g.Expect(os.WriteFile(filepath.Join(dir, "x"), nil, 0o644)).To(Succeed())
	remove()
	g.Expect(dir).NotTo(BeAnExistingFile())
	g.Expect(news.String()).To(HaveSuffix("\n-\"" + dir + "\"\n"))
	_, _, err = TempDir(filepath.Join(dir, "gone"), "x")
	g.Expect(err).To(HaveOccurred())
}

func TestThatNobodyWatchesIsSaidOnce(t *testing.T) {
	g := NewWithT(t)
	var said []string
	e := &Engine{host: unique("nowhere"), arch: "pdp11", log: slog.New(told(func(text string) { said = append(said, text) }))}
	t.Cleanup(func() { watchers.Delete(e.host) })
	for range 3 {
		e.Guard(context.Background()).Gone()
	}
	g.Expect(said).To(ConsistOf(HavePrefix("nothing watches over this process")))
}

func TestABuildsStepsAreKnownByTheirLabel(t *testing.T) {
	g := NewWithT(t)
	text := labelled([]byte("ARG BASE\nFROM ${BASE}\nRUN true\n"), "k", "a/b")
	g.Expect(string(text)).To(Equal("ARG BASE\nFROM ${BASE}\nLABEL k=a/b\nRUN true\n"))
}

func TestABuildThatFailsLeavesNothing(t *testing.T) {
	g := NewWithT(t)
	e := realEngine(t)
	ctx := context.Background()
	base, err := e.Image(ctx, "gateway")
	g.Expect(err).NotTo(HaveOccurred())
	ownCache(t)
	ref := "badgateway/" + unique("left") + ":1"
	ours := func() []thing {
		all, err := e.things(ctx)
		g.Expect(err).NotTo(HaveOccurred())
		var mine []thing
		for _, x := range all {
			if belongs(x.label, self().String()) {
				mine = append(mine, x)
			}
		}
		return mine
	}
	err = e.build(ctx, ref, []byte("FROM "+base+"\nRUN touch /x\nRUN exit 7\n"), nil)
	g.Expect(err).To(MatchError(ContainSubstring("7")))
	g.Expect(ours()).To(BeEmpty())

	g.Expect(e.build(ctx, ref, []byte("FROM "+base+"\nRUN touch /x\n"), nil)).To(Succeed())
	defer func() { _, _ = e.client.ImageRemove(ctx, ref, client.ImageRemoveOptions{PruneChildren: true}) }()
	g.Expect(ours()).To(BeEmpty())
	made, err := e.client.ImageInspect(ctx, ref)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(made.Config.Labels).To(HaveKeyWithValue(Label, "image"), "the steps' label is no longer there")
}

func TestAnInterruptedBuildLeavesNothing(t *testing.T) {
	g := NewWithT(t)
	e := realEngine(t)
	base, err := e.Image(context.Background(), "gateway")
	g.Expect(err).NotTo(HaveOccurred())
	ownCache(t)
	e.label = unique("org.badgateway.test")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- e.build(ctx, "badgateway/"+unique("left")+":1", []byte("FROM "+base+"\nRUN sleep 600\n"), nil)
	}()
	things := func() []thing {
		all, err := e.things(context.Background())
		g.Expect(err).NotTo(HaveOccurred())
		return all
	}
	g.Eventually(things).WithTimeout(time.Minute).Should(ContainElement(Satisfy(func(x thing) bool { return x.runs })), "its step is under way")
	cancel()
	g.Eventually(ended).WithTimeout(time.Minute).Should(Receive(MatchError(context.Canceled)))
	g.Eventually(things).WithTimeout(time.Minute).Should(BeEmpty())
}
