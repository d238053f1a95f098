//go:build linux

package agent

import (
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// Agent holds the cells of one container.
type Agent struct {
	mu    sync.Mutex
	cells map[string]*cell
	hello agentapi.Hello
}

func (a *Agent) cell(id string) (*cell, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.cells[id]
	if c == nil {
		return nil, fmt.Errorf("there is no cell %q", id)
	}
	return c, nil
}

// Calls are the calls that the agent answers, as net/rpc wants them. Each does one thing and returns when it is done.
type Calls struct{ agent *Agent }

// in does something in one of the cells. A bug that shows in one cell does not end the others.
func (s *Calls) in(id string, do func(*cell) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("a bug in the lab's program: %v\n%s", r, debug.Stack())
		}
	}()
	c, err := s.agent.cell(id)
	if err != nil {
		return err
	}
	return do(c)
}

// Hello says what the container is like.
func (s *Calls) Hello(_ agentapi.None, out *agentapi.Hello) error {
	*out = s.agent.hello
	return nil
}

// OpenCell makes a cell.
func (s *Calls) OpenCell(spec agentapi.CellSpec, out *agentapi.CellOpened) error {
	c, err := openCell(spec)
	if err != nil {
		return err
	}
	s.agent.mu.Lock()
	s.agent.cells[spec.ID] = c
	s.agent.mu.Unlock()
	out.Netns = fmt.Sprintf("/proc/%d/fd/%d", s.agent.hello.PID, c.netns.Fd())
	return nil
}

// CloseCell ends all that runs in a cell and removes it.
func (s *Calls) CloseCell(id string, _ *agentapi.None) error {
	s.agent.mu.Lock()
	c := s.agent.cells[id]
	delete(s.agent.cells, id)
	s.agent.mu.Unlock()
	if c == nil {
		return nil
	}
	return c.close()
}

// Start starts a process in a cell.
func (s *Calls) Start(spec agentapi.ProcSpec, out *agentapi.ProcStarted) error {
	return s.in(spec.Cell, func(c *cell) (err error) {
		*out, err = c.start(spec)
		return err
	})
}

// Signal sends a signal to a process of a cell.
func (s *Calls) Signal(ref agentapi.ProcRef, _ *agentapi.None) error {
	return s.in(ref.Cell, func(c *cell) error { return c.signal(ref) })
}

// Play starts a fake upstream in a cell.
func (s *Calls) Play(spec agentapi.FakeSpec, _ *agentapi.None) error {
	return s.in(spec.Cell, func(c *cell) error { return c.play(spec) })
}

// Mute ends a fake upstream, with all its connections, and tells what it was asked.
func (s *Calls) Mute(ref agentapi.NameRef, out *[]fakeupstream.ConnectionRecord) error {
	return s.in(ref.Cell, func(c *cell) (err error) {
		*out, err = c.mute(ref.Name)
		return err
	})
}

// Records tells what a fake upstream was asked.
func (s *Calls) Records(ref agentapi.NameRef, out *[]fakeupstream.ConnectionRecord) error {
	return s.in(ref.Cell, func(c *cell) error {
		f, err := c.fake(ref.Name)
		if err != nil {
			return err
		}
		*out = f.Records()
		return nil
	})
}

// Ask asks as the visitor, and returns when the answer is complete and logged.
func (s *Calls) Ask(spec agentapi.AskSpec, out *agentapi.Answer) error {
	return s.in(spec.Cell, func(c *cell) (err error) {
		a, err := c.startAsk(spec)
		if err != nil {
			return err
		}
		*out, err = c.finish(a)
		return err
	})
}

// StartAsk asks as the visitor, and returns once the gateway has read the request and waits.
func (s *Calls) StartAsk(spec agentapi.AskSpec, _ *agentapi.None) error {
	return s.in(spec.Cell, func(c *cell) error {
		a, err := c.startAsk(spec)
		if err != nil {
			return err
		}
		c.mu.Lock()
		c.asks[spec.Name] = a
		c.mu.Unlock()
		return c.held(a)
	})
}

// Pending tells whether the answer has not ended yet.
func (s *Calls) Pending(ref agentapi.NameRef, out *bool) error {
	c, a, err := s.ask(ref)
	if err != nil {
		return err
	}
	*out, err = c.pending(a)
	return err
}

// EndAsk waits for the answer.
func (s *Calls) EndAsk(ref agentapi.NameRef, out *agentapi.Answer) error {
	c, a, err := s.ask(ref)
	if err != nil {
		return err
	}
	*out, err = c.finish(a)
	return err
}

func (s *Calls) ask(ref agentapi.NameRef) (*cell, *ask, error) {
	c, err := s.agent.cell(ref.Cell)
	if err != nil {
		return nil, nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.asks[ref.Name]
	if a == nil {
		return nil, nil, fmt.Errorf("cell %s has no request %q under way", ref.Cell, ref.Name)
	}
	return c, a, nil
}

// Move moves the clock of a cell.
func (s *Calls) Move(spec agentapi.MoveSpec, _ *agentapi.None) error {
	return s.in(spec.Cell, func(c *cell) error {
		c.runs = c.runs || spec.Runs
		return c.moveClock(spec.Offset)
	})
}

// Resting tells whether all that runs in a cell waits for something to happen.
func (s *Calls) Resting(id string, out *bool) error {
	return s.in(id, func(c *cell) (err error) {
		*out, err = c.atRest()
		return err
	})
}

// Listens tells whether something listens at an address of a cell.
func (s *Calls) Listens(ref agentapi.NameRef, out *bool) error {
	return s.in(ref.Cell, func(c *cell) error {
		missing, err := c.notListening([]string{ref.Name})
		*out = missing == ""
		return err
	})
}

// Break breaks the network of a cell in one place.
func (s *Calls) Break(spec agentapi.NetSpec, _ *agentapi.None) error {
	return s.in(spec.Cell, func(c *cell) error { return c.breakNet(spec) })
}

// Mend undoes a Break.
func (s *Calls) Mend(spec agentapi.NetSpec, _ *agentapi.None) error {
	return s.in(spec.Cell, func(c *cell) error { return c.mendNet(spec) })
}

// Change changes a file of a cell.
func (s *Calls) Change(spec agentapi.FileSpec, _ *agentapi.None) error {
	return s.in(spec.Cell, func(c *cell) error { return c.changeFile(spec) })
}

// Disk makes a folder of a cell a small file system, or gives it back.
func (s *Calls) Disk(spec agentapi.DiskSpec, _ *agentapi.None) error {
	return s.in(spec.Cell, func(c *cell) error { return c.disk(spec) })
}

// Read reads a file of a cell.
func (s *Calls) Read(ref agentapi.NameRef, out *agentapi.FileText) error {
	return s.in(ref.Cell, func(c *cell) error {
		text, err := c.readFile(ref.Name)
		if os.IsNotExist(err) {
			out.Missing = true
			return nil
		}
		out.Text = string(text)
		return err
	})
}

// News is what was added to each log file of a cell since the last answer or the last News.
func (s *Calls) News(id string, out *map[string]string) error {
	return s.in(id, func(c *cell) (err error) {
		*out, err = c.news()
		return err
	})
}

// Watch begins to watch a file of the cell, for Opened.
func (s *Calls) Watch(ref agentapi.NameRef, _ *agentapi.None) error {
	return s.in(ref.Cell, func(c *cell) error { return c.watch(ref.Name) })
}

// Opened waits until a program has opened a file that is watched.
func (s *Calls) Opened(ref agentapi.NameRef, _ *agentapi.None) error {
	return s.in(ref.Cell, func(c *cell) error { return c.opened(ref.Name) })
}

// Run runs a command in the container, outside of any cell, and tells what it printed.
func (s *Calls) Run(argv []string, out *agentapi.Output) error {
	text, err := children.run(exec.Command(argv[0], argv[1:]...))
	out.Text = text
	return err
}

// Follow makes the news of a log file come with each answer.
func (s *Calls) Follow(spec agentapi.FollowSpec, _ *agentapi.None) error {
	return s.in(spec.Cell, func(c *cell) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if _, known := c.logs[spec.Path]; !known {
			c.logs[spec.Path] = 0
		}
		return nil
	})
}

// Taken waits until a real upstream has the gateway's request.
func (s *Calls) Taken(spec agentapi.TakenSpec, _ *agentapi.None) error {
	return s.in(spec.Cell, func(c *cell) error { return c.taken(spec) })
}

// Settled waits until the gateway has all that an upstream wrote, and sleeps.
func (s *Calls) Settled(spec agentapi.TakenSpec, _ *agentapi.None) error {
	return s.in(spec.Cell, func(c *cell) error { return c.settled(spec) })
}

// Idle waits until a process and all its children sleep.
func (s *Calls) Idle(ref agentapi.NameRef, _ *agentapi.None) error {
	return s.in(ref.Cell, func(c *cell) error {
		p, err := c.process(ref.Name)
		if err != nil {
			return err
		}
		if err := until(10*time.Second, p.idle); err != nil {
			return fmt.Errorf("waiting until %s has nothing to do: %w", ref.Name, err)
		}
		return nil
	})
}

// kernelRelease is what uname -r prints.
func kernelRelease() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}
