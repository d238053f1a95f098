package lab

import (
	"context"
	"fmt"
	"strings"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// RunBeside runs a program, as root, where a real upstream runs, with the files that it has, and waits for its end. It returns what
// that printed, 16 KiB at the most. One that ends with another code than 0 is an error.
func (c *Sandbox) RunBeside(ctx context.Context, upstream string, argv ...string) (output string, err error) {
	u, err := c.Upstream(upstream)
	if err != nil {
		return "", err
	}
	if u.Real == nil || len(argv) == 0 {
		return "", fmt.Errorf("no program can be run beside the upstream %s: it takes a real one, and a program", upstream)
	}
	s, err := c.containerOf(ctx, u)
	if err != nil {
		return "", err
	}
	line := strings.Join(argv, " ")
	var done agentapi.Executed
	if err := s.client.Call(ctx, c.id, "RunCommand", agentapi.ExecSpec{Argv: argv}, &done); err != nil {
		return "", fmt.Errorf("running %s: %w", line, err)
	}
	c.Note("command", "%s ends with %d, and prints: %s", line, done.Code, strings.TrimSpace(done.Output))
	if done.Code != 0 {
		return done.Output, fmt.Errorf("%s ends with %d, and prints: %s", line, done.Code, done.Output)
	}
	return done.Output, nil
}
