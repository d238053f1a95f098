//go:build linux

package agent

import (
	"cmp"
	"context"
	"fmt"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// runCommand runs a program in a sandbox, as root, to its end or that of its limit.
func (c *sandbox) runCommand(ctx context.Context, spec agentapi.ExecSpec) (done agentapi.Executed, err error) {
	limited, cancel := context.WithTimeout(ctx, cmp.Or(spec.Limit, agentapi.ExecLimit))
	defer cancel()
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
