package lab

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// RunBeside runs a program, as root, where a real upstream runs, with the files that it has, and waits for its end. It returns what
// that printed, 16 KiB at the most. One that ends with another code than 0 is an error.
func (c *Sandbox) RunBeside(ctx context.Context, upstream string, argv ...string) (output string, err error) {
	done, err := c.runBeside(ctx, upstream, agentapi.ExecSpec{Argv: argv})
	return done.Output, err
}

// awaits is for how long [Sandbox.AwaitBeside] waits: as long as anything else that the lab waits for.
const awaits = 20 * time.Second

// AwaitBeside waits for something that befalls the machine of a real upstream: it runs a program there, as [Sandbox.RunBeside] does, again
// and again until that ends with 0. One that still does not after 20 s is an error.
func (c *Sandbox) AwaitBeside(ctx context.Context, upstream string, argv ...string) error {
	_, err := c.runBeside(ctx, upstream, agentapi.ExecSpec{Argv: argv, Until: true, Limit: awaits})
	return err
}

func (c *Sandbox) runBeside(ctx context.Context, upstream string, spec agentapi.ExecSpec) (done agentapi.Executed, err error) {
	u, err := c.Upstream(upstream)
	if err != nil {
		return done, err
	}
	if u.Real == nil || len(spec.Argv) == 0 {
		return done, fmt.Errorf("no program can be run beside the upstream %s: it takes a real one, and a program", upstream)
	}
	s, err := c.containerOf(ctx, u)
	if err != nil {
		return done, err
	}
	line := strings.Join(spec.Argv, " ")
	if err := s.client.Call(ctx, c.id, "RunCommand", spec, &done); err != nil {
		return done, fmt.Errorf("running %s: %w", line, err)
	}
	c.Note("command", "%s ends with %d, and prints: %s", line, done.Code, strings.TrimSpace(done.Output))
	if done.Code != 0 {
		return done, fmt.Errorf("%s ends with %d, and prints: %s", line, done.Code, done.Output)
	}
	return done, nil
}
