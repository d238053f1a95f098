//go:build linux

package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

func (s *Calls) inWorld(id string, do func(*world) error) error {
	return s.in(id, func(c *cell) error {
		if c.world == nil {
			return fmt.Errorf("cell %s is no world", id)
		}
		return do(c.world)
	})
}

// Conduct makes the upstreams and names of a world behave so.
func (s *Calls) Conduct(spec agentapi.ConductSpec, _ *agentapi.None) error {
	return s.inWorld(spec.Cell, func(w *world) error { return w.behaveAndRest(spec) })
}

// behaveAndRest sees to it that the gateway has noticed, for connections that it kept are closed.
func (w *world) behaveAndRest(spec agentapi.ConductSpec) error {
	if err := w.behave(spec); err != nil {
		return err
	}
	if _, err := w.cell.process(gatewayProcess); err != nil {
		return nil // nothing runs yet that would have to notice
	}
	_, err := w.rest(restLimit, nil)
	return err
}

// AskWorld asks a world's gateway as a visitor.
func (s *Calls) AskWorld(spec agentapi.WorldAskSpec, out *agentapi.WorldAnswer) error {
	return s.inWorld(spec.Cell, func(w *world) (err error) {
		*out, err = w.ask(spec)
		return err
	})
}

// WorldNews is what upstreams and names saw since it was last asked for.
func (s *Calls) WorldNews(id string, out *agentapi.WorldNews) error {
	return s.inWorld(id, func(w *world) error {
		*out = w.news()
		return nil
	})
}

// Put writes files into a world.
func (s *Calls) Put(spec agentapi.PutSpec, _ *agentapi.None) error {
	return s.inWorld(spec.Cell, func(w *world) error {
		for _, f := range spec.Files {
			if err := w.cell.writeFile(f); err != nil {
				return err
			}
		}
		return nil
	})
}

// treeLimit bounds what ReadTree reads of one file, and treeFiles how many.
const (
	treeLimit = 1 << 20
	treeFiles = 20000
)

// ReadTree reads the files of a folder of a world.
func (s *Calls) ReadTree(ref agentapi.NameRef, out *agentapi.Tree) error {
	return s.inWorld(ref.Cell, func(w *world) error {
		*out = agentapi.Tree{}
		// On the cell's own thread, which sees the world's root and none other.
		return w.cell.inside(func() error {
			return filepath.WalkDir(ref.Name, func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() || len(*out) >= treeFiles {
					return nil
				}
				if text, _, err := w.cell.jail.root.read(path, 0, treeLimit); err == nil {
					(*out)[path] = string(text)
				}
				return nil
			})
		})
	})
}

// Look says which of these paths a world has.
func (s *Calls) Look(spec agentapi.LookSpec, out *[]string) error {
	return s.inWorld(spec.Cell, func(w *world) error {
		*out = []string{}
		for _, p := range spec.Paths {
			if fd, err := w.cell.jail.root.at(p, unix.O_PATH, 0); err == nil {
				unix.Close(fd)
				*out = append(*out, p)
			}
		}
		return nil
	})
}

// Names are what a folder of a world holds; none where there is no such folder.
func (s *Calls) Names(ref agentapi.NameRef, out *[]string) error {
	return s.inWorld(ref.Cell, func(w *world) error {
		*out = []string{}
		return w.cell.inside(func() error {
			entries, err := os.ReadDir(ref.Name)
			for _, e := range entries[:min(len(entries), treeFiles)] {
				*out = append(*out, e.Name())
			}
			if err != nil && len(entries) == 0 {
				return nil
			}
			return err
		})
	})
}

// Written is all that a world has written over the image, in an order in which it can be put into another.
func (s *Calls) Written(id string, out *[]agentapi.File) error {
	return s.inWorld(id, func(w *world) (err error) {
		*out, err = w.cell.jail.written()
		return err
	})
}

// Wipe empties folders of a world.
func (s *Calls) Wipe(spec agentapi.WipeSpec, _ *agentapi.None) error {
	return s.inWorld(spec.Cell, func(w *world) error {
		return w.cell.inside(func() error {
			for _, f := range spec.Folders {
				entries, err := os.ReadDir(f)
				if err != nil {
					continue // not there is as good as empty
				}
				for _, e := range entries {
					if err := os.RemoveAll(filepath.Join(f, e.Name())); err != nil {
						return fmt.Errorf("emptying %s of cell %s: %w", f, w.cell.id, err)
					}
				}
			}
			return nil
		})
	})
}

// StartWorld starts a world's gateway, and waits until all its workers have nothing to do.
func (s *Calls) StartWorld(spec agentapi.ProcSpec, out *agentapi.ProcStarted) error {
	return s.inWorld(spec.Cell, func(w *world) (err error) {
		spec.Name, spec.Ready = gatewayProcess, nil
		if *out, err = w.cell.start(spec); err != nil || out.Exited {
			return err
		}
		p, err := w.cell.process(gatewayProcess)
		if err != nil {
			return err
		}
		for {
			if err := w.up(p, spec.Limit); errors.Is(err, errLimit) {
				return fmt.Errorf("%s: %w; it printed: %s", agentapi.NotUp, err, p.printed())
			} else if err != nil {
				return fmt.Errorf("waiting until the gateway is up: %w; it printed: %s", err, p.printed())
			}
			w.cell.mu.Lock()
			p.resident, p.up = grandchildrenOf(p.pid), true
			w.cell.mu.Unlock()
			now, err := w.cell.process(gatewayProcess)
			if err != nil || now == p {
				break
			}
			p = now // a daemon has taken the place of what started it
		}
		select {
		case <-p.ended:
			*out = agentapi.ProcStarted{PID: p.pid, Exited: true, Output: p.printed()}
		default:
		}
		return nil
	})
}

// up waits until a gateway is through with its start: it sleeps, and so do its workers, which it makes when it listens. One
// that works without a master has none; it has to sleep for a while.
func (w *world) up(p *process, limit time.Duration) error {
	if limit == 0 {
		limit = agentapi.UpLimit
	}
	var last quiet
	var since time.Time
	return soon(limit, func() (bool, error) {
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
		return len(childrenOf(p.pid)) > 0 || time.Since(since) > aloneFor, nil
	})
}

// aloneFor is how long a gateway without workers has to sleep to count as started.
const aloneFor = 3 * time.Second

// Pass lets time pass in a world; Offset is how much from where it stands.
func (s *Calls) Pass(spec agentapi.MoveSpec, _ *agentapi.None) error {
	return s.inWorld(spec.Cell, func(w *world) error {
		w.cell.runs = w.cell.runs || spec.Runs
		return w.cell.moveClock(w.cell.clock.ahead() + spec.Offset)
	})
}
