package engine

import (
	"bytes"
	"io"
	"os/signal"
	"testing"
	"testing/iotest"
	"time"
)

func TestAWatcherCountsWhatIsLeft(t *testing.T) {
	for news, want := range map[string][2]int{
		"":      {0, 0},
		"+":     {1, 0},
		"+=":    {0, 1},
		"+=-":   {0, 0},
		"++==-": {0, 1},
		"+=++=": {1, 2},
	} {
		for _, in := range []io.Reader{bytes.NewBufferString(news), iotest.OneByteReader(bytes.NewBufferString(news))} {
			if being, running := hear(in); [2]int{being, running} != want {
				t.Errorf("%q: %d being made, %d running, want %v", news, being, running, want)
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
		w.tell(newsBegun)
		c.do(&Guard{watcher: w})
		if news.String() != c.want {
			t.Errorf("%s: told %q, want %q", name, news.String(), c.want)
		}
	}
}

func TestWithoutAWatcherAGuardDoesNothing(t *testing.T) {
	g := &Guard{watcher: &watcher{}}
	g.Made()
	g.Gone()
}

func TestAWatcherOfACleanEndDoesNothing(t *testing.T) {
	t.Cleanup(func() { signal.Reset() })
	t.Setenv("DOCKER_HOST", "unix:///nonexistent.sock") // it must not even look for the engine
	if code := Reap("nobody/1", bytes.NewBufferString("+=-+=-")); code != 0 {
		t.Errorf("it ends with %d", code)
	}
	was := backWithin
	backWithin = time.Millisecond
	t.Cleanup(func() { backWithin = was })
	if code := Reap("nobody/1", bytes.NewBufferString("+=")); code != 1 {
		t.Errorf("without an engine it ends with %d", code)
	}
}
