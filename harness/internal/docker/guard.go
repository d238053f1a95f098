package docker

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// A Guard stands for one container that is about to be made. Should this
// process end before the container is gone, in whatever way, a watcher removes
// it: a process of its own that notices the end by a pipe.
//
// A container that runs ends by itself with its owner's connection. The guard
// is for one that is made and not started yet, which the engine would keep.
type Guard struct {
	watcher *watcher
	made    bool
	once    sync.Once
}

// Guard is to be called before a container is made. Where no watcher can be
// had, that is said, and the next process's Sweep finds what is left.
func (e *Engine) Guard(ctx context.Context) *Guard {
	w := e.watcher(ctx)
	w.tell(newsBegun, aContainer)
	return &Guard{watcher: w}
}

// Made says that the container runs.
func (g *Guard) Made() {
	g.made = true
	g.watcher.tell(newsMade, aContainer)
}

// Gone says that the container is removed.
func (g *Guard) Gone() {
	g.once.Do(func() {
		if !g.made {
			g.watcher.tell(newsMade, aContainer)
		}
		g.watcher.tell(newsGone, aContainer)
	})
}

// builds counts those of this process.
var builds atomic.Int64

// guardBuild is to be called before the engine is told to build an image, which
// it does in containers of its own. They, and the images half made, carry the
// label that is returned. Over says that all of them are gone.
func (e *Engine) guardBuild(ctx context.Context) (label string, over func()) {
	w := e.watcher(ctx)
	w.tell(newsBegun, aBuild)
	label = fmt.Sprintf("%s/build-%d", self(), builds.Add(1))
	return label, func() { w.tell(newsGone, aBuild) }
}
