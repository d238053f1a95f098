//go:build linux

package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"reflect"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// Agent holds the cells of one container.
type Agent struct {
	root  string // where the cells' folders lie
	hello agentapi.Hello
	mu    sync.Mutex
	cells map[string]*cell
}

// server answers the calls. Each does one thing and returns when it is done. What it waits for ends with its context.
func (a *Agent) server() *agentapi.Server {
	return &agentapi.Server{Dial: a.dial, Calls: map[string]agentapi.Handler{
		"Hello":     agentapi.Handle(a.sayHello),
		"Run":       agentapi.Handle(run),
		"ClockOf":   agentapi.Handle(clockOf),
		"Yardstick": agentapi.Handle(yardstick),
		"OpenCell":  agentapi.Handle(a.openCell),
		"CloseCell": agentapi.Handle(a.closeCell),

		"Start":      inCell(a, (*cell).start),
		"Signal":     inCell(a, none((*cell).signal)),
		"Play":       inCell(a, none((*cell).play)),
		"Mute":       inCell(a, (*cell).mute),
		"Records":    inCell(a, (*cell).records),
		"Ask":        inCell(a, (*cell).ask),
		"StartAsk":   inCell(a, none((*cell).beginAsk)),
		"Pending":    inCell(a, (*cell).pending),
		"EndAsk":     inCell(a, (*cell).endAsk),
		"Move":       inCell(a, none((*cell).move)),
		"Resting":    inCell(a, (*cell).resting),
		"Listens":    inCell(a, (*cell).listens),
		"Break":      inCell(a, none((*cell).breakNet)),
		"Mend":       inCell(a, none((*cell).mendNet)),
		"Change":     inCell(a, (*cell).changeFile),
		"ChangeBack": inCell(a, none((*cell).changeBack)),
		"Disk":       inCell(a, none((*cell).disk)),
		"Read":       inCell(a, (*cell).readText),
		"News":       inCell(a, (*cell).logNews),
		"Watch":      inCell(a, none((*cell).watch)),
		"Opened":     inCell(a, none((*cell).opened)),
		"Follow":     inCell(a, none((*cell).follow)),
		"Reached":    inCell(a, none((*cell).reached)),
		"Taken":      inCell(a, none((*cell).taken)),
		"Settled":    inCell(a, none((*cell).settled)),
		"Idle":       inCell(a, none((*cell).awaitIdle)),
		"Starved":    inCell(a, (*cell).starved),
		"Load":       inCell(a, (*cell).load),

		"Conduct":    inWorld(a, none((*world).behaveAndRest)),
		"AskWorld":   inWorld(a, (*world).ask),
		"WorldNews":  inWorld(a, (*world).tell),
		"Put":        inWorld(a, none((*world).put)),
		"ReadTree":   inWorld(a, (*world).readTree),
		"Look":       inWorld(a, (*world).lookFor),
		"Names":      inWorld(a, (*world).namesIn),
		"Written":    inWorld(a, (*world).written),
		"Wipe":       inWorld(a, none((*world).wipe)),
		"Exec":       inWorld(a, (*world).exec),
		"StartWorld": inWorld(a, (*world).start),
		"Pass":       inWorld(a, none((*world).pass)),
	}}
}

// inCell makes a call of what is done in a cell, whose name is the argument or its field Cell.
func inCell[A, R any](a *Agent, do func(*cell, context.Context, A) (R, error)) agentapi.Handler {
	return agentapi.Handle(func(ctx context.Context, args A) (result R, err error) {
		id, isID := any(args).(string)
		if !isID {
			id = reflect.ValueOf(args).FieldByName("Cell").String()
		}
		c, err := a.cell(id)
		if err != nil {
			return result, err
		}
		err = c.do(ctx, func(ctx context.Context) (err error) {
			result, err = do(c, ctx, args)
			return err
		})
		return result, err
	})
}

// inWorld makes a call of what is done in a cell that is a world.
func inWorld[A, R any](a *Agent, do func(*world, context.Context, A) (R, error)) agentapi.Handler {
	return inCell(a, func(c *cell, ctx context.Context, args A) (result R, err error) {
		if c.world == nil {
			return result, fmt.Errorf("cell %s is no world", c.id)
		}
		return do(c.world, ctx, args)
	})
}

// none is for what has no result.
func none[T, A any](do func(T, context.Context, A) error) func(T, context.Context, A) (agentapi.None, error) {
	return func(t T, ctx context.Context, args A) (agentapi.None, error) {
		return agentapi.None{}, do(t, ctx, args)
	}
}

func (a *Agent) cell(id string) (*cell, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.cells[id]
	if c == nil {
		return nil, agentapi.Errorf(agentapi.ErrNoCell, "there is no cell %q", id)
	}
	return c, nil
}

// sayHello says what the container is like.
func (a *Agent) sayHello(context.Context, agentapi.None) (agentapi.Hello, error) { return a.hello, nil }

// openCell makes a cell. It can be closed from the beginning, which ends the making of it.
func (a *Agent) openCell(ctx context.Context, spec agentapi.CellSpec) (opened agentapi.CellOpened, err error) {
	c := newCell(a.root, spec)
	a.mu.Lock()
	if a.cells[c.id] != nil {
		a.mu.Unlock()
		return opened, fmt.Errorf("there is a cell %q already", c.id)
	}
	a.cells[c.id] = c
	a.mu.Unlock()
	if err := c.do(ctx, func(ctx context.Context) error { return c.open(ctx, spec) }); err != nil {
		return opened, errors.Join(err, a.remove(c))
	}
	return agentapi.CellOpened{Netns: c.netnsPath()}, nil
}

// closeCell ends all that runs in a cell and removes it. That goes on to its end, whether the caller waits for it or not.
func (a *Agent) closeCell(ctx context.Context, id string) (none agentapi.None, err error) {
	c, err := a.cell(id)
	if err != nil {
		return none, nil
	}
	closed := make(chan error, 1)
	go func() { closed <- a.remove(c) }()
	select {
	case err = <-closed:
		return none, err
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
}

func (a *Agent) remove(c *cell) error {
	err := c.close()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cells[c.id] == c {
		delete(a.cells, c.id)
	}
	return err
}

// dial opens a connection to an address in a cell, for who is outside of it.
func (a *Agent) dial(ctx context.Context, id, to string) (conn net.Conn, err error) {
	c, err := a.cell(id)
	if err != nil {
		return nil, err
	}
	err = c.do(ctx, func(ctx context.Context) error {
		return c.online(func() (err error) {
			conn, err = ours.DialContext(ctx, "tcp", to)
			return err
		})
	})
	return conn, err
}

// run runs a command in the container, outside of any cell, and gives what it printed.
func run(ctx context.Context, argv []string) (agentapi.Output, error) {
	text, err := children.run(ctx, argv...)
	return agentapi.Output{Text: text}, err
}

// records is what a fake upstream was asked.
func (c *cell) records(_ context.Context, ref agentapi.NameRef) ([]fakeupstream.ConnectionRecord, error) {
	f, err := c.fake(ref.Name)
	if err != nil {
		return nil, err
	}
	return f.Records(), nil
}

// move moves the clock of the cell.
func (c *cell) move(ctx context.Context, spec agentapi.MoveSpec) error {
	c.runs = c.runs || spec.Runs
	return c.moveClock(ctx, spec.Offset)
}

// listens reports whether something listens at an address of the cell.
func (c *cell) listens(_ context.Context, ref agentapi.NameRef) (bool, error) {
	missing, err := c.notListening([]string{ref.Name})
	return missing == "", err
}

// readText reads a file of the cell.
func (c *cell) readText(_ context.Context, ref agentapi.NameRef) (agentapi.FileText, error) {
	text, err := c.readFile(ref.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return agentapi.FileText{Missing: true}, nil
	}
	return agentapi.FileText{Text: string(text)}, err
}

// logNews is what was added to each log file of the cell since the last answer or the last news.
func (c *cell) logNews(context.Context, string) (map[string]string, error) { return c.news() }

// follow makes the news of a log file come with each answer.
func (c *cell) follow(_ context.Context, spec agentapi.FollowSpec) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.logs[spec.Path]; !known {
		c.logs[spec.Path] = 0
	}
	return nil
}

// awaitIdle waits until a process and all its children sleep.
func (c *cell) awaitIdle(ctx context.Context, ref agentapi.NameRef) error {
	p, err := c.process(ref.Name)
	if err != nil {
		return err
	}
	if err := until(ctx, 10*time.Second, p.idle); err != nil {
		return fmt.Errorf("waiting until %s has nothing to do: %w", ref.Name, err)
	}
	return nil
}

// kernelRelease is what uname -r prints.
func kernelRelease() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}
