package lab

import (
	"context"
	"time"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// Put writes files, links and folders into the sandbox.
func (c *Sandbox) Put(ctx context.Context, files ...File) error {
	return c.call(ctx, "Put", agentapi.PutSpec{Files: files}, nil)
}

// Exec runs a program in the sandbox to its end, for ten seconds at the most.
func (c *Sandbox) Exec(ctx context.Context, argv ...string) (Executed, error) {
	return c.ExecWithin(ctx, agentapi.ExecLimit, argv...)
}

// ExecWithin is Exec with a limit of its own.
func (c *Sandbox) ExecWithin(ctx context.Context, limit time.Duration, argv ...string) (out Executed, err error) {
	err = c.call(ctx, "Exec", agentapi.ExecSpec{Argv: argv, Limit: limit}, &out)
	return out, err
}

// There says which of these paths the sandbox has.
func (c *Sandbox) There(ctx context.Context, paths ...string) (found []string, err error) {
	err = c.call(ctx, "Look", agentapi.LookSpec{Paths: paths}, &found)
	return found, err
}

// Names are what a folder of the sandbox holds; none where there is no such folder.
func (c *Sandbox) Names(ctx context.Context, folder string) (names []string, err error) {
	err = c.call(ctx, "Names", agentapi.NameRef{Name: folder}, &names)
	return names, err
}

// Written is all that was written in the sandbox, so that it can be put into another.
func (c *Sandbox) Written(ctx context.Context) (files []File, err error) {
	err = c.call(ctx, "Written", agentapi.None{}, &files)
	return files, err
}

// ReadTree reads the files of a folder of the sandbox, by their full path.
func (c *Sandbox) ReadTree(ctx context.Context, folder string) (map[string]string, error) {
	var out agentapi.Tree
	err := c.call(ctx, "ReadTree", agentapi.NameRef{Name: folder}, &out)
	return out, err
}

// Wipe empties folders, such as caches, of the sandbox.
func (c *Sandbox) Wipe(ctx context.Context, folders ...string) error {
	return c.call(ctx, "Wipe", agentapi.WipeSpec{Folders: folders}, nil)
}

// StartCommand starts the gateway by that command. A config that it refuses is a [ConfigError].
func (c *Sandbox) StartCommand(ctx context.Context, argv ...string) error {
	driver := c.setup.Gateway.Driver
	spec := agentapi.ProcSpec{Argv: argv, Clock: c.Clocked(), Wake: driver.Wake}
	var out agentapi.ProcStarted
	if err := c.call(ctx, "StartCommand", spec, &out); err != nil {
		return err
	}
	c.isRunning(!out.Exited)
	if out.Exited {
		return &ConfigError{Program: argv[0], Output: out.Output, Lines: driver.Refusal(out.Output)}
	}
	return nil
}

// isRunning notes whether the gateway runs from now on, and reports whether it did.
func (c *Sandbox) isRunning(now bool) (before bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before, c.running = c.running, now
	return before
}

// SetBehaviour makes upstreams and names behave so from now on; all that are not named are healthy.
func (c *Sandbox) SetBehaviour(ctx context.Context, upstreams []UpstreamBehaviour, names []NameBehaviour) error {
	return c.call(ctx, "SetBehaviour", agentapi.BehaviourSpec{Upstreams: upstreams, Names: names}, nil)
}

// Probe asks the gateway as a client with an address of its own. The sandbox's time passes until the answer is there, from
// one moment at which something may end to the next.
func (c *Sandbox) Probe(ctx context.Context, spec ProbeSpec) (out ProbeAnswer, err error) {
	if !c.exchange.TryLock() {
		return out, ErrBusy
	}
	defer c.exchange.Unlock()
	if spec.From == "" {
		_, spec.From = c.nextClient()
	}
	err = c.call(ctx, "Probe", spec, &out)
	return out, err
}

// DrainEvents is what upstreams and names saw since it was last told.
func (c *Sandbox) DrainEvents(ctx context.Context) (out Events, err error) {
	err = c.call(ctx, "DrainEvents", agentapi.None{}, &out)
	return out, err
}
