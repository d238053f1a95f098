//go:build linux

package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// setBehaviourAndWait makes the upstreams and names of the sandbox behave so, and sees to it that the gateway has noticed: connections
// that it kept are closed.
func (w *catchAll) setBehaviourAndWait(ctx context.Context, spec agentapi.BehaviourSpec) error {
	if err := w.setBehaviour(ctx, spec); err != nil {
		return err
	}
	if _, err := w.cell.process(gatewayProcess); err != nil {
		return nil // nothing runs yet that would have to notice
	}
	if _, err := w.waitQuiescent(ctx, restLimit, nil); err != nil {
		return fmt.Errorf("waiting until the gateway has noticed what its upstreams do now: %w", err)
	}
	return nil
}

// drainEvents is what upstreams and names saw since it was last asked for.
func (w *catchAll) drainEvents(context.Context, agentapi.None) (agentapi.Events, error) {
	return w.news()
}

// put writes files into the sandbox.
func (w *catchAll) put(ctx context.Context, spec agentapi.PutSpec) error {
	return w.cell.put(ctx, spec.Files...)
}

// treeLimit bounds what readTree reads of one file, and treeFiles how many.
const (
	treeLimit = 1 << 20
	treeFiles = 20000
)

// readTree reads the files of a folder of the sandbox.
func (w *catchAll) readTree(ctx context.Context, ref agentapi.NameRef) (agentapi.Tree, error) {
	all := agentapi.Tree{}
	// On the sandbox's own thread, which sees the sandbox's root and none other.
	err := w.cell.inside(ctx, func() error {
		return filepath.WalkDir(ref.Name, func(path string, d fs.DirEntry, err error) error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil || d.IsDir() || len(all) >= treeFiles {
				return nil
			}
			if text, _, err := w.cell.jail.root.read(path, 0, treeLimit); err == nil {
				all[path] = string(text)
			}
			return nil
		})
	})
	return all, err
}

// lookFor says which of these paths the sandbox has.
func (w *catchAll) lookFor(_ context.Context, spec agentapi.LookSpec) ([]string, error) {
	found := []string{}
	for _, p := range spec.Paths {
		if fd, err := w.cell.jail.root.at(p, unix.O_PATH, 0); err == nil {
			unix.Close(fd)
			found = append(found, p)
		}
	}
	return found, nil
}

// namesIn are what a folder of the sandbox holds; none where there is no such folder.
func (w *catchAll) namesIn(ctx context.Context, ref agentapi.NameRef) ([]string, error) {
	all := []string{}
	err := w.cell.inside(ctx, func() error {
		entries, err := os.ReadDir(ref.Name)
		for _, e := range entries[:min(len(entries), treeFiles)] {
			all = append(all, e.Name())
		}
		if err != nil && len(entries) == 0 {
			return nil
		}
		return err
	})
	return all, err
}

// wipe empties folders of the sandbox.
func (w *catchAll) wipe(ctx context.Context, spec agentapi.WipeSpec) error {
	return w.cell.inside(ctx, func() error {
		for _, f := range spec.Folders {
			entries, err := os.ReadDir(f)
			if err != nil {
				continue // not there is as good as empty
			}
			for _, e := range entries {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if err := os.RemoveAll(filepath.Join(f, e.Name())); err != nil {
					return fmt.Errorf("emptying %s of sandbox %s: %w", f, w.cell.id, err)
				}
			}
		}
		return nil
	})
}

// start starts the sandbox's gateway, and waits until all its workers have nothing to do. One that does not come up is ended.
func (w *catchAll) start(ctx context.Context, spec agentapi.ProcSpec) (started agentapi.ProcStarted, err error) {
	spec.Name, spec.Ready = gatewayProcess, nil
	if started, err = w.cell.start(ctx, spec); err != nil || started.Exited {
		return started, err
	}
	p, err := w.awaitUp(ctx, spec.Limit)
	if err != nil {
		w.cell.discard(p)
		return started, err
	}
	select {
	case <-p.ended:
		return agentapi.ProcStarted{PID: p.pid, Exited: true, Output: p.printed()}, nil
	default:
		return started, nil
	}
}

// awaitUp waits until the gateway is up, or has ended. A daemon takes the place of what started it.
func (w *catchAll) awaitUp(ctx context.Context, limit time.Duration) (*process, error) {
	var p *process
	for {
		now, err := w.cell.process(gatewayProcess)
		if err != nil || now == p {
			return p, err
		}
		p = now
		if err := w.up(ctx, p, limit); errors.Is(err, errLimit) {
			return p, fmt.Errorf("%w: %w; it printed: %s", agentapi.ErrNotUp, err, p.printed())
		} else if err != nil {
			return p, fmt.Errorf("waiting until the gateway is up: %w; it printed: %s", err, p.printed())
		}
		w.cell.mu.Lock()
		p.resident, p.up = p.proc.grandchildren(p.pid), true
		w.cell.mu.Unlock()
	}
}

// up waits until a gateway is through with its start: it sleeps, and so do its workers, which it makes when it listens. One
// that works without a master has none; it has to sleep for a while.
func (w *catchAll) up(ctx context.Context, p *process, limit time.Duration) error {
	if limit == 0 {
		limit = agentapi.UpLimit
	}
	var last activity
	var since time.Time
	return pollFast(ctx, limit, func() (bool, error) {
		select {
		case <-p.ended:
			return true, nil
		default:
		}
		q, asleep, err := w.look(p)
		if err != nil || !asleep || q != last {
			last, since = q, time.Now()
			return false, err
		}
		return len(p.proc.children(p.pid)) > 0 || time.Since(since) > aloneFor, nil
	})
}

// aloneFor is how long a gateway without workers has to sleep to count as started.
const aloneFor = 3 * time.Second

// pass lets time pass in the sandbox; Offset is how much from where it stands.
func (w *catchAll) pass(ctx context.Context, spec agentapi.MoveSpec) error {
	w.cell.runs = w.cell.runs || spec.Runs
	return w.cell.moveClock(ctx, w.cell.clock.ahead()+spec.Offset)
}
