//go:build linux

package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// runCommand runs a program in a sandbox, as root, to its end or that of its limit; with Until again and again.
func (c *sandbox) runCommand(ctx context.Context, spec agentapi.ExecSpec) (done agentapi.Executed, err error) {
	limit := cmp.Or(spec.Limit, agentapi.ExecLimit)
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if !spec.Until {
		return c.runOnce(ctx, limited, spec)
	}
	done.Code = -1
	err = poll(limited, limit, func() (bool, error) {
		once, err := c.runOnce(ctx, limited, spec)
		if err == nil && !once.Late {
			done = once // one that the limit cut off says nothing
		}
		return once.Code == 0, err
	})
	if ctx.Err() == nil && (errors.Is(err, errLimit) || limited.Err() != nil) {
		done.Late, err = true, nil
	}
	return done, err
}

// runOnce runs a program in a sandbox until it ends, or limited does.
func (c *sandbox) runOnce(ctx, limited context.Context, spec agentapi.ExecSpec) (done agentapi.Executed, err error) {
	cmd := command(limited, spec.Argv)
	cmd.Env = imageEnv()
	text := &tail{}
	cmd.Stdout, cmd.Stderr = text, text
	if err := c.inside(ctx, func() error { return children.start(cmd) }); err != nil {
		return done, fmt.Errorf("starting %s: %w", spec.Argv[0], err)
	}
	_ = children.wait(cmd) // the state says how it ended
	if ctx.Err() != nil {
		return done, context.Cause(ctx)
	}
	return agentapi.Executed{Late: limited.Err() != nil, Output: text.String(), Code: cmd.ProcessState.ExitCode()}, nil
}
