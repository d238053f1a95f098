package engine

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/moby/moby/client"
)

// ReapCommand is the argument by which our command becomes a watcher, before
// the owner that it watches; see Reap.
const ReapCommand = "reap"

// The kinds of news that a watcher gets, a byte each.
const (
	newsBegun = '+' // a container is about to be made
	newsMade  = '=' // it runs, and ends with its owner's connection
	newsGone  = '-' // it is removed
)

// inWatcher is set in a watcher's environment. Should the program not know that it is one, and make labs, it gets no
// watcher that would do the same.
const inWatcher = "BADGATEWAY_WATCHER"

// unseenFor bounds how long a watcher looks for a container that was being made
// when its owner ended. The engine completes what it has begun, and nobody else
// is told of it.
const unseenFor = 15 * time.Second

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
// had, it does nothing: the next process's Sweep finds what is left.
func (e *Engine) Guard(ctx context.Context) *Guard {
	watchers.Lock()
	defer watchers.Unlock()
	w := watchers.of[e.host]
	if w == nil {
		w = &watcher{}
		w.news, _ = startWatcher(e.watcherProgram(ctx), e.named)
		watchers.of[e.host] = w
	}
	w.tell(newsBegun)
	return &Guard{watcher: w}
}

// Made says that the container runs.
func (g *Guard) Made() {
	g.made = true
	g.watcher.tell(newsMade)
}

// Gone says that the container is removed.
func (g *Guard) Gone() {
	g.once.Do(func() {
		if !g.made {
			g.watcher.tell(newsMade)
		}
		g.watcher.tell(newsGone)
	})
}

// watchers are those of this process, one for each engine it uses.
var watchers = struct {
	sync.Mutex
	of map[string]*watcher
}{of: map[string]*watcher{}}

type watcher struct{ news io.Writer } // nil where there is none

func (w *watcher) tell(news byte) {
	if w.news != nil {
		w.news.Write([]byte{news}) // one that was killed is no longer interested
	}
}

// watcherProgram makes the command that becomes the watcher: the running
// program if it is our command, else, on Linux, the one that the labs run.
func (e *Engine) watcherProgram(ctx context.Context) *exec.Cmd {
	if info, ok := debug.ReadBuildInfo(); ok && info.Path == agentPackage {
		if path, err := ownProgram(); err == nil {
			return exec.Command(path)
		}
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != e.arch {
		return nil
	}
	program, err := e.Agent(ctx)
	if err != nil {
		return nil
	}
	return commandOf(program)
}

// startWatcher starts the watcher in a session of its own, so that what ends
// this process with its group or its terminal leaves the watcher alone. It
// returns the pipe whose end is the sign.
//
// It finds the engine as this process did; at an address that the user named and
// this process stands in for, by that address.
func startWatcher(cmd *exec.Cmd, named string) (io.Writer, error) {
	if cmd == nil || os.Getenv(inWatcher) != "" {
		return nil, nil
	}
	defer closeFiles(cmd.ExtraFiles)
	cmd.Args = append(cmd.Args, ReapCommand, Labels()[Label])
	cmd.Dir = os.TempDir()
	cmd.Env = append(os.Environ(), inWatcher+"=1")
	if named != "" {
		cmd.Env = append(cmd.Env, "DOCKER_HOST="+named)
	}
	detach(cmd)
	news, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go cmd.Wait() // so that one that was killed is no zombie
	return news, nil
}

func closeFiles(all []*os.File) {
	for _, f := range all {
		f.Close()
	}
}

// Reap is the watcher: it waits for the end of the news, which is the end of
// the owner, and removes what the owner has left on the engine. It returns the
// exit code.
func Reap(owner string, news io.Reader) int {
	// A service manager that ends a whole service means the owner.
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	being, running := hear(news)
	if being+running == 0 {
		return 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), backWithin)
	defer cancel()
	e, err := findAgain(ctx)
	if err == nil {
		err = e.reap(ctx, owner, being, running)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "badgateway reap:", err)
		return 1
	}
	return 0
}

// backWithin is how long a watcher waits for an engine that has ended too: one that is restarted has kept the volume.
var backWithin = 5 * time.Minute

// findAgain waits for the engine.
func findAgain(ctx context.Context) (*Engine, error) {
	for {
		e, err := Find(ctx, Options{})
		if err == nil {
			return e, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// hear reads the news to their end, and counts the containers that were
// being made and those that were running then.
func hear(news io.Reader) (being, running int) {
	b := make([]byte, 64)
	for {
		n, err := news.Read(b)
		for _, what := range b[:n] {
			switch what {
			case newsBegun:
				being++
			case newsMade:
				being, running = being-1, running+1
			case newsGone:
				running--
			}
		}
		if err != nil {
			return being, running
		}
	}
}

// reap removes an owner's containers and volumes. Those that were running may
// be gone unseen; for those that were being made it waits until it has seen as
// many, or for unseenFor.
func (e *Engine) reap(ctx context.Context, owner string, being, running int) error {
	ours := client.Filters{}.Add("label", e.label+"="+owner)
	seen := map[string]bool{}
	deadline := time.Now().Add(unseenFor)
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 250*time.Millisecond) {
		left, err := e.remove(ctx, ours, seen)
		if err == nil && left == 0 && (being == 0 || len(seen) >= being+running || time.Now().After(deadline)) {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// remove removes the containers and volumes of a filter, and tells how many it
// found. What could not be removed is found again.
func (e *Engine) remove(ctx context.Context, of client.Filters, seen map[string]bool) (found int, err error) {
	containers, err := e.client.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: of})
	if err != nil {
		return 0, fmt.Errorf("listing containers: %w", err)
	}
	for _, c := range containers.Items {
		seen[c.ID] = true
		e.client.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	}
	volumes, err := e.client.VolumeList(ctx, client.VolumeListOptions{Filters: of})
	if err != nil {
		return 0, fmt.Errorf("listing volumes: %w", err)
	}
	for _, v := range volumes.Items {
		e.client.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{})
	}
	return len(containers.Items) + len(volumes.Items), nil
}
